"""Builds an entry from the texts of its fields: URL, date, change frequency and priority."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

from scrapersky.web.sitemaps.types import Entry
from scrapersky.web.urls import NormalUrl, is_normal, normalise_url

EARLIEST_YEAR = 1970
"""Older dates are the zero of a generator (0001-01-01, 0000-00-00), not the date of a page."""
LATEST_YEAR = 9998

CHANGE_FREQUENCIES = frozenset({"always", "hourly", "daily", "weekly", "monthly", "yearly", "never"})

_MAX_ESCAPES = 3
_AMPERSAND = re.compile(r"&(?:amp|#0{0,4}38|#[xX]0{0,4}26);")
_ESCAPED_SECTION_END = re.compile(r"(?:\]\]|%5[Dd]%5[Dd])(?:>|&gt;|%3[Ee])\Z")
_EDGES = "".join(map(chr, range(0x21))) + "\x85\xa0\u200b\u2060\u3000\ufeff"
_HOST_WITHOUT_SCHEME = re.compile(r"www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?:/|\Z)", re.IGNORECASE)
_LINE_BREAK = re.compile(r"[ \t]*[\r\n\t]+[ \t]*")
_W3C = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:[Tt ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"\s?(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?)?)?",
    re.ASCII,
)
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
    """Return ``loc`` absolute and normalised; None for other schemes, markup in the URL, over 2,048 characters.

    Line breaks inside are removed, as browsers do, with the indentation around them. ``&`` that was escaped twice or
    more (``&amp;amp;``, ``&amp;#038;`` in the file) is unescaped. The end of a CDATA section that a tool has escaped
    (``/a%5D%5D%3E``) is removed. ``www.example.com/a`` is read as a host without a scheme, not as a path. A backslash in
    a path is read as ``/``, as in browsers.
    """
    if ";" not in loc and "%5" not in loc and is_normal(loc):  # none of the repairs below could change it
        return NormalUrl(loc)
    loc = loc.strip(_EDGES)
    if not loc or "<" in loc:  # the text includes the following tags: the URL cannot be separated
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


@lru_cache(maxsize=4_096)  # a sitemap repeats its dates
def parse_lastmod(text: str) -> datetime | None:
    """Return the instant in ``text``, time zone aware (default UTC); None if it is not a date from 1970 on.

    Accepts W3C datetime in its six precisions (https://www.w3.org/TR/NOTE-datetime), also with a blank instead of ``T``
    and a zone without colon, and RFC 822 as in RSS. Missing parts are the first: ``2024`` is the first of January.
    """
    text = text.strip()
    match = _W3C.fullmatch(text)
    try:
        moment = _w3c(match) if match else _rfc822(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    if moment is None or not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _w3c(match: re.Match[str]) -> datetime:
    part = match.groupdict()
    fraction = (part["fraction"] or "")[:6].ljust(6, "0")
    second = int(part["second"] or 0)
    moment = datetime(
        int(part["year"]),
        int(part["month"] or 1),
        int(part["day"] or 1),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        min(second, 59) if second == 60 else second,  # a leap second
        int(fraction),
        tzinfo=_zone(part["zone"]),
    )
    return moment


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _rfc822(text: str) -> datetime | None:
    """Parse RFC 822, and the dates of JavaScript: ``Mon May 06 2024 07:08:09 GMT+0200 (CEST)``."""
    return (
        parsedate_to_datetime(text.replace("GMT+", "+").replace("GMT-", "-"))
        if 10 <= len(text) <= 90 and ":" in text
        else None
    )
