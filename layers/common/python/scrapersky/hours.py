"""Weekly opening hours in the stored format: ``{"monday": [["09:00", "17:00"]], …}``; an empty list is a closed day.

A range that ends at or before its own start ends on the next day (``["18:00", "02:00"]``). ``24:00`` is the midnight
that ends a day. A day that is always open is ``["00:00", "24:00"]``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Hours = dict[str, list[list[str]]]

_DAY = 24 * 60
_WEEK = 7 * _DAY
_CLOCK = r"(\d{1,2}(?::\d{2}(?::\d{2})?)?(?:\s?[AaPp]\.?[Mm]\.?)?)"
_LINE = re.compile(
    r"(?:([A-Za-z, \u2013-]{2,100}?)[\s:]{1,5}|[,;&]\s{0,3})" + _CLOCK + r"\s{0,3}[-\u2013]\s{0,3}" + _CLOCK
)
_TIME = re.compile(r"T?(\d{1,2})(?::(\d{2})(?::\d{2})?)?\s?(?:([ap])\.?m\b)?", re.IGNORECASE)


def hours_from_periods(periods: Sequence[Mapping[str, Any]]) -> Hours:
    """Return the hours of Google's ``regularOpeningHours.periods``, each range on the day on which it starts.

    A period is ``{"open": {"day", "hour", "minute"}, "close": {…}}`` with day 0 = Sunday; zeros may be left out. A
    single period from Sunday 00:00 without a close means always open; other periods without one are left out. A period
    longer than a day is split at midnight. Raises AttributeError, KeyError, TypeError or ValueError for other shapes, and
    where no period is left.
    """
    hours: Hours = {day: [] for day in DAYS}
    usable = [period for period in periods if period.get("close")]
    if not usable and any(_minute_of_week(period["open"]) == 0 for period in periods):
        usable = [{"open": {}}]
    if periods and not usable:
        raise ValueError("no period has a close")
    for period in usable:
        opens, closes = _minute_of_week(period["open"]), period.get("close")
        length = _WEEK if not closes else (_minute_of_week(closes) - opens) % _WEEK or _WEEK
        for start, end in _split_by_day(opens, length):
            hours[DAYS[(start // _DAY - 1) % 7]].append([_clock(start % _DAY), _clock((end - 1) % _DAY + 1)])
    return {day: sorted(ranges) for day, ranges in hours.items()}


def hours_from_schema_org(
    specified: Iterable[tuple[Iterable[str], object, object]], lines: Iterable[str]
) -> Hours | None:
    """Return the hours of a schema.org LocalBusiness, or None where none can be read. A day that is not named is
    closed.

    ``specified`` holds (days, opens, closes) of each OpeningHoursSpecification (``["https://schema.org/Monday"]``,
    ``"09:00"``, ``"17:00"``); opening and closing at 00:00 is schema.org's notation for a closed day. ``lines`` are
    values of ``openingHours`` (``Mo-Fr 09:00-17:00``, ``Mo,Tu 10:00-12:00,13:00-17:00``, ``Mo 9am-5pm``).
    """
    found = [*_ranges_of_specifications(specified), *_ranges_of_lines(lines)]
    if not found:
        return None
    hours: Hours = {day: [] for day in DAYS}
    for day, opens, closes in found:
        if (opens, closes) != ("00:00", "00:00") and [opens, closes] not in hours[day]:
            hours[day].append([opens, closes])
    return {day: sorted(ranges) for day, ranges in hours.items()}


def _minute_of_week(point: Mapping[str, Any]) -> int:
    """Return the minutes from Sunday's first midnight to Google's ``point``."""
    return int(point.get("day", 0)) * _DAY + int(point.get("hour", 0)) * 60 + int(point.get("minute", 0))


def _split_by_day(opens: int, length: int) -> list[tuple[int, int]]:
    """Return one (start, end), or one per day where ``length`` minutes exceed a day."""
    if length <= _DAY:
        return [(opens, opens + length)]
    cuts = [opens, *range((opens // _DAY + 1) * _DAY, opens + length, _DAY), opens + length]
    return list(pairwise(cuts))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _ranges_of_specifications(
    specified: Iterable[tuple[Iterable[str], object, object]],
) -> Iterable[tuple[str, str, str]]:
    for named, opening, closing in specified:
        opens, closes = _read_clock(opening), _read_clock(closing)
        if opens and closes:
            yield from ((day, opens, closes) for text in named for day in _days_of(text.rpartition("/")[2]))


def _ranges_of_lines(lines: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for line in lines:
        days: list[str] = []
        for named, opening, closing in _LINE.findall(line[:2_000]):
            days = _days_of(named) if named.strip(" ,") else days  # "Mo 9-12, 14-18": the second range has no day
            opens, closes = _read_clock(opening), _read_clock(closing)
            if opens and closes:
                yield from ((day, opens, closes) for day in days)


def _days_of(text: str) -> list[str]:
    """Return the days of ``Mo-Fr`` or ``Mo, We``."""
    days: list[str] = []
    for part in text.replace("\u2013", "-").split(","):
        match [_day_of(end) for end in part.split("-")]:
            case [str(day)]:
                days.append(day)
            case [str(first), str(last)]:
                start = DAYS.index(first)
                days += [DAYS[(start + n) % 7] for n in range((DAYS.index(last) - start) % 7 + 1)]
    return days


def _day_of(text: str) -> str | None:
    """``Mo``, ``mon`` and ``Monday`` → ``monday``."""
    text = text.strip().lower()
    return next((day for day in DAYS if len(text) >= 2 and day.startswith(text)), None)


def _read_clock(value: object) -> str | None:
    """``9:00``, ``T09:00:00``, ``9 a.m.`` → ``09:00``; ``23:59`` → ``24:00``, as most pages mean the end of the day."""
    found = _TIME.match(value.strip()) if isinstance(value, str) else None
    if not found or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if found[3] in "pP" else 0)
    if hour > 24 or minute > 59:
        return None
    return "24:00" if hour == 24 or (hour, minute) == (23, 59) else f"{hour:02}:{minute:02}"
