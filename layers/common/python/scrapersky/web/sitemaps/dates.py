"""Reads the dates that sitemaps and feeds state, in the formats of the standards and of common programs."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

EARLIEST_YEAR = 1970
"""Older dates are the zero of a generator (0001-01-01, 0000-00-00), not the date of a page."""
LATEST_YEAR = 9998
MAX_OFFSET = timedelta(hours=16)
"""Postgres refuses time zones that are as far from UTC as this or farther."""
MAX_CHARACTERS = 100

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?"
)
_ZONE = r"(?:\s?(?:gmt|utc|z)?(?P<zone>[+-]\d{2}(?::?\d{2})?|[a-z]{1,5})?)"
_REST = r"(?:\s[a-z]{1,5})?(?:\sm=[+-][\d.]{1,30})?(?:\s\([^()]{0,60}\))?"  # as Go and JavaScript print
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s)?"
_FORMATS = [
    re.compile(text, re.ASCII | re.IGNORECASE)
    for text in (
        # W3C datetime in its six precisions, https://www.w3.org/TR/NOTE-datetime, and its common variants
        rf"{_YEAR}(?:(?P<mark>[-/.])(?P<month>\d{{1,2}})(?:(?P=mark)(?P<day>\d{{1,2}})(?:[t\s]{_CLOCK}{_ZONE}{_REST})?)?)?",
        # ISO 8601's basic format
        rf"{_YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})(?:t?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?{_ZONE})?",
        # RFC 5322
        rf"{_WEEKDAY}{_DAY}[\s-]{_MONTH}[\s,-]{{1,2}}{_YEAR}(?:[\s,]{{1,2}}{_CLOCK}{_ZONE}{_REST})?",
        # as written in English, and as JavaScript prints
        rf"{_WEEKDAY}{_MONTH}\s{_DAY},?\s{_YEAR}(?:[\s,]{{1,2}}(?:at\s)?{_CLOCK}{_ZONE}{_REST})?",
        # as C and Java print
        rf"{_WEEKDAY}{_MONTH}\s{_DAY}\s{_CLOCK}{_ZONE}\s{_YEAR}",
    )
]
_SPACES = re.compile(r"\s+")
_OFFSETS = {
    zone: float(hours)
    for pair in str.split(
        "WEST:1 BST:1 CET:1 MEZ:1 CEST:2 MESZ:2 EET:2 SAST:2 EEST:3 MSK:3 EDT:-4 EST:-5 CDT:-5 CST:-6 MDT:-6 "
        "MST:-7 PDT:-7 PST:-8 AKDT:-8 AKST:-9 HST:-10 BRT:-3 ART:-3 HKT:8 SGT:8 AWST:8 JST:9 KST:9 ACST:9.5 "
        "AEST:10 AEDT:11 NZST:12 NZDT:13"
    )
    for zone, hours in [pair.split(":")]
}
"""Hours from UTC of the zone names of RFC 5322 and of those that mean one zone only. Other names are taken as UTC."""


@lru_cache(maxsize=4_096)  # a sitemap repeats its dates
def parse_lastmod(text: str) -> datetime | None:
    """Return the instant in ``text`` in UTC; None if it is not a date from 1970 on, or its zone does not exist.

    Accepts the formats in :data:`_FORMATS`, and RFC 822 as in RSS. A date without a zone is taken as UTC. Missing parts
    are the first: ``2024`` is the first of January. Dates whose day and month may be swapped (``01/02/2024``) are None.
    """
    text = _SPACES.sub(" ", text.strip()) if len(text) <= MAX_CHARACTERS else ""
    match = next((found for each in _FORMATS if (found := each.fullmatch(text))), None)
    try:
        moment = _moment(match.groupdict()) if match else _rfc822(text)
        if moment is None or abs(moment.utcoffset() or timedelta()) >= MAX_OFFSET:
            return None
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None


def _moment(part: dict[str, str | None]) -> datetime:
    hour, second = int(part.get("hour") or 0), int(part.get("second") or 0)
    if part.get("half") and 1 <= hour <= 12:
        hour = hour % 12 + (12 if part["half"] in ("p", "P") else 0)
    minute = int(part.get("minute") or 0)
    is_end_of_day = (hour, minute, second) == (24, 0, 0)
    name = part.get("name")
    moment = datetime(
        int(part["year"] or 0),
        _MONTHS.index(name.lower()) + 1 if name else int(part.get("month") or 1),
        int(part.get("day") or 1),
        0 if is_end_of_day else hour,
        minute,
        59 if second == 60 else second,  # a leap second
        int((part.get("fraction") or "")[:6].ljust(6, "0")),
        tzinfo=_zone(part.get("zone") or ""),
    )
    return moment + timedelta(days=1) if is_end_of_day else moment


def _zone(text: str) -> timezone:
    if text[:1] not in ("+", "-"):
        return timezone(timedelta(hours=_OFFSETS.get(text.upper(), 0.0)))
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError(f"offset {text!r} has more than 59 minutes")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _rfc822(text: str) -> datetime | None:
    """Parse what RFC 822 and its successors allow besides: comments, years of two digits, other zones."""
    return parsedate_to_datetime(text) if len(text) >= 10 and ":" in text else None
