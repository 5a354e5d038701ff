"""Page reading: fetch one page that is likely to give contacts, and save those that it gives."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from scrapersky.contacts import KeptContacts, Reading, save_contacts
from scrapersky.extraction.blocked_pages import reject_answer
from scrapersky.models import Page
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, SharedWrite
from scrapersky.vocabulary import RecordId
from scrapersky.web.hosts import is_same_site
from scrapersky.web.page_type import PageType

SAVE = text("""
UPDATE pages SET title = coalesce(new.title, pages.title), h1 = coalesce(new.h1, pages.h1), meta_robots = new.meta_robots,
    canonical_url = coalesce(new.canonical_url, pages.canonical_url),
    imprint = nullif(coalesce(pages.imprint, '{}') || coalesce(new.imprint, '{}'), '{}'),
    last_read = now(), updated_at = now()
FROM jsonb_to_recordset(CAST(:pages AS jsonb))
    AS new(id bigint, title text, h1 text, meta_robots text, canonical_url text, imprint jsonb)
WHERE pages.id = new.id
""")


async def read_contact_page(record: Page, ctx: JobContext) -> Outcome:
    """Read the page and save its contacts with the page as their source.

    Done with ``contacts_found`` or ``no_contacts``. Fails with ``other_site`` (it redirects to another website, whose
    contacts are not those of this domain), ``captcha``, ``parked``, ``not_html``, ``empty``, ``too_complex``, an opt-out
    that is honoured (``noindex``, ``noai``, ``tdm_reservation``), or an error of the web client (``http_404``, …). Then
    contacts that earlier readings have found stay as they are.
    """
    fetched = await ctx.web.page(record.url)
    if not is_same_site(_host(fetched.url), _host(record.url)):
        return Fail("other_site", f"{record.url} redirects to another website, {fetched.url}")
    if rejection := reject_answer(fetched):
        return Fail(rejection.code, rejection.reason)
    read = await ctx.read_page(
        fetched, host=record.domain.domain, is_imprint=record.page_type == PageType.LEGAL, limits=ctx.page_limits
    )
    if "rejected" in read:
        return Fail(*read["rejected"])
    kept = KeptContacts.of(read["contacts"], ctx.settings.kept_categories)
    reading = Reading(RecordId(record.domain_id), kept, fetched.url, record.id)
    code = "contacts_found" if kept.contacts else "no_contacts"
    detail = {"contacts": len(kept.contacts), "withheld": kept.withheld}
    return Done(code, write=SharedWrite(_save, [(read["facts"], reading)]), detail=detail)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _save(connection: Connection, values: Sequence[tuple[Mapping[str, Any], Reading]]) -> Made:
    """Save the facts and contacts of pages."""
    rows = [{"id": reading.page_id, **facts} for facts, reading in values]
    connection.execute(SAVE, {"pages": json.dumps(rows)})
    return {"contacts": save_contacts(connection, [reading for _, reading in values])}
