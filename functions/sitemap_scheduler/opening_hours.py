"""Google's weekly opening periods as ours: per day, the ranges that begin on it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""In Google's order: day 0 is Sunday."""

DAY = 24 * 60
WEEK = 7 * DAY

Hours = dict[str, list[list[str]]]


def opening_hours(periods: Sequence[Mapping[str, Any]]) -> Hours:
    """``{"monday": [["09:00", "17:00"]], …}`` for all seven days; an empty list is a closed day.

    A range that ends at or before its own beginning ends on the next day (``["18:00", "02:00"]``), ``24:00`` is the
    midnight that ends a day. Always open is ``00:00`` to ``24:00`` on every day (Google: one period without a close).
    ``periods`` is ``regularOpeningHours.periods``: ``{"open": {"day", "hour", "minute"}, "close": {…}}``, whose zeros
    may be left out.
    """
    hours: Hours = {day: [] for day in (*DAYS[1:], DAYS[0])}
    for period in periods:
        opens, closes = _minute(period["open"]), period.get("close")
        length = WEEK if not closes else (_minute(closes) - opens) % WEEK or WEEK
        for start, end in _by_day(opens, length):
            hours[DAYS[start // DAY % 7]].append([_clock(start % DAY), _clock((end - 1) % DAY + 1)])
    return {day: sorted(ranges) for day, ranges in hours.items()}


def _by_day(opens: int, length: int) -> list[tuple[int, int]]:
    """One range, unless it is longer than a day: then one a day."""
    if length <= DAY:
        return [(opens, opens + length)]
    cuts = [opens, *range((opens // DAY + 1) * DAY, opens + length, DAY), opens + length]
    return list(pairwise(cuts))


def _minute(point: Mapping[str, Any]) -> int:
    """The minute of the week, from Sunday's midnight."""
    return int(point.get("day", 0)) * DAY + int(point.get("hour", 0)) * 60 + int(point.get("minute", 0))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
