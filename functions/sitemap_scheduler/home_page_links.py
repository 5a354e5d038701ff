"""Read the links to sitemaps of one home page, in the child process."""

import re
from collections.abc import Iterable
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from scrapersky.web.charset import decode_page, load_codecs
from scrapersky.web.fetched import Fetched
from scrapersky.web.html import attributes_of, base_url, parse_html
from scrapersky.web.urls import NormalUrl, normalise_url
from sitemap_scheduler.candidates import is_sitemap_name

MAX_LINKS = 10
"""Links to sitemaps that are followed from one page. A page with more of them is a list of something else."""

MAX_LABELLED_LINKS = 2
"""Links with the text "sitemap" that are followed from one page."""

_SITEMAP_LABEL = re.compile(r"\bsite ?map\b", re.IGNORECASE)
_HTML_NAME = re.compile(r"\.(?:html?|php|aspx?|pdf)$|/$", re.IGNORECASE)


def read_links(fetched: Fetched) -> dict[str, Any]:
    """Return the absolute URLs to which the page links as sitemaps: ``{"named": […], "labelled": […]}``.

    ``named``: ``<link rel=sitemap>`` and anchors to files named as sitemaps, not to HTML site maps. ``labelled``: anchors
    with the text "sitemap", unless their name is that of an HTML page.
    """
    document = parse_html(decode_page(fetched).text)
    named = [
        href
        for node in document.css("link[rel~=sitemap i][href], a[href*=map i], a[href*=urllist i]")
        if (href := attributes_of(node)["href"].strip()) and (node.tag == "link" or is_sitemap_name(href))
    ]
    labelled = [
        href
        for node in document.css("a[href]")
        if (href := attributes_of(node)["href"].strip())
        and _SITEMAP_LABEL.search(node.text()[:200])
        and not _HTML_NAME.search(href.partition("?")[0].partition("#")[0])
    ]
    return {
        "named": _absolute(named, document, fetched)[:MAX_LINKS],
        "labelled": _absolute(labelled, document, fetched)[:MAX_LABELLED_LINKS],
    }


def warm_up() -> None:
    """Read a page that needs every module which reading may need."""
    load_codecs()
    url = "https://xn--exmple-cua.com/"
    body = b"<a href=/sitemap.xml>Sitemap</a>"
    read_links(Fetched(200, url, url, (), {}, body, truncated=False, wire_bytes=len(body)))


def _absolute(hrefs: Iterable[str], document: LexborHTMLParser, page: Fetched) -> list[NormalUrl]:
    base = base_url(document, page.url)
    urls = [normalise_url(href, base) for href in hrefs]
    return list(dict.fromkeys(url for url in urls if url and url != page.url))
