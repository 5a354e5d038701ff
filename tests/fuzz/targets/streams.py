"""Bytes as they come: gzip as zlib reads it, text as its charset says, pages without what they have embedded."""

import zlib
from collections.abc import Iterable

from scrapersky.web.charset import decode
from scrapersky.web.gunzip import PIECE_BYTES, Gunzip
from scrapersky.web.page_bytes import PageBytes
from tests.fuzz.target import Target, hold

MOST = 3_000_000
TYPES = (None, "text/html", "text/html; charset=gb18030", "text/html; charset=iso-2022-jp", "x; charset=utf-16le")


def check(data: bytes) -> None:
    """The first byte chooses the chunks and the charset."""
    first, data = (data[0] if data else 0), data[1:]
    hold("\ud800" not in decode(data, TYPES[first % len(TYPES)]).text, "a lone surrogate")
    hold(_page(data, first % 31 + 1) == _page(data, 65_536), "another page in chunks")
    whole = _unpacked(data, 65_536)
    in_chunks = _unpacked(data, first % 31 + 1)
    hold(in_chunks == whole, "another result in chunks", [(len(body), *end) for body, *end in (in_chunks, whole)])
    if data.startswith(b"\x1f\x8b"):
        try:
            plain = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, MOST)
        except zlib.error:
            return
        hold(whole[0][: len(plain)] == plain, "not what zlib reads")


def _page(data: bytes, chunk: int) -> bytes:
    page = PageBytes(MOST)
    for at in range(0, len(data), chunk):
        page.feed(data[at : at + chunk])
    return page.end()


def _unpacked(data: bytes, chunk: int) -> tuple[bytes, bool, bool]:
    gunzip = Gunzip()
    out: list[bytes] = []
    size = 0
    for at in range(0, len(data), chunk):
        for piece in gunzip.feed(data[at : at + chunk]):
            hold(len(piece) <= max(PIECE_BYTES, chunk), "a piece too long", len(piece))
            out.append(piece)
            size += len(piece)
            if size > MOST:
                return b"".join(out)[:MOST], False, False
    out += gunzip.end()
    return b"".join(out), gunzip.broken, gunzip.complete


def seeds() -> Iterable[bytes]:
    """Packed in every manner."""
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
    about="gzip and charsets",
    check=check,
    seeds=seeds,
    words=tuple(
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 \x1f \x8b \xff\xff \x00\x00 \x1b$B \x1b(B \x81\x30 \xef\xbb\xbf"
        b" \xff\xfe \xfe\xff <meta|charset= <?xml|encoding=' \xed\xa0\x80 \xf4\x90\x80\x80".split(b" ")
    ),
)
