"""Stores what a scan found: the Sitemap's report, and a SitemapFile for each file, unique by domain and url."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.models import Sitemap, SitemapFile, SitemapType
from scrapersky.service.outcomes import Write
from sitemap_scheduler.finding import Finding
from sitemap_scheduler.scan import Scan

MAX_REPORTED = 1_000
"""Rows of a report that are kept."""

KEPT_FROM_THE_FIRST_SCAN = frozenset({"domain_id", "tenant", "url", "discovery_method", "parent_url"})


def note(record: Sitemap, scan: Scan) -> Write:
    """A write that stores the scan and returns the files to import: valid ones, and no indexes."""
    sitemap_id, domain_id, tenant = record.id, record.domain_id, record.tenant

    def save(connection: Connection) -> Sequence[int]:
        connection.execute(
            update(Sitemap)
            .where(Sitemap.id == sitemap_id)
            .values(
                files_found=len(scan.sitemaps),
                requests_made=len(scan.findings),
                scanned_at=func.now(),
                report=[finding.reported() for finding in scan.findings[:MAX_REPORTED]],
            )
        )
        # By url: two scans of one domain must take their locks in the same order.
        kept = sorted((finding for finding in scan.findings if finding.worth_keeping), key=lambda finding: finding.url)
        if not kept:
            return []
        common = {"sitemap_id": sitemap_id, "domain_id": domain_id, "tenant": tenant}
        upsert = insert(SitemapFile).values([common | _columns(finding) for finding in kept])
        facts = {name: upsert.excluded[name] for name in _columns(kept[0]) if name not in KEPT_FROM_THE_FIRST_SCAN}
        rows = connection.execute(
            upsert.on_conflict_do_update(
                index_elements=[SitemapFile.domain_id, SitemapFile.url],
                set_={**facts, "sitemap_id": sitemap_id, "updated_at": func.now()},
            ).returning(SitemapFile.id, SitemapFile.sitemap_type, SitemapFile.is_valid)
        )
        return [row.id for row in rows if row.is_valid and row.sitemap_type != SitemapType.INDEX.value]

    return save


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
        "is_valid": finding.is_sitemap,
        "invalid_reason": None if finding.is_sitemap else f"{finding.result}: {finding.reason}",
        "broken_at": finding.broken_at,
    }
