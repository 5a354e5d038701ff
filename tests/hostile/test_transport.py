"""Hostile inputs 63 to 68, 71 and 73: slow, broken and invalid connections."""

import asyncio
import gzip
from pathlib import Path

import pytest

from scrapersky.web.client import FetchError
from tests.hostile.running import fetch
from tests.hostile.server import Answer, answer, dripping, endless, raw, redirect, reset, silence

HOME = "http://shop.example/"
OK = b"HTTP/1.1 200 OK\r\n"


def shop(home: Answer) -> dict[str, dict[str, Answer]]:
    return {"shop.example": {"/": home}}


SLOW = {
    "63": dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "63-chunked": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "63-gzip": dripping(
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 50_000, compresslevel=0)[:100], b"x"
    ),
    "64": dripping(OK, b"A: b\r\n"),
    "64-one-header": dripping(OK + b"A: ", b"b"),
    "65-slow": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "66": silence,
    "66-after-the-head": dripping(OK + b"Content-Length: 5\r\n\r\n", b""),
}


@pytest.mark.parametrize("home", SLOW.values(), ids=SLOW.keys())
def test_a_slow_server_is_abandoned_at_the_deadline(home: Answer, tmp_path: Path) -> None:
    result = fetch(shop(home), HOME, tmp_path, deadline=0.5)
    assert result.code == "timeout"
    assert 0.4 < result.seconds < 1.5


def test_65_endless_interim_responses_end_at_the_limit_of_a_head(tmp_path: Path) -> None:
    flood = endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    assert fetch(shop(flood), HOME, tmp_path, deadline=10).code == "bad_response"


def test_63_the_deadline_covers_all_hops_together(tmp_path: Path) -> None:
    def late(location: str) -> Answer:
        async def send(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.3)
            await redirect(location)(writer)

        return send

    sites = {"shop.example": {"/": late("/b"), "/b": late("/c"), "/c": answer(200)}}
    result = fetch(sites, HOME, tmp_path, deadline=0.5)
    assert result.code == "timeout"
    assert len(result.requests) == 2


@pytest.mark.parametrize(
    "home",
    [
        raw(OK + b"A: " + b"b" * 20_000_000 + b"\r\n\r\nhello"),
        raw(OK + b"A: b\r\n" * 200_000 + b"\r\nhello"),
        raw(b"<html>hello</html>"),
        raw(b"\x16\x03\x01\0\0garbage\r\n\r\n"),
        raw(b"HTTP/1.1 99 What\r\n\r\n"),
        raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"),
        raw(OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello"),
        raw(OK + b"Content-Length: -1\r\n\r\nhello"),
        raw(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        raw(OK + b"X: a\x00b\r\nContent-Length: 5\r\n\r\nhello"),
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
        raw(OK + b"Content-Length: 5\r\n\r\n"),
        answer(200, b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xff" * 50, {"Content-Encoding": "gzip"}),
    ],
    ids=["67", "68", "71-http-0.9", "71-noise", "bad-status", "status-101", "69-huge", "69-negative", "69-two", "nul-header",
         "70", "69-nothing-came", "72-broken-gzip"],
)  # fmt: skip
def test_an_answer_that_is_not_http_is_a_bad_response(home: Answer, tmp_path: Path) -> None:
    result = fetch(shop(home), HOME, tmp_path)
    assert result.code == "bad_response"
    assert str(result.error).isprintable()
    assert len(str(result.error)) < 300


@pytest.mark.parametrize("home", [reset, raw()], ids=["reset", "closed"])
def test_a_connection_closed_without_an_answer_is_a_reset(home: Answer, tmp_path: Path) -> None:
    assert fetch(shop(home), HOME, tmp_path).code == "reset"


@pytest.mark.parametrize("host", ["expired", "wrong-host", "self-signed"])
def test_71_an_untrusted_certificate_is_a_tls_error(host: str, tmp_path: Path) -> None:
    result = fetch({f"{host}.example": {"/": answer(200)}}, f"https://{host}.example/", tmp_path)
    assert result.code == "tls"
    assert "certificate" in str(result.error)


@pytest.mark.parametrize(
    ("tls", "code"),
    [(raw(b"garbage\r\n" * 9), "tls"), (answer(200), "tls"), (raw(), "reset"), (reset, "reset"), (silence, "timeout")],
    ids=["garbage", "http", "closed", "reset", "silence"],
)
def test_71_a_tls_port_without_tls_has_the_code_of_its_failure(tls: Answer, code: str, tmp_path: Path) -> None:
    result = fetch(shop(answer(200)), "https://shop.example/", tmp_path, on_tls_port=tls, deadline=0.5)
    assert result.code == code


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    assert fetch(shop(answer(200, b"safe")), "https://shop.example/", tmp_path).body == b"safe"


@pytest.mark.parametrize("status", [200, 201, 204, 206, 304, 400, 403, 404, 410, 429, 500, 503, 999])
def test_73_any_status_is_returned(status: int, tmp_path: Path) -> None:
    body = b"" if status in {204, 304} else b"body"
    result = fetch(shop(answer(status, body)), HOME, tmp_path)
    assert result.page is not None
    assert (result.page.status, result.body) == (status, body)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3_600.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("later", None),
    ],
    ids=["seconds", "date", "past", "nonsense"],
)
def test_73_the_error_of_a_status_carries_retry_after(value: str, seconds: float | None, tmp_path: Path) -> None:
    result = fetch(shop(answer(429, headers={"Retry-After": value})), HOME, tmp_path)
    assert result.page is not None
    with pytest.raises(FetchError) as caught:
        result.page.raise_for_status()
    assert (caught.value.code, caught.value.retry_after) == ("http_429", seconds)


def test_header_values_with_invalid_bytes_can_be_stored_and_sent_back(tmp_path: Path) -> None:
    home = raw(OK + b'ETag: "\xe9\xff"\r\nX-Utf8: \xc3\xa9\r\nContent-Length: 1\r\n\r\nx')
    result = fetch(shop(home), HOME, tmp_path)
    assert result.page is not None
    assert result.page.headers["x-utf8"] == "é"
    again = fetch(shop(home), HOME, tmp_path, headers={"If-None-Match": result.page.headers["etag"]})
    assert again.code == "200"
    assert fetch(shop(home), HOME, tmp_path, headers={"If-None-Match": 'x"\r\nInjected: 1\ud800'}).code == "200"


PAGE = b"Content-Type: text/html\r\nContent-Length: 5\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"X-XSS-Protection=1;\r\n" + PAGE, PAGE + b"Content-Length: 5\r\n", PAGE + b": x\r\n", b"X A: b\r\n" + PAGE,
        b"Content-Type : text/html\r\nContent-Length : 5\r\n", b" Content-Length: 5\r\n", PAGE + b"X: a\r\n b\r\n",
        b"Content-Length: 5, 5\r\n", PAGE + b"Content-Length:\r\n", PAGE + b"Transfer-Encoding: Identity\r\n",
        PAGE + b"Link: </a.css>\r\n" * 1_000, b"no colon\r\n folded: 9\r\n" + PAGE, PAGE.replace(b"\r", b""),
    ],
    ids=["no-colon", "length-twice", "no-name", "blank-in-name", "blank-behind-name", "blank-before-name", "folded",
         "length-in-a-list", "length-empty", "coding-identity", "many", "folded-without-colon", "line-feeds"],
)  # fmt: skip
def test_slips_in_headers_that_browsers_pass_over_lose_no_page(head: bytes, tmp_path: Path) -> None:
    sites = {"shop.example": {"/": raw(b"HTTP/1.1 200 OK\r\n", head[:7], head[7:], b"\r\nhello")}}
    assert fetch(sites, "http://shop.example/", tmp_path).body == b"hello"


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"chunked\r\nTransfer-Encoding: identity"])
def test_chunks_count_and_not_a_length_beside_them(coding: bytes, tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + PAGE + b"Transfer-Encoding: " + coding + b"\r\nContent-Length: 9\r\n\r\n"
    sites = {"shop.example": {"/": raw(head + b"5\r\nhello\r\n0\r\n\r\n")}}
    assert fetch(sites, "http://shop.example/", tmp_path).body == b"hello"


@pytest.mark.parametrize("more", [b"Content-Length: 6\r\n", b"Content-Length: 5, 6\r\n"])
def test_two_different_lengths_are_a_bad_response(more: bytes, tmp_path: Path) -> None:
    sites = {"shop.example": {"/": raw(b"HTTP/1.1 200 OK\r\n" + PAGE + more + b"\r\nhello!")}}
    assert fetch(sites, "http://shop.example/", tmp_path).code == "bad_response"


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"\r\n" * 100, b"X: y\r\n", b"1;" + b"a" * 900 + b"\r\nx\r\n"],
    ids=["interim", "blank-lines", "headers", "chunk-extensions"],
)  # fmt: skip
def test_a_flood_of_http_itself_counts_against_the_limits(piece: bytes, tmp_path: Path) -> None:
    start = b"" if piece[:1] in b"H\r" else b"HTTP/1.1 200 OK\r\n"
    start += b"Transfer-Encoding: chunked\r\n\r\n" if piece[:1] == b"1" else b""
    sites = {"shop.example": {"/": endless(start, piece * 10)}}
    settings = {"web_max_wire_bytes": 1_000_000}
    result = fetch(sites, "http://shop.example/", tmp_path, settings=settings)
    assert result.seconds < 8
    assert result.code in {"too_large", "bad_response"} or (result.page is not None and result.page.truncated)
