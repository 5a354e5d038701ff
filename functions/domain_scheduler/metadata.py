"""Metadata: the home page of a domain, read for everything that tells who is behind it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from domain_scheduler.html_page import HtmlPage
from domain_scheduler.refresh import MAX_REFRESHES, is_only_a_detour, refresh_target
from domain_scheduler.refusal import refuse_challenge, refuse_media, refuse_nothing, refuse_notice
from domain_scheduler.saving import save_facts
from scrapersky.errors import FetchError, Unavailable
from scrapersky.models import Domain
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.web.charset import decode
from scrapersky.web.client import Fetched
from scrapersky.web.home_page import fetch_home_page
from scrapersky.web.hosts import HostError, normalise_host


async def read_metadata(record: Domain, ctx: JobContext) -> Outcome:
    """Reads the domain's home page. Only a page that is really one changes what is known of the domain.

    Fails with ``invalid_domain``, ``captcha``, ``parked``, ``not_html``, ``empty``, or the web's own code (``http_403``,
    ``robots_disallowed``, …), and is tried again where the web says that it may go better.
    """
    domain_id = record.id
    try:
        host = normalise_host(record.domain)
    except HostError as error:
        return Fail("invalid_domain", str(error))
    # Who waits for a website has time to import what knows telephone numbers and e-mail addresses.
    found, read_facts = await asyncio.gather(_find_page(host, ctx), asyncio.to_thread(_reader))
    if isinstance(found, Fail):
        return found
    page, fetched = found
    # Parsing is work of the processor: in a thread of its own, the other records' deadlines keep their meaning.
    facts = await asyncio.to_thread(read_facts, page, fetched, host, ctx.settings)

    def save(connection: Connection) -> Sequence[int]:
        save_facts(connection, domain_id, facts)
        return [domain_id]

    return Done("read", write=save, detail={"final_url": page.url, "http_status": fetched.status})


async def _find_page(host: str, ctx: JobContext) -> tuple[HtmlPage, Fetched] | Fail:
    """The page where the visitor of ``host`` ends up, redirects inside of pages followed; or why it is none."""
    fetched = await fetch_home_page(
        ctx.web, host, seconds_each=ctx.settings.web_request_deadline_seconds, remaining=ctx.remaining
    )
    for refreshes_left in range(MAX_REFRESHES, -1, -1):
        if refused := refuse_challenge(fetched):
            return refused
        fetched.raise_for_status()
        if refused := refuse_media(fetched):
            return refused
        page = await asyncio.to_thread(_parse, fetched, ctx.settings.metadata_max_text)
        if refused := refuse_notice(page, _host_elsewhere(page.url, host)):
            return refused
        target = refresh_target(page)
        behind = await _behind(page, target, ctx) if target is not None and refreshes_left else None
        if behind is None:
            break
        fetched = behind
    return refuse_nothing(page) or (page, fetched)


async def _behind(page: HtmlPage, target: str, ctx: JobContext) -> Fetched | None:
    """What is at ``target``, where ``page`` sends its visitor; None if nothing is, and ``page`` says something itself."""
    try:
        fetched = await ctx.web.page(target)
    except FetchError as failure:
        if is_only_a_detour(page) or isinstance(failure, Unavailable):
            raise
        return None
    return fetched if fetched.status < 400 or is_only_a_detour(page) else None


def _reader() -> Callable[..., dict[str, Any]]:
    from domain_scheduler.facts import read_facts  # noqa: PLC0415

    return read_facts


def _parse(fetched: Fetched, max_text: int) -> HtmlPage:
    return HtmlPage.parse(decode(fetched.body, fetched.headers.get("content-type")).text, fetched.url, max_text)


def _host_elsewhere(url: str, host: str) -> str | None:
    try:
        ended_at = normalise_host(url)
    except HostError:
        return None
    return None if ended_at == host else ended_at
