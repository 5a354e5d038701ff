"""Finds a domain's home page: https before http, the bare name before www., and on to where the page itself sends us."""

import re

from domain_scheduler.html_page import HtmlPage
from scrapersky.service.context import JobContext
from scrapersky.web.client import Fetched
from scrapersky.web.errors import FetchError
from scrapersky.web.urls import normalise_url

MAX_META_REFRESHES = 2
"""Times that ``<meta http-equiv=refresh>`` is followed."""

MAX_REFRESH_SECONDS = 10
"""A page that stays longer than this before it refreshes is a page of its own."""

_NO_SERVER = frozenset(("dns", "connect", "timeout", "reset", "tls", "bad_response", "robots_unreachable"))
"""Codes that say nothing about another scheme or name. A robots.txt that refuses does: it is not gone around."""

_REFRESH = re.compile(r"\s*(\d{1,5})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.IGNORECASE)


async def fetch_home_page(host: str, ctx: JobContext) -> Fetched:
    """The answer at the home page of ``host``, whatever its status. Raises FetchError: the first door's, if all are shut."""
    failures: list[FetchError] = []
    for name in [host] if host.startswith("www.") else [host, f"www.{host}"]:
        for scheme in ("https", "http"):
            if failures and ctx.remaining() < ctx.settings.web_request_deadline_seconds:
                break
            try:
                return await fetch(f"{scheme}://{name}/", ctx)
            except FetchError as failure:
                if failure.code not in _NO_SERVER:
                    raise
                failures.append(failure)
            if failures[-1].code == "dns":
                break  # the name is missing under any scheme
    raise FetchError(failures[0].code, "; ".join(failure.reason for failure in failures), failures[0].retry_after)


async def fetch(url: str, ctx: JobContext) -> Fetched:
    """``url``, as much of it as a page may be long."""
    return await ctx.web.get(url, max_bytes=ctx.settings.web_max_page_bytes, truncate=True)


def refresh_target(page: HtmlPage) -> str | None:
    """Where ``page`` sends its visitor by itself and soon, if that is another page."""
    content = page.meta("http-equiv:refresh")
    found = _REFRESH.match(content) if content else None
    if not found or int(found[1]) > MAX_REFRESH_SECONDS:
        return None
    target = page.absolute(found[2])
    return target if target != normalise_url(page.url) else None
