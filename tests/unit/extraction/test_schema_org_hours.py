"""Opening hours of schema.org: what is not understood is unknown, never closed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.schema_org_hours import hours_from_schema_org
from scrapersky.hours import DAYS

NINE_TO_FIVE = [["09:00", "17:00"]]
WEEK = dict.fromkeys(DAYS[:5], NINE_TO_FIVE)
WEEKEND: dict[str, list[list[str]]] = {"saturday": [], "sunday": []}


@pytest.mark.parametrize(
    "line",
    [
        "Mo-Fr 9:00-17:00",
        "Monday to Friday 09:00-17:00",
        "Mon. – Fri.: 9.00 – 17.00",
        "Mondays through Fridays, 9am-5pm",
        "M-F 9-5pm",
        "Mo & Tu & We & Th & Fr 9-17",
        "Weekdays 0900-1700",
        "Montag bis Freitag von 9 bis 17 Uhr",
        "Mo, Di, Mi, Do, Fr 9-17 Uhr; Sa, So geschlossen",
        "lundi au vendredi de 9h00 à 17h00",
        "Lunes a viernes de 9:00 a 17:00 h.",
        "lunedì-venerdì dalle 9 alle 17".replace(" alle ", "-"),
        "segunda-feira a sexta-feira 9h-17h",
        "maandag t/m vrijdag 9.00-17.00",
        "Пн-Пт 09:00-18:00".replace("18", "17"),
        "Mo-Fr 09:00:00-17:00:00; PH off",
        "Mo-Fr 9:00&ndash;17:00",
    ],
)
def test_a_line_is_read_in_many_spellings(line: str) -> None:
    assert hours_from_schema_org([], [line]) == WEEK | WEEKEND


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Mo 09:00-12:00 13:00-17:00"], {"monday": [["09:00", "12:00"], ["13:00", "17:00"]]}),
        (["Mo 9-12 & 13-17"], {"monday": [["09:00", "12:00"], ["13:00", "17:00"]]}),
        (["Sa 10-14", "Su closed"], {"saturday": [["10:00", "14:00"]]}),
        (["Mo 18-2"], {"monday": [["18:00", "02:00"]]}),
        (["Mo 11-2pm"], {"monday": [["11:00", "14:00"]]}),
        (["Mo 10am-noon"], {"monday": [["10:00", "12:00"]]}),
        (["Mo 24 hours"], {"monday": [["00:00", "24:00"]]}),
        (["24/7"], {day: [["00:00", "24:00"]] for day in DAYS}),
        (["Di 9-17", "Mi 9-17"], {"tuesday": NINE_TO_FIVE, "wednesday": NINE_TO_FIVE}),
    ],
)
def test_days_that_are_not_named_are_closed_where_all_is_understood(
    lines: list[str], expected: dict[str, list[list[str]]]
) -> None:
    assert hours_from_schema_org([], lines) == {day: [] for day in DAYS} | expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Mo-Fr 09:00-17:00, Sa by appointment"], WEEK),
        (["Mo-Fr 09:00-17:00", "and on request"], WEEK),
        (["Mo-Fr 09:00-17:00", "Fr from 9"], dict.fromkeys(DAYS[:4], NINE_TO_FIVE)),
        (["Mo-Fr 09:00-17:00, Sa 9 until late"], WEEK),
        (["Mo-Fr 09:00-17:00", "Sa 9-5"], WEEK),
        (["Mo-Fr 09:00-17:00", "Sa 10-2am"], WEEK),
        (["Mo-Fr 09:00-17:00", "PH 10:00-12:00"], WEEK),
        (["Mo-Su"], None),
        (["Di 9-17"], None),
        (["09:00-17:00"], None),
        (["by appointment"], None),
    ],
)
def test_days_of_which_something_is_not_understood_are_absent(
    lines: list[str], expected: dict[str, list[list[str]]] | None
) -> None:
    assert hours_from_schema_org([], lines) == expected


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        ("0900", "1700", NINE_TO_FIVE),
        ("9.00", "17.00", NINE_TO_FIVE),
        ("9", "17", NINE_TO_FIVE),
        (900, 1700, NINE_TO_FIVE),
        ("9h", "17h", NINE_TO_FIVE),
        ("09:00:00+01:00", "17:00:00+01:00", NINE_TO_FIVE),
        ("2024-01-01T09:00:00Z", "2024-01-01T17:00:00Z", NINE_TO_FIVE),
        ("00:00", "00:00", []),
        ("Closed", "Closed", []),
        (None, None, []),
        ("", "", []),
        ("morning", "17:00", None),
        ("09:00", None, None),
        ("9:00", "5:00", None),
    ],
)
def test_a_specification_is_read_or_its_day_is_absent(
    opens: object, closes: object, expected: list[list[str]] | None
) -> None:
    found = hours_from_schema_org([(["Monday"], opens, closes), (["Tuesday"], "09:00", "17:00")], [])
    assert found is not None
    assert found.get("monday") == expected
    assert found["tuesday"] == NINE_TO_FIVE
    assert found.get("sunday") == ([] if expected is not None else None)


@pytest.mark.parametrize(
    "named", ["Monday, Tuesday", "Mo-Tu", "https://schema.org/Monday Tuesday", "Montag und Dienstag"]
)
def test_the_days_of_a_specification_are_read_in_many_spellings(named: str) -> None:
    found = hours_from_schema_org([([named], "09:00", "17:00"), (["PublicHolidays"], "10:00", "12:00")], [])
    assert found == {day: [] for day in DAYS} | {"monday": NINE_TO_FIVE, "tuesday": NINE_TO_FIVE}


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_can_be_read(line: str, clock: str) -> None:
    hours_from_schema_org([([line], clock, clock)], [line, f"Mo-{line}", f"Mo {clock}-17"])


@pytest.mark.parametrize("piece", ["Mo ", "9", "9-", "- ", "24 ", "a", "9 a.", "\u2013", "Mo-Fr 9-17 "])
def test_a_long_line_takes_little_time(piece: str) -> None:
    began = time.process_time()
    hours_from_schema_org([], [piece * 100_000] * 100)
    assert time.process_time() - began < 3
