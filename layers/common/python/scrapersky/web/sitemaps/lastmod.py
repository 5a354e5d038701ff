"""Dates of sitemaps and feeds: W3C datetime in its six precisions, and RFC 822 as RSS writes it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

EARLIEST_YEAR = 1970
"""Older dates are a generator's zero (0001-01-01, 0000-00-00), not a page's."""
LATEST_YEAR = 9998

_W3C = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:[Tt ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"\s?(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?)?)?",
    re.ASCII,
)


@lru_cache(maxsize=4_096)  # a sitemap repeats its dates
def parse_lastmod(text: str) -> datetime | None:
    """The instant that ``text`` names, aware; UTC where it names no zone; None for what is no date from 1970 on.

    W3C datetime (https://www.w3.org/TR/NOTE-datetime): year, month, day, minutes, seconds, fractions; a blank for the
    ``T`` and a zone without colon are accepted. What is unsaid is the first: ``2024`` is the first of January.
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
    """As RSS has it, and as JavaScript prints its dates: ``Mon May 06 2024 07:08:09 GMT+0200 (CEST)``."""
    return (
        parsedate_to_datetime(text.replace("GMT+", "+").replace("GMT-", "-"))
        if 10 <= len(text) <= 90 and ":" in text
        else None
    )
