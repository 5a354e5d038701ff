"""Unpacking a sitemap that is gzipped, gzipped twice or not at all: told by its bytes, never by its name."""

from collections.abc import Iterator

from scrapersky.web.gunzip import PIECE_BYTES, Gunzip

MAX_LAYERS = 3
"""Gzip within gzip that is undone; what is deeper stays packed and is refused as no sitemap."""


class Unpack:
    """Bytes in, unpacked bytes out, in pieces of at most 64 KiB, so that a caller's cap is met in time.

    A damaged or cut stream gives what arrived of it, and ``damage`` says so after :meth:`end`.
    """

    def __init__(self) -> None:
        self.is_gzip = False
        self.damage: str | None = None
        self._layers = [Gunzip() for _ in range(MAX_LAYERS)]
        self._start = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that ``data`` adds; iterate them to the end before feeding more."""
        self._look(data)
        yield from self._through(data, 0)

    def end(self) -> Iterator[bytes]:
        """What is left when no more data comes."""
        for depth, layer in enumerate(self._layers):
            for piece in layer.end():
                yield from self._through(piece, depth + 1)
        if any(layer.broken for layer in self._layers):
            self.damage = "the gzip data is damaged"
        elif not all(layer.complete for layer in self._layers):
            self.damage = "the gzip data ends early"

    def _look(self, data: bytes) -> None:
        if len(self._start) < 2:
            self._start += data[:2]
            self.is_gzip = self._start.startswith(b"\x1f\x8b")

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._layers):
            for at in range(0, len(data), PIECE_BYTES):
                yield data[at : at + PIECE_BYTES]
            return
        for piece in self._layers[depth].feed(data):
            yield from self._through(piece, depth + 1)
