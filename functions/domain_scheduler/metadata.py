"""Metadata: read the home page of a domain for every fact about the business behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain_scheduler.client_redirects import MAX_REDIRECTS
from domain_scheduler.saving import save_facts, save_links
from scrapersky.contacts import KeptContacts, Reading, save_contacts
from scrapersky.errors import FetchError, Permanent, Unavailable
from scrapersky.extraction.blocked_pages import Rejection, reject_answer
from scrapersky.models import Domain
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, SharedWrite, Write, outcome_of
from scrapersky.vocabulary import RecordId
from scrapersky.web.client import fetch_home_page
from scrapersky.web.fetched import Fetched
from scrapersky.web.hosts import HostError, normalise_host

FAILED = text("SELECT id FROM domains WHERE id = :id AND status = 'Error'")

START_BYTES = 65_536
"""Bytes that are read of a page which is too complex as a whole: enough for its title and description."""


NOTHING_TO_DISCOVER = frozenset(
    str.split("blocked_address connect dns invalid_domain invalid_url parked robots_unreachable suppressed tls")
)
"""Codes of domains without a website: their sitemaps are not looked for."""


async def read_metadata(record: Domain, ctx: JobContext) -> Outcome:
    """Read the domain's home page and store its facts. An answer that is not the home page changes none of them.

    Fails with ``invalid_domain``, ``captcha``, ``parked``, ``not_html``, ``empty``, ``too_complex`` or an error of the web
    client (``http_403``, …); of a page that is too complex, title and description are stored if its beginning can be
    read. A domain that ends in Error is handed off as well: its sitemaps may be readable.
    """
    outcome = await _read_domain(record, ctx)
    if isinstance(outcome, Fail | Retry) and outcome.code not in NOTHING_TO_DISCOVER:
        return replace(outcome, write=_handing_off(record.id, outcome.write))
    return outcome


async def _read_domain(record: Domain, ctx: JobContext) -> Outcome:
    try:
        host = normalise_host(record.domain)
    except HostError as error:
        return Fail("invalid_domain", str(error))
    try:
        fetched, result = await _find_page(host, ctx)
    except FetchError as error:
        return outcome_of(error, ctx.settings)
    match result:
        case Rejection(code, reason):
            return Fail(code, reason)
        case Permanent(code, reason):
            facts = await _facts_of_start(host, fetched, ctx)
            return Fail(code, reason, write=_saving(record.id, facts) if facts else None)
        case facts:
            kept = KeptContacts.of(facts.get("contacts", ()), ctx.settings.kept_categories)
            detail = {"final_url": fetched.url, "http_status": fetched.status, "withheld": kept.withheld}
            reading = Reading(record.id, kept, fetched.url)
            return Done("read", write=_saving(record.id, facts, reading), detail=detail)


def _saving(domain_id: RecordId, facts: Mapping[str, Any], reading: Reading | None = None) -> Write:
    """Return a write of ``facts`` and, with the ``reading`` of a whole page, of its contacts and links."""
    columns = {name: value for name, value in facts.items() if name not in ("contacts", "links")}
    return SharedWrite(_save, [_HomePage(domain_id, columns, reading, facts.get("links", ()))])


class _HomePage(NamedTuple):
    domain_id: RecordId
    columns: Mapping[str, Any]
    reading: Reading | None
    links: Sequence[Mapping[str, Any]]


def _save(connection: Connection, values: Sequence[_HomePage]) -> Made:
    save_facts(connection, {page.domain_id: page.columns for page in values})
    contact_ids = save_contacts(connection, [page.reading for page in values if page.reading])
    page_ids = save_links(connection, {page.domain_id: page.links for page in values if page.reading})
    return {"domains": [page.domain_id for page in values], "contacts": contact_ids, "pages": page_ids}


def _handing_off(domain_id: RecordId, save_first: Write | None) -> Write:
    """Return a write that hands off the domain if its attempt ended in Error, and not in another try."""

    def save(connection: Connection) -> Made:
        if save_first is not None:
            save_first(connection)
        return {"domains": connection.execute(FAILED, {"id": domain_id}).scalars().all()}

    return save


async def _find_page(host: str, ctx: JobContext) -> tuple[Fetched, dict[str, Any] | Rejection | Permanent]:
    """Return the page that a visitor of ``host`` reaches, after redirects inside pages, and its facts.

    Instead of the facts: why it is not the home page, or the error of a page that is too complex.
    """
    fetched = await fetch_home_page(
        ctx.web, host, seconds_each=ctx.settings.web_request_deadline_seconds, remaining=ctx.remaining
    )
    redirects_left = MAX_REDIRECTS
    while True:
        if rejection := reject_answer(fetched):
            return fetched, rejection
        try:
            read = await _read(host, fetched, ctx, follow=redirects_left > 0)
            if redirect := read.get("redirect"):
                following = await _follow(redirect["target"], ctx, is_interstitial=redirect["is_interstitial"])
                if following is not None:
                    fetched, redirects_left = following, redirects_left - 1
                    continue
                read = await _read(host, fetched, ctx, follow=False)
        except Permanent as error:
            if error.code != "too_complex":
                raise
            return fetched, error
        return fetched, Rejection(*read["rejected"]) if "rejected" in read else read["facts"]


async def _follow(target: str, ctx: JobContext, *, is_interstitial: bool) -> Fetched | None:
    """Return the answer at ``target``, to which a page redirects; None if it is an error and the page has content."""
    try:
        fetched = await ctx.web.page(target)
    except FetchError as failure:
        if is_interstitial or isinstance(failure, Unavailable):
            raise
        return None
    return fetched if fetched.status < 400 or is_interstitial else None


async def _facts_of_start(host: str, fetched: Fetched, ctx: JobContext) -> dict[str, Any]:
    """Return title and description from the first bytes of a page that is too complex; nothing if they are as well."""
    try:
        read = await _read(host, fetched.start(START_BYTES), ctx, follow=False)
    except Permanent:
        return {}
    facts: dict[str, Any] = read.get("facts", {})
    return {column: facts[column] for column in ("title", "description") if column in facts}


async def _read(host: str, fetched: Fetched, ctx: JobContext, *, follow: bool) -> dict[str, Any]:
    return await ctx.read_page(fetched, host=host, follow=follow, limits=ctx.page_limits)
