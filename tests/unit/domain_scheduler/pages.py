"""Pages for tests, without requests."""

from collections.abc import Mapping
from typing import Any

from domain_scheduler.facts import read_facts
from scrapersky.extraction.page import HtmlPage, PageLimits
from scrapersky.web.fetched import Fetched, Headers

URL = "https://shop.example.com/home/"


def a_page(html: str, url: str = URL) -> HtmlPage:
    """Return ``html`` parsed as the page at ``url``."""
    return HtmlPage.parse(html, url, 500_000)


def facts_of(html: str, headers: Mapping[str, str] | None = None, host: str = "shop.example.com") -> dict[str, Any]:
    """Return the facts that are read from ``html`` for the domain ``host``."""
    body = html.encode("utf-8", "replace")
    fetched = Fetched(200, URL, URL, (), Headers((headers or {}).items()), body, truncated=False, wire_bytes=len(body))
    return read_facts(a_page(html), fetched, host, PageLimits())
