"""Sitemaps that a page links to."""

import re

from scrapersky.web.charset import decode
from scrapersky.web.client import Fetched
from scrapersky.web.html import base_url, parse_html
from scrapersky.web.urls import normalise_url

MAX_LINKS = 10
"""Links of one page that are followed; a page that names more of them means something else."""

_NAMES_A_SITEMAP = re.compile(r"site[-_]?map[^/?#]*\.(?:xml|txt|php)(?:\.gz)?$|urllist\.txt$", re.IGNORECASE)


def sitemap_links(page: Fetched) -> list[str]:
    """The absolute urls by which ``page`` names sitemaps, in ``<link rel=sitemap>`` and in anchors; not its HTML site map."""
    document = parse_html(decode(page.body, page.headers.get("content-type")).text)
    base = base_url(document, page.url)
    hrefs = [
        node.attributes.get("href")
        for node in document.css("link[rel~=sitemap i][href], a[href*=map i], a[href*=urllist i]")
        if node.tag == "link" or _NAMES_A_SITEMAP.search((node.attributes.get("href") or "").strip())
    ]
    urls = [normalise_url(href, base) for href in hrefs if href]
    return list(dict.fromkeys(url for url in urls if url))[:MAX_LINKS]
