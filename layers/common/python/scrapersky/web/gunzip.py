"""Unpacking gzip from strangers: bounded pieces, whatever a compressed byte claims to become."""

import zlib
from collections.abc import Iterator

PIECE_BYTES = 65_536
_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Gunzip:
    """A gzip stream fed in chunks and unpacked in pieces of at most 64 KiB, so that a caller's cap is met in time.

    Data that does not start as gzip passes through unchanged (servers claim gzip for plain bodies). Members that
    follow each other are joined, trailing garbage is ignored. Never raises: ``broken`` says that the data stopped
    making sense, ``complete`` that it ended where a stream may end. All that came before the damage is given, however
    the data was cut into chunks.
    """

    def __init__(self) -> None:
        self.broken = False
        self._start = b""
        self._plain: bool | None = None
        self._ended = False
        self._member = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def complete(self) -> bool:
        """Whether what was fed so far is a whole stream."""
        return not self.broken and (self._plain is not False or self._member.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that ``data`` adds; iterate them to the end before feeding more."""
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
        """What is left when no more data comes: a plain body shorter than gzip's magic number."""
        if self._start and not self._member.eof:
            yield self._start

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        data, self._start = self._start + data, b""
        while data and not self.broken and not self._ended:
            if self._member.eof:
                if _MAGIC.startswith(data) and len(data) < len(_MAGIC):
                    self._start = data  # the next member's magic number may come in two
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
                yield from _before_the_damage(before, data)
                return
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece


def _before_the_damage(member: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What ``data`` unpacks to until it stops making sense: zlib keeps to itself what it had when it found out."""
    for at in range(-1, len(data)):
        try:
            piece = member.decompress(data[max(at, 0) : at + 1], PIECE_BYTES)  # at first what it still owes
        except zlib.error:
            return
        if piece:
            yield piece
