"""schema.org's opening hours as ours: ``{"monday": [["09:00", "17:00"]], …}``, an empty list being a closed day."""

import re
from collections.abc import Mapping
from typing import Any

from domain_scheduler.structured_data import texts

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_OF_DAY = r"(\d{1,2}(?::\d{2}(?::\d{2})?)?(?:\s?[AaPp]\.?[Mm]\.?)?)"
_LINE = re.compile(
    r"(?:([A-Za-z, \u2013-]{2,100}?)[\s:]{1,5}|[,;&]\s{0,3})" + _OF_DAY + r"\s{0,3}[-\u2013]\s{0,3}" + _OF_DAY
)
_TIME = re.compile(r"T?(\d{1,2})(?::(\d{2})(?::\d{2})?)?\s?(?:([ap])\.?m\b)?", re.IGNORECASE)

Hours = dict[str, list[list[str]]]


def opening_times(node: Mapping[str, Any]) -> Hours | None:
    """The hours of a LocalBusiness ``node``: ``openingHoursSpecification`` or ``openingHours``; None if it tells none.

    A day that is nowhere named is closed. Seasons and holidays (``validFrom``) are left out.
    """
    found = _specified(node.get("openingHoursSpecification")) + _written(texts(node.get("openingHours")))
    if not found:
        return None
    hours: Hours = {day: [] for day in DAYS}
    for day, opens, closes in found:
        if (opens, closes) != ("00:00", "00:00") and [opens, closes] not in hours[day]:
            hours[day].append([opens, closes])
    return {day: sorted(ranges) for day, ranges in hours.items()}


def _specified(value: object) -> list[tuple[str, str, str]]:
    """``{"dayOfWeek": ["Monday", "https://schema.org/Tuesday"], "opens": "09:00", "closes": "17:00"}``, or a list of them.

    Opening and closing at 00:00 is schema.org's way to say closed.
    """
    found: list[tuple[str, str, str]] = []
    for each in (value if isinstance(value, list) else [value])[:100]:
        if not isinstance(each, dict) or each.get("validFrom"):
            continue
        opens, closes = _clock(each.get("opens")), _clock(each.get("closes"))
        days = [day for text in texts(each.get("dayOfWeek")) for day in _days(text.rpartition("/")[2])]
        if opens and closes:
            found += [(day, opens, closes) for day in days]
    return found


def _written(lines: list[str]) -> list[tuple[str, str, str]]:
    """``Mo-Fr 09:00-17:00``, ``Mo,Tu 10:00-12:00,13:00-17:00``, ``Mo 9am-5pm``, several in one line too."""
    found: list[tuple[str, str, str]] = []
    for line in lines[:100]:
        days: list[str] = []
        for named, opens, closes in _LINE.findall(line[:2_000]):
            days = _days(named) if named.strip(" ,") else days
            found += [(day, _clock(opens) or "", _clock(closes) or "") for day in days]
    return [(day, opens, closes) for day, opens, closes in found if opens and closes]


def _days(text: str) -> list[str]:
    days: list[str] = []
    for part in text.replace("\u2013", "-").split(","):
        ends = [_day(end) for end in part.split("-")]
        match ends:
            case [str(day)]:
                days.append(day)
            case [str(first), str(last)]:
                start = DAYS.index(first)
                days += [DAYS[(start + n) % 7] for n in range((DAYS.index(last) - start) % 7 + 1)]
    return days


def _day(text: str) -> str | None:
    """``Mo``, ``mon`` and ``Monday`` → ``monday``."""
    text = text.strip().lower()
    return next((day for day in DAYS if len(text) >= 2 and day.startswith(text)), None)


def _clock(value: object) -> str | None:
    """``9:00``, ``T09:00:00``, ``9 a.m.`` → ``09:00``; the last minute of a day is its end, ``24:00``."""
    found = _TIME.match(value.strip()) if isinstance(value, str) else None
    if not found or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if found[3] in "pP" else 0)
    if hour > 24 or minute > 59:
        return None
    return "24:00" if hour == 24 or (hour, minute) == (23, 59) else f"{hour:02}:{minute:02}"
