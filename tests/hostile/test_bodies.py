"""Hostile inputs 58 to 62, 69, 70 and 72: bodies that are bombs, endless, truncated, or contradict their headers."""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest

from tests.hostile.running import fetch
from tests.hostile.server import Answer, answer, dripping, endless, raw

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
        result = fetch(shop(encoded(packed, "gzip")), HOME, tmp_path, max_bytes=5 * MEBIBYTE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.code == "too_large"
    assert peak < 25 * MEBIBYTE


def test_59_a_bomb_without_content_encoding_is_not_unpacked(tmp_path: Path) -> None:
    packed = bomb(100 * MEBIBYTE)
    assert fetch(shop(answer(200, packed)), HOME, tmp_path, max_bytes=5 * MEBIBYTE).body == packed


def test_60_only_the_outer_layer_of_a_nested_bomb_is_unpacked(tmp_path: Path) -> None:
    inner = bomb(100 * MEBIBYTE)
    assert fetch(shop(encoded(gzip.compress(inner), "gzip")), HOME, tmp_path).body == inner


@pytest.mark.parametrize(
    "encoding", [", ".join(["gzip"] * 50), "gzip, gzip", "br", "deflate", "zstd", "gzip, br"],
    ids=["61", "60-nested", "br", "deflate", "zstd", "gzip-br"],
)  # fmt: skip
def test_an_encoding_that_was_not_requested_is_a_bad_response(encoding: str, tmp_path: Path) -> None:
    result = fetch(shop(encoded(gzip.compress(b"x"), encoding)), HOME, tmp_path)
    assert result.code == "bad_response"
    assert str(result.error).isprintable()


@pytest.mark.parametrize(
    "name", ["utf-8", "none", "binary", "iso-8859-1", "text/html", "8bit", "identity", "", "\udcff"]
)
def test_a_content_encoding_that_is_no_coding_is_ignored_as_in_browsers(name: str, tmp_path: Path) -> None:
    assert fetch(shop(encoded(b"hello", name)), HOME, tmp_path).body == b"hello"
    assert fetch(shop(encoded(gzip.compress(b"hello"), f"gzip, {name}")), HOME, tmp_path).body == b"hello"


def test_an_error_page_in_another_encoding_keeps_its_status(tmp_path: Path) -> None:
    result = fetch(shop(answer(403, b"xx", {"Content-Encoding": "br"})), HOME, tmp_path)
    assert result.page is not None
    assert (result.page.status, result.page.body, result.page.truncated) == (403, b"", True)


ENDLESS = {
    "62": endless(OK + b"\r\n", b"x" * 65_536),
    "62-chunked": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "62-announced": endless(OK + b"Content-Length: 999999999999\r\n\r\n", b"x" * 65_536),
}


@pytest.mark.parametrize("home", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("cap", ["web_max_wire_bytes", "web_max_decoded_bytes"])
def test_an_endless_body_ends_at_either_limit(cap: str, home: Answer, tmp_path: Path) -> None:
    result = fetch(shop(home), HOME, tmp_path, settings={cap: 300_000}, max_bytes=None if "decoded" in cap else 10**9)
    assert result.code == "too_large"


def test_an_endless_body_that_unpacks_to_nothing_ends_at_the_wire_limit(tmp_path: Path) -> None:
    home = endless(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1_000)
    assert fetch(shop(home), HOME, tmp_path, settings={"web_max_wire_bytes": 300_000}).code == "too_large"


def test_a_body_announced_as_too_large_is_rejected_before_it_arrives(tmp_path: Path) -> None:
    home = dripping(OK + b"Content-Length: 999999999999\r\n\r\n", b"")
    assert fetch(shop(home), HOME, tmp_path, deadline=0.5).code == "too_large"


@pytest.mark.parametrize("home", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("settings", [{}, {"web_max_wire_bytes": 100_000}], ids=["decoded", "wire"])
def test_an_endless_body_is_truncated_on_request(home: Answer, settings: dict[str, int], tmp_path: Path) -> None:
    result = fetch(shop(home), HOME, tmp_path, max_bytes=100_000, truncate=True, settings=settings)
    assert result.body == b"x" * 100_000
    assert result.page is not None
    assert result.page.truncated


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
def test_a_body_cut_off_by_the_server_is_kept_and_marked_as_truncated(
    home: Answer, start: bytes, tmp_path: Path
) -> None:
    result = fetch(shop(home), HOME, tmp_path)
    assert result.body.startswith(start)
    assert result.page is not None
    assert result.page.truncated


def test_69_a_body_is_not_read_beyond_its_announced_length(tmp_path: Path) -> None:
    # aiohttp fails if the excess arrives in the packet of the head, and ignores it behind a longer body.
    long = b"x" * MEBIBYTE
    result = fetch(shop(raw(OK + b"Content-Length: 1048576\r\n\r\n" + long, b"excess")), HOME, tmp_path)
    assert result.body == long
    assert fetch(shop(raw(OK + b"Content-Length: 3\r\n\r\nabcdef")), HOME, tmp_path).code == "bad_response"


def test_a_body_without_a_length_ends_with_the_connection(tmp_path: Path) -> None:
    result = fetch(shop(raw(OK + b"\r\nhello")), HOME, tmp_path)
    assert result.page is not None
    assert (result.body, result.page.truncated) == (b"hello", False)


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
def test_a_body_is_unpacked_if_it_is_declared_as_gzip_and_is_gzip(home: Answer, body: bytes, tmp_path: Path) -> None:
    result = fetch(shop(home), HOME, tmp_path)
    assert result.body == body
    assert result.page is not None
    assert not result.page.truncated
