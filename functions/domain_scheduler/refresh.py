"""Where a home page sends its visitor by itself, and fetching a page of it."""

import re

from domain_scheduler.html_page import HtmlPage
from scrapersky.service.context import JobContext
from scrapersky.web.client import Fetched
from scrapersky.web.urls import normalise_url

MAX_META_REFRESHES = 2
"""Times that ``<meta http-equiv=refresh>`` is followed."""

MAX_REFRESH_SECONDS = 10
"""A page that stays longer than this before it refreshes is a page of its own."""

_REFRESH = re.compile(r"\s*(\d{1,5})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.IGNORECASE)


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
