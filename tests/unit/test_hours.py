"""Weekly opening hours from Google's periods. Those of schema.org are tested with the organisation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.hours import DAYS, hours_from_periods

CLOSED: dict[str, list[list[str]]] = {day: [] for day in DAYS}


def at(day: int, hour: int = 0, minute: int = 0) -> dict[str, int]:
    return {"day": day, "hour": hour, "minute": minute}


def between(opens: dict[str, int], closes: dict[str, int] | None = None) -> dict[str, Any]:
    return {"open": opens} | ({"close": closes} if closes else {})


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([between(at(1, 9), at(1, 17, 30))], {"monday": [["09:00", "17:30"]]}),
        ([between(at(1, 13), at(1, 17)), between(at(1, 9), at(1, 12))], {"monday": [["09:00", "12:00"], ["13:00", "17:00"]]}),
        ([between(at(5, 18), at(6, 2))], {"friday": [["18:00", "02:00"]]}),
        ([between(at(6, 22), at(0, 4))], {"saturday": [["22:00", "04:00"]]}),
        ([between(at(6, 18), at(0))], {"saturday": [["18:00", "24:00"]]}),
        ([between(at(2), at(3))], {"tuesday": [["00:00", "24:00"]]}),
        (
            [between(at(1, 9), at(3, 17))],
            {"monday": [["09:00", "24:00"]], "tuesday": [["00:00", "24:00"]], "wednesday": [["00:00", "17:00"]]},
        ),
    ],
    ids=["a day", "a break at noon", "overnight", "over the end of the week", "until midnight", "24 hours", "two nights"],
)  # fmt: skip
def test_periods_become_ranges_of_the_day_on_which_they_start(periods: list[Any], expected: dict[str, Any]) -> None:
    assert hours_from_periods(periods) == CLOSED | expected


def test_one_period_without_a_close_means_always_open() -> None:
    assert hours_from_periods([between(at(0))]) == {day: [["00:00", "24:00"]] for day in DAYS}


def test_a_period_without_a_close_that_does_not_mean_always_open_is_left_out() -> None:
    nine_to_five = between(at(2, 9), at(2, 17))
    assert hours_from_periods([between(at(1, 9)), nine_to_five]) == CLOSED | {"tuesday": [["09:00", "17:00"]]}
    assert hours_from_periods([between(at(0)), nine_to_five]) == CLOSED | {"tuesday": [["09:00", "17:00"]]}


def test_hours_of_which_no_period_is_left_are_unknown() -> None:
    with pytest.raises(ValueError, match="no period"):
        hours_from_periods([between(at(1, 9)), between(at(2, 9))])


def test_missing_numbers_are_zero() -> None:
    assert hours_from_periods([{"open": {"hour": 10}, "close": {"hour": 18}}]) == CLOSED | {
        "sunday": [["10:00", "18:00"]]
    }


def test_the_week_runs_from_monday_to_sunday() -> None:
    assert list(hours_from_periods([])) == [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ]


points = st.builds(at, st.integers(0, 6), st.integers(0, 23), st.integers(0, 59))


@given(points, points)
def test_every_minute_of_a_period_is_stored_once(opens: dict[str, int], closes: dict[str, int]) -> None:
    def of_day(clock: str) -> int:
        return int(clock[:2]) * 60 + int(clock[3:])

    def of_week(point: dict[str, int]) -> int:
        return point["day"] * 1_440 + point["hour"] * 60 + point["minute"]

    total = 0
    for ranges in hours_from_periods([between(opens, closes)]).values():
        for start, end in ranges:
            total += (of_day(end) - of_day(start)) % 1_440 or 1_440
    assert total == ((of_week(closes) - of_week(opens)) % 10_080 or 10_080)
