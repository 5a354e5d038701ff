"""Opening hours of schema.org's LocalBusiness. A day of which anything is not understood is absent, never closed.

Formats: https://schema.org/openingHours and https://schema.org/OpeningHoursSpecification, in the spellings of real pages.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from scrapersky.hours import DAYS, Hours

MAX_LINE = 2_000
"""Characters read of one value."""

_NAMES = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miercoles jueves viernes sabado domingo",
    "it": "lunedi martedi mercoledi giovedi venerdi sabato domenica",
    "pt": "segunda terca quarta quinta sexta sabado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "pl": "poniedzialek wtorek sroda czwartek piatek sobota niedziela",
    "sv": "mandag tisdag onsdag torsdag fredag lordag sondag",
    "ru": "понедельник вторник среда четверг пятница суббота воскресенье",
}
"""Weekdays without accents; any beginning of at least two letters (three in Polish and Swedish) is an abbreviation."""
_SHORT = {
    "en": "m - w - f - -",
    "ru": "пн вт ср чт пт сб вс",
    "pl": "pn wt sr czw pt sob nd",
}
_ALIASES = {"weds": 2, "sonnabend": 5}
_GROUPS = {
    **dict.fromkeys(("daily", "everyday", "taglich", "dagelijks", "giornaliero", "diario"), range(7)),
    **dict.fromkeys(("weekdays", "weekday", "werktags", "wochentags", "feriali"), range(5)),
    **dict.fromkeys(("weekend", "weekends", "wochenende"), range(5, 7)),
}
_CLOSED = frozenset(
    str.split(
        "closed geschlossen ferme fermee cerrado chiuso fechado gesloten off ruhetag zamkniete stangt закрыто none"
    )
)
_TO = frozenset(str.split("to bis a au al as until till thru through tot tm ate по до"))
_FILLER = frozenset(
    str.split(
        "and und et y e en i u & from von de du des le les los las el dal dalle alle ore open geoffnet ouvert abierto aperto"
        " aberto uhr h hrs hours o clock hs opening offnungszeiten horaires horaire horario horarios orari openingstijden и с"
    )
)
_NOT_WEEKLY = frozenset(str.split("ph publicholidays publicholiday holidays feiertag feiertage feiertags"))
_CLOCKS = {"noon": (12, 0), "midday": (12, 0), "midnight": (24, 0), "mitternacht": (24, 0), "minuit": (24, 0)}
_TOKEN = re.compile(
    r"(?P<always>24\s?/\s?7|24\s?(?:hours|hrs|h|stunden|heures|horas|ore)\b)"
    r"|T?(?P<hour>\d{1,2})(?:\s?[:.hH]\s?(?P<minute>\d{2})(?::\d{2})?(?:\.\d{1,6})?|(?P<military>\d{2}))?(?!\d)"
    r"(?:\s?(?P<half>[ap])\.?\s?m\b\.?)?(?:\s?(?:uhr|hrs|h|hs)\b)?"
    r"|(?P<word>[^\W\d_]+)|(?P<dash>[-\u2010-\u2015~]|\.{2,3})|(?P<break>[;\n])|(?P<other>\S)",
    re.IGNORECASE,
)
_NOT_WORDS = re.compile(r"[-\s]feiras?\b|(?<=t)/(?=m\b)", re.IGNORECASE)
_ZONE = re.compile(r"(?<=\d\d)(?:Z|[+-]\d\d:?\d\d)\Z")
_DATE = re.compile(r"\A\d{4}-\d\d-\d\dT(?=\d)")


@dataclass(frozen=True)
class _Clock:
    hour: int
    minute: int
    half: str
    """``a`` or ``p``, or "" for a clock of 24 hours or one that leaves it open."""
    padded: bool
    """Whether the hour is written with a zero, as only clocks of 24 hours do."""

    @property
    def minutes(self) -> int:
        hour = self.hour % 12 + (12 if self.half == "p" else 0) if self.half else self.hour
        return hour * 60 + self.minute


@dataclass
class _Week:
    """What is known of the week: the ranges of days, and the days of which something is not understood."""

    ranges: dict[int, list[list[str]]] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    complete: bool = True

    def close(self, days: Iterable[int]) -> None:
        for day in days:
            self.ranges.setdefault(day, [])

    def open(self, days: Iterable[int], written: list[str]) -> None:
        for day in days:
            known = self.ranges.setdefault(day, [])
            if written not in known:
                known.append(written)

    def fail(self, days: Iterable[int]) -> None:
        self.unknown.update(days)
        self.complete = False

    def hours(self) -> Hours | None:
        known = {day: sorted(ranges) for day, ranges in self.ranges.items() if day not in self.unknown}
        if not known:
            return None
        unnamed: dict[int, list[list[str]]] = {day: [] for day in range(7) if self.complete and day not in known}
        return {DAYS[day]: (known | unnamed)[day] for day in range(7) if day in known or day in unnamed}


def hours_from_schema_org(
    specified: Iterable[tuple[Iterable[str], object, object]], lines: Iterable[str]
) -> Hours | None:
    """Return the hours of a schema.org LocalBusiness, or None where none can be read.

    A day that is not named is closed if everything is understood, else absent like a day whose hours are not understood.
    ``specified`` holds (days, opens, closes) of each OpeningHoursSpecification (``["https://schema.org/Monday"]``,
    ``"09:00"``, ``"17:00"``); it is closed without ``opens``, or from 00:00 to 00:00. ``lines`` are values of
    ``openingHours`` (``Mo-Fr 09:00-17:00``, ``Mo,Tu 10:00-12:00,13:00-17:00``, ``Monday to Friday 9am-5pm``).
    """
    entries = [
        (", ".join(text.rpartition("/")[2] for text in named)[:MAX_LINE], opening, closing)
        for named, opening, closing in specified
    ]
    texts = [html.unescape(line[:MAX_LINE]) for line in lines]
    languages = _languages([*(named for named, _, _ in entries), *texts])
    week = _Week()
    for named, opening, closing in entries:
        _read_specification(week, list(_items(named, languages)), opening, closing)
    for text in texts:
        _read_line(week, list(_items(text, languages)))
    return week.hours()


def _read_specification(week: _Week, items: list[object], opening: object, closing: object) -> None:
    if items and all(item == "holiday" for item in items):
        return
    days = _days(items)
    if not days or any(item not in ("holiday", "dash") and not isinstance(item, frozenset) for item in items):
        week.fail(days)
        return
    texts = [("" if value is None else str(value).strip()) for value in (opening, closing)]
    if not texts[0] and not texts[1]:
        week.close(days)
        return
    clocks = [_only_clock(text) for text in texts]
    written = _range(clocks[0], clocks[1]) if clocks[0] and clocks[1] else None
    if written == ["00:00", "00:00"] or all(_plain(text) in _CLOSED for text in texts):
        week.close(days)
    elif written is None:
        week.fail(days)
    else:
        week.open(days, written)


def _only_clock(text: str) -> _Clock | None:
    """Return the time that ``text`` is; ``9`` and ``900`` as well."""
    text = _ZONE.sub("", _DATE.sub("", text))
    text = text.zfill(4) if text.isdigit() and len(text) == 3 else text
    items = list(_items(text, _NAMES.keys()))
    return items[0] if len(items) == 1 and isinstance(items[0], _Clock) else None


def _read_line(week: _Week, items: list[object]) -> None:
    """Add what a line says: groups of days, each followed by its ranges."""
    days: list[object] = []
    done = False  # whether the group of days has ranges
    rest = iter(items)
    for item in rest:
        if isinstance(item, frozenset) or (item == "dash" and days and not done):
            days, done = [*([] if done else days), item], False
            continue
        if isinstance(item, _Clock):
            dash, end = next(rest, None), next(rest, None)
            written = _range(item, end) if dash == "dash" and isinstance(end, _Clock) else None
            if written and days:
                week.open(_days(days), written)
            else:
                week.fail(_days(days))
        elif item == "closed":
            week.close(_days(days))
        elif item == "always":
            week.open(_days(days) or range(7), ["00:00", "24:00"])
        elif item == "holiday" and (done or not days):
            days = []  # its hours are not those of a weekday
            if not all(each == "closed" for each in rest):
                week.complete = False
        else:
            week.fail([] if done else _days(days))
        done = True
    if days and not done:
        week.fail(_days(days))


def _languages(texts: Iterable[str]) -> set[str]:
    """Return the languages in which as many weekdays of ``texts`` as possible can be read: ``Di`` needs others beside it."""
    languages = set(_NAMES)
    for text in texts:
        for found in _TOKEN.finditer(text):
            languages &= _day_of(_plain(found["word"] or "")).keys() or languages
            languages = languages or set(_NAMES)
    return languages


def _items(text: str, languages: Collection[str]) -> Iterator[object]:
    """Yield what ``text`` consists of: a clock, a set of days, or one of the words closed, always, dash, holiday, unknown."""
    for found in _TOKEN.finditer(_NOT_WORDS.sub("", text)):
        if found["always"]:
            yield "always"
        elif hour := found["hour"]:
            minute = int(found["minute"] or found["military"] or 0)
            yield _Clock(int(hour), minute, (found["half"] or "").lower(), hour.startswith("0"))
        elif found["dash"]:
            yield "dash"
        elif (word := _plain(found["word"] or "")) and (item := _meaning(word, languages)):
            yield item


def _meaning(word: str, languages: Collection[str]) -> object:
    """Return what ``word`` is, as :func:`_items`; None for one without a meaning here, as "and"."""
    known: dict[frozenset[str], object] = {_TO: "dash", _CLOSED: "closed", _NOT_WEEKLY: "holiday", _FILLER: None}
    for words, item in known.items():
        if word in words:
            return item
    if word in _GROUPS:
        return frozenset(_GROUPS[word])
    if word in _CLOCKS:
        return _Clock(*_CLOCKS[word], half="", padded=False)
    days = _day_of(word)
    meant = {day for language, day in days.items() if language in languages} or set(days.values())
    return frozenset(meant) if len(meant) == 1 else "unknown"


@lru_cache(1_000)
def _day_of(word: str) -> dict[str, int]:
    """Return {language: day of the week} of the languages in which ``word`` is a weekday or an abbreviation."""
    if word in _ALIASES:
        return {"en" if word == "weds" else "de": _ALIASES[word]}
    found: dict[str, int] = {}
    for language, names in _NAMES.items():
        shortest = 3 if language in ("pl", "sv") else 2
        for day, (name, short) in enumerate(zip(names.split(), _SHORT.get(language, "- " * 7).split(), strict=True)):
            if word in (short, f"{name}s") or (len(word) >= shortest and name.startswith(word)):
                found.setdefault(language, day)
    return found


def _days(items: Iterable[object]) -> list[int]:
    """Return the days of ``Mo-Fr`` or ``Mo, We``."""
    days: list[int] = []
    dashed = False
    for item in items:
        if isinstance(item, frozenset):
            first = min(item)
            days += [(days[-1] + n) % 7 for n in range(1, (first - days[-1]) % 7)] if dashed and days else []
            days += sorted(item)
        dashed = item == "dash"
    return list(dict.fromkeys(days))


def _range(opens: _Clock, closes: _Clock) -> list[str] | None:
    """Return the range as stored, or None where a clock is wrong or it is open which half of the day is meant.

    ``23:59`` → ``24:00``, as most pages mean the end of the day.
    """
    if max(opens.minutes, closes.minutes) > 24 * 60 or max(opens.minute, closes.minute) > 59:
        return None
    if any(clock.half and not 1 <= clock.hour <= 12 for clock in (opens, closes)):
        return None
    start, end = opens.minutes, closes.minutes
    if closes.half and not opens.half and opens.hour <= 12:
        halves = [_Clock(opens.hour, opens.minute, half, False).minutes for half in "pa"]
        start = next((minutes for minutes in halves if minutes < (end or 24 * 60)), -1)
        if closes.half == "a" and end and start < 0:
            return None  # 10-2am
    elif opens.half and not closes.half and closes.hour <= 12:
        halves = [_Clock(closes.hour, closes.minute, half, False).minutes for half in "ap"]
        end = next((minutes for minutes in halves if minutes > start), halves[0])
    elif not opens.half and not closes.half and opens.hour <= 12 and end < start and not closes.padded and end:
        return None  # 9-5
    written = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (start, end)]
    return [written[0], "24:00" if written[1] == "23:59" else written[1]] if start >= 0 else None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(character for character in folded if not unicodedata.combining(character)).strip()
