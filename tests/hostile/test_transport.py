"""Hostile inputs 58 to 73: what a server may do to a connection."""

import asyncio
import contextlib
import gzip
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from scrapersky.web.client import FetchError, WebClient
from tests.hostile.server import (
    Answer,
    answer,
    dripping,
    endless,
    fetch,
    hostile_internet,
    raw,
    silence,
    slam,
)

HOME = "http://shop.example/"
OK = b"HTTP/1.1 200 OK\r\n"
MEBIBYTE = 1_048_576


def shop(home: Answer) -> dict[str, dict[str, Answer]]:
    return {"shop.example": {"/": home}}


def bomb(unpacked_bytes: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEBIBYTE)
    return b"".join([compressor.compress(zeros) for _ in range(unpacked_bytes // MEBIBYTE)] + [compressor.flush()])


def encoded(body: bytes, encoding: str) -> Answer:
    return answer(200, body, {"Content-Encoding": encoding})


def test_58_a_gzip_bomb_is_too_large_and_takes_little_memory(tmp_path: Path) -> None:
    packed = bomb(300 * MEBIBYTE)
    tracemalloc.start()
    try:
        seen = fetch(shop(encoded(packed, "gzip")), HOME, tmp_path, max_bytes=5 * MEBIBYTE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen.code == "too_large"
    assert peak < 25 * MEBIBYTE


def test_59_a_bomb_in_a_file_is_a_small_file_to_the_client(tmp_path: Path) -> None:
    packed = bomb(100 * MEBIBYTE)
    assert fetch(shop(answer(200, packed)), HOME, tmp_path, max_bytes=5 * MEBIBYTE).body == packed


def test_60_of_a_nested_bomb_only_the_outer_layer_is_unpacked(tmp_path: Path) -> None:
    inner = bomb(100 * MEBIBYTE)
    assert fetch(shop(encoded(gzip.compress(inner), "gzip")), HOME, tmp_path).body == inner


@pytest.mark.parametrize(
    "encoding", [", ".join(["gzip"] * 50), "gzip, gzip", "br", "deflate", "zstd", "gzip, br", "\udcff"],
    ids=["61", "60-nested", "br", "deflate", "zstd", "gzip-br", "bytes"],
)  # fmt: skip
def test_an_encoding_that_nobody_asked_for_is_a_bad_response(encoding: str, tmp_path: Path) -> None:
    seen = fetch(shop(encoded(gzip.compress(b"x"), encoding)), HOME, tmp_path)
    assert seen.code == "bad_response"
    assert str(seen.error).isprintable()


def test_an_error_page_in_an_encoding_that_nobody_asked_for_is_still_its_status(tmp_path: Path) -> None:
    seen = fetch(shop(answer(403, b"xx", {"Content-Encoding": "br"})), HOME, tmp_path)
    assert seen.page is not None
    assert (seen.page.status, seen.page.body, seen.page.truncated) == (403, b"", True)


ENDLESS = {
    "62": endless(OK + b"\r\n", b"x" * 65_536),
    "62-chunked": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "62-announced": endless(OK + b"Content-Length: 999999999999\r\n\r\n", b"x" * 65_536),
}


@pytest.mark.parametrize("home", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("cap", ["web_max_wire_bytes", "web_max_decoded_bytes"])
def test_an_endless_body_ends_at_either_cap(cap: str, home: Answer, tmp_path: Path) -> None:
    most = None if cap == "web_max_wire_bytes" else 300_000
    seen = fetch(
        shop(home), HOME, tmp_path, settings={"web_max_wire_bytes": 300_000} if most is None else {}, max_bytes=most
    )
    assert seen.code == "too_large"


@pytest.mark.parametrize("home", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("settings", [{}, {"web_max_wire_bytes": 100_000}], ids=["decoded", "wire"])
def test_an_endless_body_is_cut_where_the_caller_wants_it_cut(
    home: Answer, settings: dict[str, int], tmp_path: Path
) -> None:
    seen = fetch(shop(home), HOME, tmp_path, max_bytes=100_000, truncate=True, settings=settings)
    assert seen.body == b"x" * 100_000
    assert seen.page is not None
    assert seen.page.truncated


SLOW = {
    "63": dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "63-chunked": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "63-gzip": dripping(
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 50_000, compresslevel=0)[:100], b"x"
    ),
    "64": dripping(OK, b"A: b\r\n"),
    "64-one-header": dripping(OK + b"A: ", b"b"),
    "65": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    "65-slow": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "66": silence,
    "66-after-the-head": dripping(OK + b"Content-Length: 5\r\n\r\n", b""),
}


@pytest.mark.parametrize("home", SLOW.values(), ids=SLOW.keys())
def test_a_server_that_takes_for_ever_gets_the_deadline_and_no_more(home: Answer, tmp_path: Path) -> None:
    seen = fetch(shop(home), HOME, tmp_path, deadline=0.5)
    assert seen.code == "timeout"
    assert 0.4 < seen.seconds < 1.5


def test_63_the_deadline_covers_all_hops_together(tmp_path: Path) -> None:
    async def slow_redirect(writer: asyncio.StreamWriter) -> None:
        await dripping(b"HTTP/1.1 302 Found\r\nLocation: /\r\n", b"A: b\r\n", 0.1)(writer)

    sites = {"shop.example": {"/": answer(302, headers={"Location": "/2"}), "/2": slow_redirect}}
    seen = fetch(sites, HOME, tmp_path, deadline=0.5)
    assert seen.code == "timeout"
    assert seen.seconds < 1.5


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
        encoded(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xff" * 50, "gzip"),
    ],
    ids=["67", "68", "71-http-0.9", "71-noise", "bad-status", "101", "69-huge", "69-negative", "69-two", "nul-header", "70",
         "69-nothing-came", "72-broken-gzip"],
)  # fmt: skip
def test_what_is_no_http_is_a_bad_response(home: Answer, tmp_path: Path) -> None:
    seen = fetch(shop(home), HOME, tmp_path)
    assert seen.code == "bad_response"
    assert str(seen.error).isprintable()
    assert len(str(seen.error)) < 300


@pytest.mark.parametrize("home", [slam, raw()], ids=["reset", "closed"])
def test_a_connection_closed_without_an_answer_is_a_reset(home: Answer, tmp_path: Path) -> None:
    assert fetch(shop(home), HOME, tmp_path).code == "reset"


PACKED = gzip.compress("".join(map(str, range(20_000))).encode())


@pytest.mark.parametrize(
    ("home", "start"),
    [
        (raw(OK + b"Content-Length: 5000\r\n\r\n" + b"x" * 1_000), b"x" * 1_000),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), b"hello"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n500\r\nabc"), b"helloabc"),
        (raw(OK + b"Content-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n" + PACKED[:-500]), b"0123456789101112"),
        (encoded(PACKED[:-500], "gzip"), b"0123456789101112"),
        (encoded(PACKED[:-4] + b"\0\0\0\0", "gzip"), b"0123456789101112"),
    ],
    ids=["69-longer", "70-cut-between", "70-cut-within", "69-gzip", "cut-gzip", "bad-length-in-gzip"],
)
def test_a_body_cut_by_the_other_side_keeps_what_came_and_says_so(home: Answer, start: bytes, tmp_path: Path) -> None:
    seen = fetch(shop(home), HOME, tmp_path)
    assert seen.body.startswith(start)
    assert seen.page is not None
    assert seen.page.truncated


def test_69_a_body_beyond_its_announced_length_is_not_read(tmp_path: Path) -> None:
    # aiohttp gives up on the whole answer if the excess comes in the packet of the head; behind a longer body it is ignored.
    long = b"x" * MEBIBYTE
    seen = fetch(shop(raw(OK + b"Content-Length: 1048576\r\n\r\n" + long, b"excess")), HOME, tmp_path)
    assert seen.body == long
    assert fetch(shop(raw(OK + b"Content-Length: 3\r\n\r\nabcdef")), HOME, tmp_path).code == "bad_response"


def test_a_body_without_a_length_ends_with_the_connection(tmp_path: Path) -> None:
    seen = fetch(shop(raw(OK + b"\r\nhello")), HOME, tmp_path)
    assert seen.page is not None
    assert (seen.body, seen.page.truncated) == (b"hello", False)


@pytest.mark.parametrize("host", ["expired", "wrong-host", "self-signed"])
def test_71_a_certificate_that_cannot_be_trusted_is_a_tls_failure(host: str, tmp_path: Path) -> None:
    seen = fetch({f"{host}.example": {"/": answer(200)}}, f"https://{host}.example/", tmp_path)
    assert seen.code == "tls"
    assert "certificate" in str(seen.error)


@pytest.mark.parametrize(
    ("tls", "code"),
    [(raw(b"garbage\r\n" * 9), "tls"), (answer(200), "tls"), (raw(), "reset"), (slam, "reset"), (silence, "timeout")],
    ids=["garbage", "http", "closed", "reset", "silence"],
)
def test_71_a_tls_port_that_speaks_no_tls_is_told_by_its_own_code(tls: Answer, code: str, tmp_path: Path) -> None:
    seen = fetch(shop(answer(200)), "https://shop.example/", tmp_path, on_tls_port=tls, deadline=0.5)
    assert seen.code == code


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    assert fetch(shop(answer(200, b"safe")), "https://shop.example/", tmp_path).body == b"safe"


@pytest.mark.parametrize(
    ("home", "body"),
    [
        (encoded(b"plain", "gzip"), b"plain"),
        (encoded(b"p", "gzip"), b"p"),
        (encoded(b"", "gzip"), b""),
        (encoded(gzip.compress(b"packed"), "GZIP"), b"packed"),
        (encoded(gzip.compress(b"packed"), "x-gzip"), b"packed"),
        (encoded(gzip.compress(b"packed"), "gzip, identity"), b"packed"),
        (encoded(b"plain", "identity"), b"plain"),
        (encoded(b"plain", ""), b"plain"),
        (encoded(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip"), b"one two"),
        (answer(200, b"\x1f\x8bnot claimed"), b"\x1f\x8bnot claimed"),
    ],
    ids=[
        "72-plain",
        "72-one-byte",
        "72-empty",
        "caps",
        "x-gzip",
        "with-identity",
        "identity",
        "empty",
        "members",
        "72-magic",
    ],
)
def test_a_body_is_unpacked_when_it_is_claimed_to_be_gzip_and_is(home: Answer, body: bytes, tmp_path: Path) -> None:
    seen = fetch(shop(home), HOME, tmp_path)
    assert seen.body == body
    assert seen.page is not None
    assert not seen.page.truncated


@pytest.mark.parametrize("status", [200, 201, 204, 206, 304, 400, 403, 404, 410, 429, 500, 503, 999])
def test_73_a_status_is_told_as_it_is(status: int, tmp_path: Path) -> None:
    body = b"" if status in {204, 304} else b"body"
    seen = fetch(shop(answer(status, body)), HOME, tmp_path)
    assert seen.page is not None
    assert (seen.page.status, seen.body) == (status, body)


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
def test_73_retry_after_comes_with_the_error(value: str, seconds: float | None, tmp_path: Path) -> None:
    seen = fetch(shop(answer(429, headers={"Retry-After": value})), HOME, tmp_path)
    assert seen.page is not None
    with pytest.raises(FetchError) as caught:
        seen.page.raise_for_status()
    assert (caught.value.code, caught.value.retry_after) == ("http_429", seconds)


def test_header_values_of_odd_bytes_are_text_that_can_be_kept_and_sent_back(tmp_path: Path) -> None:
    home = raw(OK + b'ETag: "\xe9\xff"\r\nX-Utf8: \xc3\xa9\r\nContent-Length: 1\r\n\r\nx')
    seen = fetch(shop(home), HOME, tmp_path)
    assert seen.page is not None
    assert seen.page.headers["x-utf8"] == "é"
    again = fetch(shop(home), HOME, tmp_path, headers={"If-None-Match": seen.page.headers["etag"]})
    assert again.code == "200"
    assert fetch(shop(home), HOME, tmp_path, headers={"If-None-Match": 'x"\r\nInjected: 1\ud800'}).code == "200"


def test_a_stream_gives_its_head_before_its_body_and_can_be_left_early(tmp_path: Path) -> None:
    async def go() -> tuple[int, int]:
        sites = shop(endless(OK + b"Content-Type: text/xml\r\n\r\n", b"x" * 65_536))
        async with (
            hostile_internet(sites, tmp_path) as internet,
            WebClient(internet.settings) as web,
            web.stream(HOME, robots=False) as response,
        ):
            assert response.headers["content-type"] == "text/xml"
            async for chunk in response.chunks():
                return response.status, len(chunk)
        return 0, 0

    status, size = asyncio.run(go())
    assert status == 200
    assert size > 0


def test_the_deadline_of_a_stream_never_interrupts_the_callers_own_work(tmp_path: Path) -> None:
    async def go() -> tuple[str, bool]:
        sites = shop(dripping(OK + b"\r\n", b"x", 0.01))
        finished = False
        async with (
            hostile_internet(sites, tmp_path) as internet,
            WebClient(internet.settings) as web,
            web.stream(HOME, robots=False, deadline=0.2) as response,
        ):
            chunks = response.chunks()
            await anext(chunks)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.4)  # the caller's work, beyond the deadline
            finished = True
            with pytest.raises(FetchError) as caught:
                await anext(chunks)
        return caught.value.code, finished

    assert asyncio.run(go()) == ("timeout", True)


def test_the_cancellation_of_a_request_is_passed_on(tmp_path: Path) -> None:
    async def go() -> None:
        async with hostile_internet(shop(silence), tmp_path) as internet, WebClient(internet.settings) as web:
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await web.get(HOME, robots=False)
            assert time.monotonic() - start < 1
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await web.get(HOME)

    asyncio.run(go())
