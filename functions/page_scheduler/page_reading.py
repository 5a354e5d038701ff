"""Page reading: fetch one page that is likely to give contacts, and save those that it gives."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from scrapersky.contacts import KeptContacts, save_contacts
from scrapersky.extraction.blocked_pages import reject_answer
from scrapersky.models import Page
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Write
from scrapersky.vocabulary import RecordId
from scrapersky.web.hosts import is_same_site
from scrapersky.web.page_type import PageType

SAVE = text(
    "UPDATE pages SET title = coalesce(:title, title), h1 = coalesce(:h1, h1), meta_robots = :meta_robots,"
    " canonical_url = coalesce(:canonical_url, canonical_url),"
    " imprint = nullif(coalesce(imprint, '{}') || CAST(:imprint AS jsonb), '{}'),"
    " last_read = now(), updated_at = now() WHERE id = :id"
)


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
    code = "contacts_found" if kept.contacts else "no_contacts"
    detail = {"contacts": len(kept.contacts), "withheld": kept.withheld}
    return Done(code, write=_saving(record, read["facts"], kept, fetched.url), detail=detail)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _saving(record: Page, facts: Mapping[str, Any], contacts: KeptContacts, url: str) -> Write:
    page_id, domain_id = record.id, RecordId(record.domain_id)

    def save(connection: Connection) -> Made:
        connection.execute(SAVE, {**facts, "id": page_id, "imprint": json.dumps(facts["imprint"])})
        return {"contacts": save_contacts(connection, domain_id, contacts, url=url, page_id=page_id)}

    return save
