"""Reads entries in the form that nearly every sitemap uses, with one regular expression: six times as fast as expat.

The expression matches only where expat would read the same entry: tags in lower case without attributes, and in them text
without markup. It stops at the first entry that it cannot match; expat parses that one.
"""

import re
from functools import partial

from scrapersky.web.sitemaps.dates import parse_lastmod
from scrapersky.web.sitemaps.entry import change_frequency, page_url, priority_of
from scrapersky.web.sitemaps.types import Entry, Limits
from scrapersky.web.urls import MAX_URL_LENGTH, PLAIN_URL, NormalUrl

END = "</url>"
"""The end of a plain entry."""

_IMAGE = "<image:image>"
_BLANK = r"[ \t\r\n]*+"
_LOC = rf"(?:({PLAIN_URL})|(?=[^<]{{1,{MAX_URL_LENGTH}}}<)([^<&\r]++(?:&amp;[^<&\r]*+)*+))"
_TEXT = r"([^<&\r]{0,64}+)"
_PARTS = "|".join(f"{name}>[^<]*+</image:{name}" for name in ("loc", "title", "caption", "geo_location", "license"))
_ENTRY = re.compile(
    rf"{_BLANK}<url>{_BLANK}<loc>{_BLANK}{_LOC}{_BLANK}</loc>{_BLANK}"
    rf"(?:<(?:lastmod>{_TEXT}</lastmod|changefreq>{_TEXT}</changefreq|priority>{_TEXT}</priority)>{_BLANK})*+"
    rf"((?:{_IMAGE}{_BLANK}(?:<image:(?:{_PARTS})>{_BLANK})*+</image:image>{_BLANK})*+){END}"
    r"|(.+)",  # the rest of the text, so that there is no gap between two matches
    re.DOTALL,
)
_new = partial(tuple.__new__, Entry)  # takes half the time of Entry(), whose constructor is Python
_DEPTH = 4  # nesting of the loc of an image


def fits_within(limits: Limits) -> bool:
    """Return whether no plain entry can exceed ``limits``."""
    return limits.depth >= _DEPTH and limits.field_characters >= MAX_URL_LENGTH


def plain_entries(text: str, base: str) -> tuple[list[Entry | None], str]:
    """Return the plain entries at the start of ``text``, and the rest of it. None stands for an entry without a valid URL.

    ``text`` is sanitised and starts between two entries of a urlset.
    """
    found = _ENTRY.findall(text)
    rest = found.pop()[-1] if found and found[-1][-1] else ""
    entries: list[Entry | None] = []
    for plain, other, lastmod, changefreq, priority, images, _ in found:
        url: NormalUrl | None = plain
        if not plain or "/." in plain or "//http" in plain:
            url = page_url((plain or other).strip().replace("&amp;", "&"), base)
        if url is None:
            entries.append(None)
            continue
        dated, number = parse_lastmod(lastmod), images.count(_IMAGE) if images else 0
        entries.append(_new((url, dated, change_frequency(changefreq), priority_of(priority), number, 0, 0, None)))
    return entries, rest
