"""Headers and statuses as jobs see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.errors import FetchError
from scrapersky.web.response import Fetched, Headers, clean_header


def fetched(status: int, retry_after: float | None = None) -> Fetched:
    return Fetched(status, "http://a.example/", "http://a.example/", (), Headers(), b"", False, 0, retry_after)


def test_header_names_have_no_case_and_repeated_headers_are_joined() -> None:
    headers = Headers([("Content-Type", "text/html"), ("X-A", "1"), ("x-a", "2")])
    assert headers["content-TYPE"] == "text/html"
    assert headers["X-a"] == "1, 2"
    assert "CONTENT-TYPE" in headers
    assert headers.get("missing") is None
    assert sorted(headers) == ["content-type", "x-a"]


@given(st.text(st.characters()))
def test_any_header_value_becomes_text_that_a_database_and_a_request_can_take(value: str) -> None:
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
