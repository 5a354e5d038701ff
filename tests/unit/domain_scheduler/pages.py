"""Pages for tests, without requests."""

from collections.abc import Mapping
from typing import Any

from scrapersky.extraction.page import HtmlPage
from scrapersky.web.fetched import Fetched, Headers
from tests.facts import facts_and_columns

URL = "https://shop.example.com/home/"


def a_page(html: str, url: str = URL) -> HtmlPage:
    """Return ``html`` parsed as the page at ``url``."""
    return HtmlPage.parse(html, url, 500_000)


def facts_of(html: str, headers: Mapping[str, str] | None = None, host: str = "shop.example.com") -> dict[str, Any]:
    """Return the facts that are read from ``html`` for the domain ``host``."""
    body = html.encode("utf-8", "replace")
    fetched = Fetched(200, URL, URL, (), Headers((headers or {}).items()), body, truncated=False, wire_bytes=len(body))
    return facts_and_columns(a_page(html), fetched, host)
