"""How long the other side asks us to stay away."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("9" * 5_000, 3_600.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2099 11:00:00 GMT", 3_600.0),
        ("Monday, 23-Nov-26 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 13:00:30 +0100", 30.0),
        ("Mon, 23 Nov 2026 12:00:30", 30.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("١٢", None),
        (None, None),
        ("Mon, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
def test_seconds_and_dates_are_understood_and_clamped(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, cap=3_600, now=NOW) == seconds


@given(st.text(max_size=60))
def test_any_text_gives_nothing_or_a_time_within_the_cap(value: str) -> None:
    seconds = retry_after_seconds(value, cap=60)
    assert seconds is None or 0 <= seconds <= 60
