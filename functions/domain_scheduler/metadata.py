"""Metadata: read the home page of a domain for every fact about the business behind it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from domain_scheduler.blocked_pages import reject_blank, reject_challenge, reject_challenge_or_parking, reject_non_html
from domain_scheduler.client_redirects import MAX_REDIRECTS, is_interstitial, redirect_target
from domain_scheduler.page import HtmlPage
from domain_scheduler.saving import save_facts
from scrapersky.errors import FetchError, Unavailable
from scrapersky.models import Domain
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.vocabulary import RecordId
from scrapersky.web.charset import decode
from scrapersky.web.client import fetch_home_page
from scrapersky.web.fetched import Fetched
from scrapersky.web.hosts import HostError, normalise_host


async def read_metadata(record: Domain, ctx: JobContext) -> Outcome:
    """Read the domain's home page and store its facts. An answer that is not the home page changes none of them.

    Fails with ``invalid_domain``, ``captcha``, ``parked``, ``not_html`` or ``empty``. Raises FetchError (``http_403``,
    ``robots_disallowed``, …).
    """
    domain_id = record.id
    try:
        host = normalise_host(record.domain)
    except HostError as error:
        return Fail("invalid_domain", str(error))
    # Import the extractors while the request is in flight.
    found, read_facts = await asyncio.gather(_find_page(host, ctx), asyncio.to_thread(_reader))
    if isinstance(found, Fail):
        return found
    page, fetched = found
    # Reading a page takes processor time: in the event loop it would delay the deadlines of all other records.
    facts = await asyncio.to_thread(read_facts, page, fetched, host, ctx.settings)

    def save(connection: Connection) -> Sequence[RecordId]:
        save_facts(connection, domain_id, facts)
        return [domain_id]

    return Done("read", write=save, detail={"final_url": page.url, "http_status": fetched.status})


async def _find_page(host: str, ctx: JobContext) -> tuple[HtmlPage, Fetched] | Fail:
    """Return the page that ``host`` leads to, after redirects inside pages; Fail if it is not a real page."""
    fetched = await fetch_home_page(
        ctx.web, host, seconds_each=ctx.settings.web_request_deadline_seconds, remaining=ctx.remaining
    )
    for redirects_left in range(MAX_REDIRECTS, -1, -1):
        if rejected := reject_challenge(fetched):
            return rejected
        fetched.raise_for_status()
        if rejected := reject_non_html(fetched):
            return rejected
        page = await asyncio.to_thread(_parse, fetched, ctx.settings.metadata_max_text)
        if rejected := reject_challenge_or_parking(page, _other_host(page.url, host)):
            return rejected
        target = redirect_target(page)
        following = await _follow(page, target, ctx) if target is not None and redirects_left else None
        if following is None:
            break
        fetched = following
    return reject_blank(page) or (page, fetched)


async def _follow(page: HtmlPage, target: str, ctx: JobContext) -> Fetched | None:
    """Return the answer at ``target``, to which ``page`` redirects; None if it is an error and ``page`` has content."""
    try:
        fetched = await ctx.web.page(target)
    except FetchError as failure:
        if is_interstitial(page) or isinstance(failure, Unavailable):
            raise
        return None
    return fetched if fetched.status < 400 or is_interstitial(page) else None


def _reader() -> Callable[..., dict[str, Any]]:
    from domain_scheduler.facts import read_facts  # noqa: PLC0415

    return read_facts


def _parse(fetched: Fetched, max_text: int) -> HtmlPage:
    return HtmlPage.parse(decode(fetched.body, fetched.headers.get("content-type")).text, fetched.url, max_text)


def _other_host(url: str, host: str) -> str | None:
    """Return the host of ``url`` if it is not ``host``."""
    try:
        final_host = normalise_host(url)
    except HostError:
        return None
    return None if final_host == host else final_host
