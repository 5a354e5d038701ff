"""Weekly opening hours in the stored format: ``{"monday": [["09:00", "17:00"]], …}``.

An empty list is a closed day. The hours of an absent day are unknown.

A range that ends at or before its own start ends on the next day (``["18:00", "02:00"]``). ``24:00`` is the midnight
that ends a day. A day that is always open is ``["00:00", "24:00"]``.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Hours = dict[str, list[list[str]]]

_DAY = 24 * 60
_WEEK = 7 * _DAY


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
