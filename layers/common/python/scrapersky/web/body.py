"""Reading a body that may be endless, a bomb, cut, or not what its headers say: counted and capped as it comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import aiohttp

from scrapersky.errors import FetchFailed, FetchRefused
from scrapersky.web.failures import explain, shown_url
from scrapersky.web.gunzip import Gunzip

READ_BYTES = 65_536


@dataclass(frozen=True)
class Limits:
    """Where reading stops. With ``truncate`` a body beyond a cap is cut there; without, it is ``too_large``.

    ``ends_at`` is the event loop's time.
    """

    wire_bytes: int
    decoded_bytes: int
    truncate: bool
    ends_at: float


class Body:
    """One answer's body. ``wire_bytes`` and ``decoded_bytes`` count as it is read.

    A body cut by the other side (shorter than its Content-Length, a broken chunk, an unfinished gzip stream) keeps
    what came, and ``truncated`` is set; if nothing came it is an error.
    """

    def __init__(self, answer: aiohttp.ClientResponse, url: str, limits: Limits) -> None:
        self.wire_bytes = 0
        self.decoded_bytes = 0
        self.truncated = False
        self._answer = answer
        self._url = url
        self._limits = limits

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The unpacked body in pieces. Raises :class:`FetchError`: timeout, too_large, reset, bad_response."""
        unpack = self._is_gzip()
        self._refuse_announced_excess(unpack)
        gunzip = Gunzip()
        async for chunk in self._wire_chunks():
            for piece in gunzip.feed(chunk) if unpack else (chunk,):
                kept = self._kept(piece)
                yield kept
                if len(kept) < len(piece):
                    return
            if gunzip.broken:
                break
        for piece in gunzip.end():
            yield self._kept(piece)
        if unpack and self.wire_bytes and not gunzip.complete:
            self.truncated = True
            if not self.decoded_bytes:
                raise FetchFailed("bad_response", f"{shown_url(self._url)} sent gzip that cannot be unpacked")

    async def read(self) -> bytes:
        """The whole unpacked body."""
        return b"".join([chunk async for chunk in self.chunks()])

    def _is_gzip(self) -> bool:
        """Whether the body is to be unpacked. Only gzip was asked for, and only once is it undone."""
        names = ",".join(self._answer.headers.getall("Content-Encoding", ())).lower().split(",")
        encodings = [name for name in map(str.strip, names) if name not in {"", "identity"}]
        if encodings in ([], ["gzip"], ["x-gzip"]):
            return bool(encodings)
        listed = ascii(", ".join(encodings))[:80]
        raise FetchFailed("bad_response", f"{shown_url(self._url)} is encoded as {listed}; only gzip was asked for")

    def _refuse_announced_excess(self, unpack: bool) -> None:
        announced = self._answer.content_length or 0
        cap = self._limits.wire_bytes if unpack else min(self._limits.wire_bytes, self._limits.decoded_bytes)
        if announced > cap and not self._limits.truncate:
            raise self._too_large(f"announces {announced} bytes", cap)

    def _kept(self, piece: bytes) -> bytes:
        room = self._limits.decoded_bytes - self.decoded_bytes
        if len(piece) > room:
            if not self._limits.truncate:
                raise self._too_large("unpacks to too much", self._limits.decoded_bytes)
            self.truncated = True
            piece = piece[:room]
        self.decoded_bytes += len(piece)
        return piece

    async def _wire_chunks(self) -> AsyncIterator[bytes]:
        while True:
            chunk, cut = await self._next_chunk()
            self.wire_bytes += len(chunk)
            excess = self.wire_bytes - self._limits.wire_bytes
            if excess > 0:
                if not self._limits.truncate:
                    raise self._too_large("sends too much", self._limits.wire_bytes)
                self.wire_bytes -= excess
                chunk, cut = chunk[:-excess], True
            self.truncated = self.truncated or cut
            if chunk:
                yield chunk
            if cut or not chunk:
                return

    async def _next_chunk(self) -> tuple[bytes, bool]:
        """The next bytes (none at the end), and whether the other side cut the body here."""
        content = self._answer.content
        try:
            if asyncio.get_running_loop().time() >= self._limits.ends_at:
                raise TimeoutError
            async with asyncio.timeout_at(self._limits.ends_at):
                return await content.read(READ_BYTES), False
        except Exception as problem:
            # aiohttp raises before it hands out what it has already buffered: take that, it is the body's last part.
            left = b"" if isinstance(problem, TimeoutError) else content._read_nowait(-1)
            if isinstance(problem, TimeoutError) or not (left or self.wire_bytes):
                failure = explain(problem, self._url)
            else:
                return left, True
        raise failure

    def _too_large(self, what: str, cap: int) -> FetchRefused:
        return FetchRefused("too_large", f"{shown_url(self._url)} {what}; at most {cap} bytes are read")
