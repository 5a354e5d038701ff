"""The links of a home page to pages that are likely to give contacts: contact, imprint, legal and about pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapersky.extraction.page import MAX_ELEMENTS, HtmlPage
from scrapersky.web.hosts import is_same_site
from scrapersky.web.page_type import PageType, page_type_of, page_type_of_link
from scrapersky.web.urls import host_and_path, normalise_url, path_depth

TYPES = frozenset((PageType.CONTACT, PageType.LEGAL, PageType.ABOUT))

MAX_LINKS = 30
"""Links kept of one home page."""

MAX_LABEL = 60
"""Characters of the longest text of a link that can name the type of its page."""


def contact_links(page: HtmlPage, host: str) -> list[dict[str, Any]]:
    """Return ``{"url", "page_type", "path_depth", "other_host"}`` of each contact page of the same site that ``page`` links.

    The text of the link decides about the type, else the path. ``other_host`` says that it is not on the domain ``host``.
    """
    found: dict[str, dict[str, Any]] = {}
    for url, label in _links(page):
        if len(found) == MAX_LINKS:
            break
        own, path = host_and_path(url)
        kind = page_type_of_link(label) or page_type_of(path)
        if kind in TYPES and url not in found and url != page.url and (path != "/" or "?" in url):
            found[url] = {
                "url": url,
                "page_type": kind.value,
                "path_depth": path_depth(path),
                "other_host": own.removeprefix("www.") != host,
            }
    return list(found.values())


def _links(page: HtmlPage) -> Iterator[tuple[Any, str]]:
    """Return normal URL and text of each link to another page of the same site."""
    own = urlsplit(page.url).hostname or ""
    for node in page.tree.css("a[href], area[href]")[:MAX_ELEMENTS]:
        url = normalise_url(node.attributes.get("href") or "", page.base)
        if url is None or urlsplit(url).query[:200].count("=") > 3:
            continue
        if is_same_site(host_and_path(url)[0], own):
            label = node.text().strip() or node.attributes.get("title") or ""
            yield url, label if len(label) <= MAX_LABEL else ""
