"""Sitemaps that a page links to, or seems to."""

import re
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser

from scrapersky.web.charset import decode
from scrapersky.web.fetched import Fetched
from scrapersky.web.html import attributes_of, base_url, parse_html
from scrapersky.web.urls import normalise_url

MAX_LINKS = 10
"""Links of one page that are followed; a page that names more of them means something else."""

MAX_HINTS = 2

_NAMES_A_SITEMAP = re.compile(r"site[-_]?map[^/?#]*\.(?:xml|txt|php)(?:\.gz)?$|urllist\.txt$", re.IGNORECASE)
_SOUNDS_LIKE_ONE = re.compile(r"\bsite ?map\b", re.IGNORECASE)
_IS_FOR_PEOPLE = re.compile(r"\.(?:html?|php|aspx?|pdf)$|/$", re.IGNORECASE)


def sitemap_links(page: Fetched) -> list[str]:
    """The absolute urls by which ``page`` names sitemaps, in ``<link rel=sitemap>`` and in anchors; not its HTML site map."""
    document = _document(page)
    hrefs = [
        href
        for node in document.css("link[rel~=sitemap i][href], a[href*=map i], a[href*=urllist i]")
        if (href := attributes_of(node)["href"].strip()) and (node.tag == "link" or _NAMES_A_SITEMAP.search(href))
    ]
    return _absolute(hrefs, document, page)[:MAX_LINKS]


def sitemap_hints(page: Fetched) -> list[str]:
    """The urls behind anchors whose text says "sitemap" and whose name does not say for whom: most are for people."""
    document = _document(page)
    hrefs = [
        href
        for node in document.css("a[href]")
        if (href := attributes_of(node)["href"].strip())
        and _SOUNDS_LIKE_ONE.search(node.text()[:200])
        and not _IS_FOR_PEOPLE.search(href.partition("?")[0].partition("#")[0])
    ]
    return _absolute(hrefs, document, page)[:MAX_HINTS]


def _document(page: Fetched) -> LexborHTMLParser:
    return parse_html(decode(page.body, page.headers.get("content-type")).text)


def _absolute(hrefs: Iterable[str], document: LexborHTMLParser, page: Fetched) -> list[str]:
    base = base_url(document, page.url)
    urls = [normalise_url(href, base) for href in hrefs]
    return list(dict.fromkeys(url for url in urls if url and url != page.url))
