"""One entry of a sitemap: a page's url and what the sitemap says about it, or a child sitemap's url."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from scrapersky.web.sitemaps.lastmod import parse_lastmod
from scrapersky.web.urls import NormalUrl, is_normal, normalise_url

CHANGE_FREQUENCIES = frozenset({"always", "hourly", "daily", "weekly", "monthly", "yearly", "never"})

_MAX_ESCAPES = 3
_AMPERSAND = re.compile(r"&(?:amp|#0{0,4}38|#[xX]0{0,4}26);")
_ESCAPED_SECTION_END = re.compile(r"(?:\]\]|%5[Dd]%5[Dd])(?:>|&gt;|%3[Ee])\Z")
_EDGES = "".join(map(chr, range(0x21))) + "\x85\xa0\u200b\u2060\u3000\ufeff"
_HOST_WITHOUT_SCHEME = re.compile(r"www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?:/|\Z)", re.IGNORECASE)
_LINE_BREAK = re.compile(r"[ \t]*[\r\n\t]+[ \t]*")
_PRIORITY = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)


class Entry(NamedTuple):
    """``url`` is absolute and normalised (:func:`scrapersky.web.urls.normalise_url`); what was not said is None or 0.

    ``last_modified`` is aware. ``images``, ``videos`` and ``news`` count extension elements; ``alternates`` maps
    hreflang to an absolute url.
    """

    url: NormalUrl
    last_modified: datetime | None = None
    changefreq: str | None = None
    priority: float | None = None
    images: int = 0
    videos: int = 0
    news: int = 0
    alternates: Mapping[str, NormalUrl] | None = None


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
    """The entry that the texts of an element's fields make, or None where ``loc`` is no url to fetch.

    Relative urls are resolved against ``base``, the sitemap's own url; fields of no meaning become None.
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
    """``loc`` made absolute and normalised; None for other schemes, markup in the url, over 2,048 characters.

    Line breaks inside are dropped, as browsers do, with the indentation around them; ``&`` escaped twice or more
    (``&amp;amp;``, ``&amp;#038;`` in the file) is unescaped; the end of a CDATA section that a tool has escaped
    (``/a%5D%5D%3E``) is dropped. ``www.example.com/a`` is no path, but a host whose scheme was forgotten. Windows' ``\\``
    in a path is a ``/``, as in browsers.
    """
    if ";" not in loc and "%5" not in loc and is_normal(loc):  # nothing of what follows could change it
        return NormalUrl(loc)
    loc = loc.strip(_EDGES)
    if not loc or "<" in loc:  # something ran on into the next tags: what the url was, nobody can say
        return None
    if "\n" in loc or "\t" in loc or "\r" in loc:
        loc = _LINE_BREAK.sub("", loc)
    for _ in range(_MAX_ESCAPES):
        if "&" not in loc or ";" not in loc:
            break
        loc = _AMPERSAND.sub("&", loc)
    if loc[-1] in ">;eE":
        loc = _ESCAPED_SECTION_END.sub("", loc)
    if "\\" in loc[1:] and loc[0] != "\\":
        path, mark, query = loc.partition("?")
        loc = path.replace("\\", "/") + mark + query.replace("\\", "%5C")
    if loc[0] in "wW" and _HOST_WITHOUT_SCHEME.match(loc):
        loc = f"//{loc}"
    return normalise_url(loc, base)


@lru_cache(maxsize=64)  # a sitemap repeats these, too
def change_frequency(text: str) -> str | None:
    word = text.strip().lower()
    return word if word in CHANGE_FREQUENCIES else None


@lru_cache(maxsize=64)
def priority_of(text: str) -> float | None:
    text = text.strip()
    if not _PRIORITY.fullmatch(text):
        return None
    number = float(text)
    return number if 0.0 <= number <= 1.0 else None
