"""Unpacking untrusted gzip."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.gunzip import PIECE_BYTES, Gunzip


def unpacked(data: bytes, chunk: int = 7) -> tuple[bytes, Gunzip]:
    """Return ``data`` unpacked, fed in chunks, and the reader."""
    gunzip = Gunzip()
    pieces = [piece for start in range(0, len(data), chunk) for piece in gunzip.feed(data[start : start + chunk])]
    pieces += gunzip.end()
    return b"".join(pieces), gunzip


@given(st.binary(max_size=500), st.integers(1, 50))
def test_compressed_data_is_unpacked_whatever_the_chunks(data: bytes, chunk: int) -> None:
    body, gunzip = unpacked(gzip.compress(data), chunk)
    assert body == data
    assert gunzip.complete


@given(st.binary(max_size=200), st.integers(1, 5))
def test_any_bytes_are_passed_through_or_unpacked_without_an_exception(data: bytes, chunk: int) -> None:
    body, _ = unpacked(data, chunk)
    assert body == data or data.startswith(b"\x1f\x8b")


def test_concatenated_members_are_joined_and_trailing_garbage_is_ignored() -> None:
    body, gunzip = unpacked(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0garbage")
    assert body == b"one two"
    assert gunzip.complete


def test_a_truncated_stream_gives_its_data_and_is_not_complete() -> None:
    data = bytes(range(256)) * 40
    body, gunzip = unpacked(gzip.compress(data)[:-20])
    assert data.startswith(body)
    assert len(body) > 0
    assert not gunzip.complete
    assert not gunzip.broken


def test_a_damaged_stream_gives_the_data_before_the_damage_and_is_broken() -> None:
    packed = bytearray(gzip.compress("".join(map(str, range(50_000))).encode()))
    middle = len(packed) // 2
    packed[middle : middle + 200] = bytes(range(200))
    body, gunzip = unpacked(bytes(packed), 1_000)
    assert body.startswith(b"012345678910111213")
    assert gunzip.broken
    assert not gunzip.complete


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(1, 255), st.integers(1, 40))
def test_the_result_of_a_damaged_stream_does_not_depend_on_the_chunks(
    data: bytes, at: int, flip: int, chunk: int
) -> None:
    packed = bytearray(gzip.compress(data * 3))
    packed[at % len(packed)] ^= flip
    one, whole = unpacked(bytes(packed), chunk), unpacked(bytes(packed), 100_000)
    assert one[0] == whole[0]
    assert (one[1].broken, one[1].complete) == (whole[1].broken, whole[1].complete)


def test_a_wrong_checksum_loses_no_data() -> None:
    packed = gzip.compress(b"all of it")[:-8] + bytes(8)
    body, gunzip = unpacked(packed, 100_000)
    assert body == b"all of it"
    assert gunzip.broken


def test_a_bomb_is_unpacked_in_pieces_of_bounded_size() -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)
    sizes = [len(piece) for piece in Gunzip().feed(bomb)]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= PIECE_BYTES


def test_only_the_outermost_gzip_is_unpacked() -> None:
    inner = gzip.compress(b"x" * 100)
    assert unpacked(gzip.compress(inner))[0] == inner


def test_a_gzip_header_before_an_invalid_block_is_broken() -> None:
    body, gunzip = unpacked(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + zlib.compress(b"x"))
    assert body == b""
    assert gunzip.broken
