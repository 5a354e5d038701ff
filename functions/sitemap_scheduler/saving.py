"""Save a scan: the Sitemap's report, and one SitemapFile per file, unique by domain and URL."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, case, func, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.models import Sitemap, SitemapFile
from scrapersky.models.inserts import ROWS_PER_STATEMENT
from scrapersky.runtime.outcomes import Made, Write
from scrapersky.vocabulary import RecordId, SitemapType
from sitemap_scheduler.finding import Finding
from sitemap_scheduler.scan import Scan

MAX_REPORT_ROWS = 1_000

KEPT_FROM_THE_FIRST_SCAN = frozenset({"domain_id", "tenant", "label", "url", "discovery_method", "parent_url"})


def save_scan(record: Sitemap, scan: Scan) -> Write:
    """Return a write that stores the scan and returns the files to import.

    These are all but indexes and files known not to be sitemaps. A file that the site declares and that could not be
    read now is among them: its import retries by itself.
    """
    common = {
        "sitemap_id": record.id, "domain_id": record.domain_id, "tenant": record.tenant, "label": record.label
    }  # fmt: skip

    def save(connection: Connection) -> Made:
        connection.execute(
            update(Sitemap)
            .where(Sitemap.id == common["sitemap_id"])
            .values(
                files_found=len(scan.sitemaps),
                requests_made=scan.requests,
                scanned_at=func.now(),
                report=scan.report[:MAX_REPORT_ROWS],
            )
        )
        # In URL order: two scans of one domain must lock its files in the same order.
        kept = iter(sorted((finding for finding in scan.findings if finding.is_kept), key=lambda finding: finding.url))
        importable: list[RecordId] = []
        while rows := [common | _columns(finding) for finding in islice(kept, ROWS_PER_STATEMENT)]:
            importable += _upsert(connection, rows)
        return {"sitemap_files": importable if scan.sitemaps else []}

    return save


def _upsert(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[RecordId]:
    """Insert or update the files; facts that are unknown now keep their old values. Return the importable ones' ids."""
    upsert = insert(SitemapFile).values(rows)
    new = upsert.excluded
    facts = {
        name: case((new.is_valid.is_(None), getattr(SitemapFile, name)), else_=new[name])
        for name in rows[0]
        if name not in KEPT_FROM_THE_FIRST_SCAN
    }
    files = connection.execute(
        upsert.on_conflict_do_update(
            index_elements=[SitemapFile.domain_id, SitemapFile.url],
            set_={
                **facts,
                "sitemap_id": new.sitemap_id,
                "label": func.coalesce(SitemapFile.label, new.label),
                "updated_at": func.now(),
            },
        ).returning(SitemapFile.id, SitemapFile.sitemap_type, SitemapFile.is_valid)
    )
    return [file.id for file in files if file.is_valid is not False and file.sitemap_type != SitemapType.INDEX.value]


def _columns(finding: Finding) -> dict[str, Any]:
    return {
        "url": finding.url,
        "parent_url": finding.parent_url,
        "sitemap_type": finding.sitemap_type,
        "discovery_method": finding.method.value,
        "http_status": finding.http_status,
        "size_bytes": finding.size_bytes,
        "url_count": finding.url_count,
        "has_lastmod": finding.has_lastmod,
        "is_gzip": finding.is_gzip,
        "is_valid": finding.is_valid,
        "invalid_reason": None if finding.is_sitemap else f"{finding.result}: {finding.reason}",
        "broken_at": finding.broken_at,
    }
