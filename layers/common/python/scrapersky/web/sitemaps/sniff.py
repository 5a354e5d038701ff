"""Decides from the start of a body whether it can be a sitemap, and where in it the sitemap starts."""

import re

from scrapersky.errors import shorten
from scrapersky.web.sitemaps.text import columns
from scrapersky.web.sitemaps.types import SitemapRefused
from scrapersky.web.urls import normalise_url

HEAD_CHARACTERS = 16_384
"""Length of the start that is examined: a sitemap behind a longer prefix is not found."""

ROOT = r"(?:(?P<prefix>[a-z_][\w.-]{0,40}):)?(?P<root>urlset|sitemapindex|rss|feed|rdf)(?=[\s>/])"

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rf"<(?:\?xml[\s?]|!doctype\s|{ROOT})", re.IGNORECASE)
_ELEMENT = re.compile(r"<([a-z_][\w:.-]{0,60})", re.IGNORECASE)
_HTML_ELEMENT = re.compile(
    r"a|b|br|center|div|font|form|h\d|hr|i|iframe|img|link|meta|p|pre|script|span|style|table|title", re.IGNORECASE
)


def find_xml(head: str) -> int | None:
    """Return the index in ``head`` at which the XML starts, behind blank lines or a PHP notice; None for a list of URLs.

    ``head`` is the first :data:`HEAD_CHARACTERS` characters of the text, or all of it. Raises :class:`SitemapRefused`:
    ``empty``, ``not_xml``, ``not_a_sitemap``.
    """
    start = head.lstrip()
    if not start.strip("\x00\ufeff \t\r\n"):
        raise SitemapRefused("empty", "the body is empty")
    bare = _COMMENT.sub("", start).lstrip()
    if _HTML.match(bare):
        raise SitemapRefused("not_xml", "the body is an HTML page")
    found = _XML.search(head)
    if found:
        return found.start()
    if bare.startswith("<"):
        raise _foreign(bare)
    if any(map(_lists_a_url, head.splitlines())):
        return None
    raise SitemapRefused("not_xml", f"the body is neither XML nor a list of URLs: it starts with {_quoted(start)}")


def _lists_a_url(line: str) -> bool:
    """Return whether a column of the line is a URL, and what precedes it is no sentence."""
    text = line.strip()
    if not text or text.startswith("#"):
        return False
    parts = columns(text)
    url = next((number for number, part in enumerate(parts) if normalise_url(part)), None)
    return url is not None and not any(" " in part.strip() for part in parts[:url])


def _foreign(text: str) -> SitemapRefused:
    element = _ELEMENT.match(text)
    if element is None or _HTML_ELEMENT.fullmatch(element[1]):
        return SitemapRefused("not_xml", f"the body is not an XML document: it starts with {_quoted(text)}")
    return wrong_root(element[1])


def wrong_root(name: str) -> SitemapRefused:
    """Return the refusal of a document whose root element is ``name``."""
    if name.lower() == "html":
        return SitemapRefused("not_xml", "the body is an HTML page")
    return SitemapRefused(
        "not_a_sitemap", f"the root element is <{name[:60]}>; valid are urlset, sitemapindex, rss and feed"
    )


def _quoted(text: str) -> str:
    return shorten(repr(text[:60]), 80)
