"""Headers, statuses and Retry-After of an answer."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.errors import FetchError
from scrapersky.web.fetched import Fetched, Headers, clean_header
from scrapersky.web.response import retry_after_seconds

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def fetched(status: int, retry_after: float | None = None) -> Fetched:
    return Fetched(status, "http://a.example/", "http://a.example/", (), Headers(), b"", False, 0, retry_after)


def test_header_names_are_case_insensitive_and_repeated_headers_are_joined() -> None:
    headers = Headers([("Content-Type", "text/html"), ("X-A", "1"), ("x-a", "2")])
    assert headers["content-TYPE"] == "text/html"
    assert headers["X-a"] == "1, 2"
    assert "CONTENT-TYPE" in headers
    assert headers.get("missing") is None
    assert sorted(headers) == ["content-type", "x-a"]


@given(st.text(st.characters()))
def test_any_header_value_is_made_safe_to_store_and_to_send(value: str) -> None:
    cleaned = clean_header(value)
    assert "\0" not in cleaned
    assert "\n" not in cleaned
    assert "\r" not in cleaned
    cleaned.encode("utf-8")


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 451, 500, 503, 520, 999])
def test_an_error_status_raises_its_own_code(status: int) -> None:
    with pytest.raises(FetchError) as caught:
        fetched(status, retry_after=7.0).raise_for_status()
    assert caught.value.code == f"http_{status}"
    assert caught.value.retry_after == 7.0
    assert str(status) in caught.value.reason


@pytest.mark.parametrize("status", [200, 204, 206, 304, 399])
def test_any_other_status_raises_nothing(status: int) -> None:
    fetched(status).raise_for_status()


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
def test_retry_after_is_parsed_from_seconds_and_dates_and_capped(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, cap=3_600, now=NOW) == seconds


@given(st.text(max_size=60))
def test_any_retry_after_text_gives_none_or_a_time_within_the_cap(value: str) -> None:
    seconds = retry_after_seconds(value, cap=60)
    assert seconds is None or 0 <= seconds <= 60
