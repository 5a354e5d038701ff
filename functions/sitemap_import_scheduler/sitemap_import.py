"""Import: read one sitemap file as a stream and store its pages."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy import Connection, func, text, update

from scrapersky.errors import FetchFailed
from scrapersky.models import SitemapFile
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Write
from scrapersky.vocabulary import CONTACT_PAGES, RecordId, SitemapType
from scrapersky.web.client import Response
from scrapersky.web.sitemaps import Kind, Limits, SitemapReader, SitemapRefused, read_entries, reader_of
from sitemap_import_scheduler.spool import Spool

NOT_MODIFIED = 304
VALID = {"is_valid": True, "invalid_reason": None}

NEW_CONTACT_PAGES = text(
    f"SELECT id FROM pages WHERE domain_id = :domain_id AND page_reading_status = 'New' AND {CONTACT_PAGES}"
    " ORDER BY path_depth, id LIMIT 200"
)


async def import_sitemap(record: SitemapFile, ctx: JobContext) -> Outcome:
    """Import the pages that ``record.url`` lists.

    Done with ``imported``; ``empty`` (a valid sitemap without URLs); ``not_modified`` (304 to the conditional GET);
    ``partial`` (truncated or broken: the readable part is kept) or ``capped`` (larger than the limits), both with the
    place in ``broken_at``. Fails with ``is_an_index``, or with the reader's code for a body that is not a sitemap.
    Pages on other hosts, which a sitemap may list (sitemaps.org, "cross submits"), are kept and marked ``other_host``.
    """
    conditions = _conditions(record)
    async with ctx.web.stream(record.url, deadline=ctx.remaining(), headers=conditions, truncate=True) as response:
        if response.status == NOT_MODIFIED:
            if not conditions:
                raise FetchFailed("bad_response", f"{record.url} answered 304 to a request without conditions")
            return Done("not_modified", write=_save(record, {**VALID, "imported_at": func.now()}))
        response.raise_for_status()
        limits = Limits(urls=ctx.settings.import_max_urls, decoded_bytes=ctx.settings.import_max_decoded_bytes)
        reader = reader_of(response, limits)
        spool = Spool(record.domain.domain)
        try:
            async with aclosing(read_entries(reader, response)) as batches:
                async for batch in batches:
                    if reader.kind is Kind.INDEX:
                        break
                    spool.add(batch)
        except SitemapRefused as refused:
            facts = {"is_valid": False, "invalid_reason": refused.reason, "http_status": response.status}
            return Fail(refused.code, refused.reason, write=_save(record, facts))
    if reader.kind is Kind.INDEX:
        reason = f"{record.url} is a sitemap index: import its children instead"
        return Fail("is_an_index", reason, write=_save(record, {**VALID, "sitemap_type": SitemapType.INDEX.value}))
    return _outcome(record, response, reader, spool)


def _outcome(record: SitemapFile, response: Response, reader: SitemapReader, spool: Spool) -> Outcome:
    broken_at = reader.error
    facts: dict[str, Any] = {
        **VALID,
        "imported_at": func.now(),
        "broken_at": broken_at,
        "sitemap_type": reader.file_type,
        "http_status": response.status,
        "size_bytes": response.wire_bytes,
        "url_count": reader.urls,
        "has_lastmod": reader.with_lastmod > 0,
        "is_gzip": reader.is_gzip,
        # An incomplete body must be fetched again, not be confirmed by a conditional GET.
        "etag": None if broken_at else response.headers.get("etag"),
        "last_modified": None if broken_at else response.headers.get("last-modified"),
    }
    if reader.capped:
        code = "capped"
    elif broken_at:
        code = "partial"
    else:
        code = "imported" if reader.urls else "empty"
    detail = {"urls": reader.urls, "skipped": reader.skipped, "bytes": reader.decoded_bytes, "broken_at": broken_at}
    return Done(code, write=_save(record, facts, spool), detail=detail)


def _save(record: SitemapFile, facts: dict[str, Any], spool: Spool | None = None) -> Write:
    file_id, domain_id, tenant, label = record.id, record.domain_id, record.tenant, record.label

    def save(connection: Connection) -> Made:
        values = dict(facts)
        contact_pages: Sequence[RecordId] = ()
        if spool is not None:
            values["pages_found"] = spool.store(
                connection, domain_id=domain_id, sitemap_file_id=file_id, tenant=tenant, label=label
            )
            contact_pages = connection.execute(NEW_CONTACT_PAGES, {"domain_id": domain_id}).scalars().all()
        connection.execute(update(SitemapFile).where(SitemapFile.id == file_id).values(values))
        return {"pages": contact_pages}

    return save


def _conditions(record: SitemapFile) -> dict[str, str]:
    """Return the headers of a conditional GET (RFC 9110 §13) if a whole body was imported before."""
    conditions = {"If-None-Match": record.etag, "If-Modified-Since": record.last_modified}
    return {name: value for name, value in conditions.items() if value} if record.imported_at else {}
