"""Streamed bytes: gzip, character encodings, and pages without their embedded data.

Gzip must unpack as zlib unpacks it, and no result may depend on the chunk boundaries.
"""

import zlib
from collections.abc import Iterable

from scrapersky.web.body import PageBytes
from scrapersky.web.charset import decode
from scrapersky.web.gunzip import PIECE_BYTES, Gunzip
from tests.fuzz.runner import Target, hold

MAX_BYTES = 3_000_000
TYPES = (None, "text/html", "text/html; charset=gb18030", "text/html; charset=iso-2022-jp", "x; charset=utf-16le")


def check(data: bytes) -> None:
    """Read a stream; the first byte selects the chunk size and the charset."""
    first, data = (data[0] if data else 0), data[1:]
    hold("\ud800" not in decode(data, TYPES[first % len(TYPES)]).text, "a lone surrogate")
    hold(_page(data, first % 31 + 1) == _page(data, 65_536), "the page depends on the chunks")
    whole = _unpacked(data, 65_536)
    in_chunks = _unpacked(data, first % 31 + 1)
    hold(
        in_chunks == whole,
        "the unpacked bytes depend on the chunks",
        [(len(body), *end) for body, *end in (in_chunks, whole)],
    )
    if data.startswith(b"\x1f\x8b"):
        try:
            plain = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, MAX_BYTES)
        except zlib.error:
            return
        hold(whole[0][: len(plain)] == plain, "differs from zlib's result")


def _page(data: bytes, chunk: int) -> bytes:
    page = PageBytes(MAX_BYTES)
    for at in range(0, len(data), chunk):
        page.feed(data[at : at + chunk])
    return page.end()


def _unpacked(data: bytes, chunk: int) -> tuple[bytes, bool, bool]:
    gunzip = Gunzip()
    out: list[bytes] = []
    size = 0
    for at in range(0, len(data), chunk):
        for piece in gunzip.feed(data[at : at + chunk]):
            hold(len(piece) <= max(PIECE_BYTES, chunk), "a piece that is too long", len(piece))
            out.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                return b"".join(out)[:MAX_BYTES], False, False
    out += gunzip.end()
    return b"".join(out), gunzip.broken, gunzip.complete


def seeds() -> Iterable[bytes]:
    """Yield gzip streams of several shapes, and texts in several encodings."""
    text = b"<url><loc>https://example.com/</loc></url>" * 50
    for level in (0, 1, 9):
        packer = zlib.compressobj(level, zlib.DEFLATED, 31)
        yield b"\x03" + packer.compress(text) + packer.flush()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(text) + packer.flush()
    yield b"\x05" + packed + packed
    yield b"\x06" + packed + b"garbage"
    yield b"\x02" + text
    yield b"\x02<img src='data:image/png;base64,QUJD+/==data:x/y;charset=z;base64,QQ'>data:;base64,"
    yield b"\x03\x1b$B%F%9%H\x1b(B"
    yield b"\x02" + "汉字テスト".encode("gb18030")


TARGET = Target(
    name="streams",
    about="gzip, character encodings, embedded data",
    check=check,
    seeds=seeds,
    words=tuple(
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 \x1f \x8b \xff\xff \x00\x00 \x1b$B \x1b(B \x81\x30 \xef\xbb\xbf"
        b" \xff\xfe \xfe\xff <meta|charset= <?xml|encoding=' \xed\xa0\x80 \xf4\x90\x80\x80".split(b" ")
    ),
)
