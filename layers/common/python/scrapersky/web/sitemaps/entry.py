"""Builds an entry from the texts of its fields: URL, date, change frequency and priority."""

import re
from collections.abc import Mapping
from functools import lru_cache

from scrapersky.web.sitemaps.dates import parse_lastmod
from scrapersky.web.sitemaps.types import Entry
from scrapersky.web.urls import NormalUrl, host_and_path, is_normal, normalise_url

CHANGE_FREQUENCIES = frozenset({"always", "hourly", "daily", "weekly", "monthly", "yearly", "never"})

_MAX_ESCAPES = 3
_AMPERSAND = re.compile(r"&(?:amp|#0{0,4}38|#[xX]0{0,4}26);")
_ESCAPED_SECTION_END = re.compile(r"(?:\]\]|%5[Dd]%5[Dd])(?:>|&gt;|%3[Ee])\Z")
_EDGES = "".join(map(chr, range(0x21))) + "\x85\xa0\u200b\u2060\u3000\ufeff"
_HOST_WITHOUT_SCHEME = re.compile(r"www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?:/|\Z)", re.IGNORECASE)
_HOST = re.compile(r"([^/?#:\s]{1,253})(?=[/?#]|:\d|\Z)")
_LINE_BREAK = re.compile(r"[\r\n\t]+")
_DOUBLED_SCHEME = re.compile(r"(?:https?:?/{1,3}){1,3}(?=https?:?//[^/])", re.IGNORECASE)
_SCHEME_WITHOUT_COLON = re.compile(r"(https?)(?=//[^/])", re.IGNORECASE)
_PRIORITY = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)


def make_entry(
    loc: str,
    base: str | None,
    *,
    lastmod: str | None = None,
    changefreq: str | None = None,
    priority: str | None = None,
    images: int = 0,
    videos: int = 0,
    news: int = 0,
    alternates: Mapping[str, NormalUrl] | None = None,
) -> Entry | None:
    """Return the entry for the texts of an element's fields, or None if ``loc`` is not a URL of a page.

    Relative URLs are resolved against ``base``, the sitemap's own URL. Fields that cannot be parsed become None.
    """
    url = page_url(loc, base)
    if url is None:
        return None
    return Entry(
        url,
        parse_lastmod(lastmod) if lastmod else None,
        change_frequency(changefreq) if changefreq else None,
        priority_of(priority) if priority else None,
        images,
        videos,
        news,
        alternates,
    )


def page_url(loc: str, base: str | None) -> NormalUrl | None:
    """Return ``loc`` absolute and normalised; None for other schemes, markup or a template in it, over 2,048 characters.

    Line breaks inside are removed, as browsers do, with the indentation around them. ``&`` that was escaped twice or
    more (``&amp;amp;``, ``&amp;#038;`` in the file) is unescaped. The end of a CDATA section that a tool has escaped
    (``/a%5D%5D%3E``) is removed. ``www.example.com/a``, and the host of ``base``, is read as a host without a scheme, not
    as a path; of two schemes (``http://https://``) the last one counts. A backslash in a path is read as ``/``, as in
    browsers.
    """
    if ";" not in loc and "%5" not in loc and "//http" not in loc and is_normal(loc):
        return NormalUrl(loc)  # none of the repairs below could change it
    loc = loc.strip(_EDGES)
    if not loc or "<" in loc:  # the text includes the following tags: the URL cannot be separated
        return None
    if "\n" in loc or "\t" in loc or "\r" in loc:
        loc = "".join(part.strip(" ") for part in _LINE_BREAK.split(loc))
    for _ in range(_MAX_ESCAPES):
        if "&" not in loc or ";" not in loc:
            break
        loc = _AMPERSAND.sub("&", loc)
    if loc[-1] in ">;eE":
        loc = _ESCAPED_SECTION_END.sub("", loc)
    return normalise_url(_with_host(loc, base), base) if loc else None


def _with_host(loc: str, base: str | None) -> str:
    """Return ``loc``, which is not empty, with one scheme and with slashes before its host and in its path."""
    if "\\" in loc[1:] and loc[0] != "\\":
        path, mark, query = loc.partition("?")
        loc = path.replace("\\", "/") + mark + query.replace("\\", "%5C")
    if loc[0] in "hH" and (doubled := _DOUBLED_SCHEME.match(loc)):
        loc = loc[doubled.end() :]
    if loc[0] in "hH" and (scheme := _SCHEME_WITHOUT_COLON.match(loc)):
        loc = f"{scheme[0]}:{loc[scheme.end() :]}"
    elif loc[0] != "/" and base is not None and _starts_with_a_host(loc, base):
        loc = f"//{loc}"
    return loc


def _starts_with_a_host(loc: str, base: str) -> bool:
    """Return whether ``loc`` starts with a host instead of a scheme: one in ``www.``, or the host of ``base``."""
    if loc[0] in "wW" and _HOST_WITHOUT_SCHEME.match(loc):
        return True
    host = _HOST.match(loc)
    return host is not None and host[1].lower().removeprefix("www.") == host_of(base)


@lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """Return the host of a normal URL, without ``www.``."""
    return host_and_path(NormalUrl(url))[0].removeprefix("www.")


@lru_cache(maxsize=64)  # a sitemap repeats its values
def change_frequency(text: str) -> str | None:
    """Return the change frequency of sitemaps.org that ``text`` names, or None."""
    word = text.strip().lower()
    return word if word in CHANGE_FREQUENCIES else None


@lru_cache(maxsize=64)
def priority_of(text: str) -> float | None:
    """Return the priority in ``text``, between 0 and 1, or None."""
    text = text.strip()
    if not _PRIORITY.fullmatch(text):
        return None
    number = float(text)
    return number if 0.0 <= number <= 1.0 else None
