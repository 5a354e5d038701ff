"""Unpacks untrusted gzip in pieces of bounded size. The limits on the total are the caller's: body.py, sitemaps/reader.py."""

import zlib
from collections.abc import Iterator

PIECE_BYTES = 65_536
_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

MAX_LAYERS = 3
"""Nested gzip layers that are unpacked; deeper ones stay compressed, and are refused as no sitemap."""


class Gunzip:
    """Unpacks a gzip stream that is fed in chunks, in pieces of at most 64 KiB, so that the caller can stop at its limit.

    Data that does not start as gzip is returned unchanged, because servers declare gzip for plain bodies. Concatenated
    members are joined, trailing garbage is ignored. Never raises: ``broken`` says that the data is damaged, ``complete``
    that it ended where a stream may end. Everything before the damage is returned, however the data was cut into chunks.
    """

    def __init__(self) -> None:
        self.broken = False
        self._start = b""
        self._plain: bool | None = None
        self._ended = False
        self._member = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def complete(self) -> bool:
        """Whether the data so far is a complete stream."""
        return not self.broken and (self._plain is not False or self._member.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the pieces that ``data`` adds. Iterate them to the end before feeding more."""
        if self._plain is None:
            self._start += data
            if len(self._start) < len(_MAGIC):
                return
            data, self._start = self._start, b""
            self._plain = not data.startswith(_MAGIC)
        if self._plain:
            yield data
        else:
            yield from self._unpack(data)

    def end(self) -> Iterator[bytes]:
        """Yield the rest after the last chunk: a plain body shorter than the magic number of gzip."""
        if self._start and not self._member.eof:
            yield self._start

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        data, self._start = self._start + data, b""
        while data and not self.broken and not self._ended:
            if self._member.eof:
                if _MAGIC.startswith(data) and len(data) < len(_MAGIC):
                    self._start = data  # the magic number of the next member may be split
                    return
                if not data.startswith(_MAGIC):
                    self._ended = True
                    return
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            before = self._member.copy()
            try:
                piece = self._member.decompress(data, PIECE_BYTES)
            except zlib.error:
                self.broken = True
                yield from _before_damage(before, data)
                return
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece


class LayeredGunzip:
    """Unpacks a sitemap that is gzipped never, once or several times, in pieces of at most 64 KiB.

    Recognises gzip by its bytes. A damaged or truncated stream yields the data that arrived, and ``damage`` describes it
    after :meth:`end`.
    """

    def __init__(self) -> None:
        self.is_gzip = False
        self.damage: str | None = None
        self._layers = [Gunzip() for _ in range(MAX_LAYERS)]
        self._start = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the pieces that ``data`` adds. Iterate them to the end before feeding more."""
        if len(self._start) < len(_MAGIC):
            self._start += data[: len(_MAGIC)]
            self.is_gzip = self._start.startswith(_MAGIC)
        yield from self._through(data, 0)

    def end(self) -> Iterator[bytes]:
        """Yield the rest after the last chunk."""
        for depth, layer in enumerate(self._layers):
            for piece in layer.end():
                yield from self._through(piece, depth + 1)
        if any(layer.broken for layer in self._layers):
            self.damage = "the gzip data is damaged"
        elif not all(layer.complete for layer in self._layers):
            self.damage = "the gzip data ends early"

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._layers):
            for at in range(0, len(data), PIECE_BYTES):
                yield data[at : at + PIECE_BYTES]
            return
        for piece in self._layers[depth].feed(data):
            yield from self._through(piece, depth + 1)


def _before_damage(member: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """Yield what ``data`` unpacks to before the damage; zlib discards its output when it raises."""
    for at in range(-1, len(data)):
        try:
            piece = member.decompress(data[max(at, 0) : at + 1], PIECE_BYTES)  # the first call returns pending output
        except zlib.error:
            return
        if piece:
            yield piece
