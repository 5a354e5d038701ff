"""Reads the body of an answer, which may be endless, a decompression bomb, truncated, or not what its headers say.

Every byte is counted when it arrives; the limits hold for the bytes on the wire and for the unpacked bytes.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import aiohttp

from scrapersky.errors import FetchFailed, FetchRefused, shorten
from scrapersky.web.gunzip import Gunzip
from scrapersky.web.transport import fetch_error

READ_BYTES = 65_536

# In lower case only, as nearly every page writes it: a case-insensitive search takes nine times as long.
_EMBEDDED = re.compile(rb"data:[\w.+/-]{1,60}(?:;[\w.=-]{1,40}){0,3};base64,")
_CODINGS = frozenset(str.split("aes128gcm br compress dcb dcz deflate exi gzip pack200-gzip x-compress x-gzip zstd"))
"""The content codings that change a body: https://www.iana.org/assignments/http-parameters without ``identity``."""
_MAX_EMBEDDED_START = 200  # bytes that a match of the above can have
_EMBEDDED_CONTENT = re.compile(rb"[A-Za-z0-9+/=%]*")


@dataclass(frozen=True)
class BodyLimits:
    """Where reading stops. A longer body raises ``too_large``, or is truncated there with ``truncate``.

    ``ends_at`` is in the event loop's time.
    """

    wire_bytes: int
    decoded_bytes: int
    truncate: bool
    ends_at: float


class Body:
    """The body of one answer. ``wire_bytes`` and ``decoded_bytes`` count what has been read so far.

    A body that the server cut off (shorter than its Content-Length, a broken chunk, an unfinished gzip stream) keeps
    the bytes that arrived, and ``truncated`` is set. It is an error only if no byte arrived.
    """

    def __init__(self, answer: aiohttp.ClientResponse, url: str, limits: BodyLimits) -> None:
        self.wire_bytes = 0
        self.decoded_bytes = 0
        self.truncated = False
        self._answer = answer
        self._url = url
        self._limits = limits

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the unpacked body in pieces. Raises FetchError: ``timeout``, ``too_large``, ``reset``, ``bad_response``."""
        unpack = self._is_gzip()
        self._check_announced_length(unpack)
        gunzip = Gunzip()
        async for chunk in self._wire_chunks():
            for piece in gunzip.feed(chunk) if unpack else (chunk,):
                kept = self._limited(piece)
                yield kept
                if len(kept) < len(piece):
                    return
            if gunzip.broken:
                break
        for piece in gunzip.end():
            yield self._limited(piece)
        if unpack and self.wire_bytes and not gunzip.complete:
            self.truncated = True
            if not self.decoded_bytes:
                raise FetchFailed("bad_response", f"{shorten(self._url)} sent gzip that cannot be unpacked")

    async def read(self) -> bytes:
        """Return the whole unpacked body."""
        return b"".join([chunk async for chunk in self.chunks()])

    def _is_gzip(self) -> bool:
        """Return whether the body must be unpacked; gzip is undone once, and any other coding is an error.

        Names that are no codings (``utf-8``, ``none``) are ignored, as in browsers.
        """
        names = ",".join(self._answer.headers.getall("Content-Encoding", ())).lower().split(",")
        encodings = [name for name in map(str.strip, names) if name in _CODINGS]
        if encodings in ([], ["gzip"], ["x-gzip"]):
            return bool(encodings)
        listed = ascii(", ".join(encodings))[:80]
        raise FetchFailed("bad_response", f"{shorten(self._url)} is encoded as {listed}; only gzip was requested")

    def _check_announced_length(self, unpack: bool) -> None:
        announced = self._answer.content_length or 0
        limit = self._limits.wire_bytes if unpack else min(self._limits.wire_bytes, self._limits.decoded_bytes)
        if announced > limit and not self._limits.truncate:
            raise self._too_large(f"announces {announced} bytes", limit)

    def _limited(self, piece: bytes) -> bytes:
        """Count ``piece``, and return as much of it as the limit on unpacked bytes allows."""
        room = self._limits.decoded_bytes - self.decoded_bytes
        if len(piece) > room:
            if not self._limits.truncate:
                raise self._too_large("unpacks to too many bytes", self._limits.decoded_bytes)
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
                    raise self._too_large("sends too many bytes", self._limits.wire_bytes)
                self.wire_bytes -= excess
                chunk, cut = chunk[:-excess], True
            self.truncated = self.truncated or cut
            if chunk:
                yield chunk
            if cut or not chunk:
                return

    async def _next_chunk(self) -> tuple[bytes, bool]:
        """Return the next bytes (none at the end), and whether the server cut off the body behind them."""
        content = self._answer.content
        try:
            if asyncio.get_running_loop().time() >= self._limits.ends_at:
                raise TimeoutError
            async with asyncio.timeout_at(self._limits.ends_at):
                return await content.read(READ_BYTES), False
        except Exception as error:
            # aiohttp raises before it returns what it has buffered already: that is the last part of the body.
            left = b"" if isinstance(error, TimeoutError) else content._read_nowait(-1)
            if isinstance(error, TimeoutError) or not (left or self.wire_bytes):
                failure = fetch_error(error, self._url)
            else:
                return left, True
        raise failure

    def _too_large(self, what: str, limit: int) -> FetchRefused:
        return FetchRefused("too_large", f"{shorten(self._url)} {what}; at most {limit} bytes are read")


class PageBytes:
    """Collects the first ``limit`` bytes of an HTML page that is fed in pieces, without the content of ``data:`` URLs.

    Embedded images and fonts are most of the largest pages, and stand before the footer with the address. The result
    does not depend on how the page is cut into pieces.
    """

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self._limit = limit
        self._undecided = b""
        self._inside = False

    @property
    def full(self) -> bool:
        """Whether the page exceeds the limit, so that no more pieces are needed."""
        return len(self.kept) > self._limit

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the page."""
        at, piece = 0, self._undecided + piece
        while True:
            if self._inside:
                content = _EMBEDDED_CONTENT.match(piece, at)
                at = content.end() if content else at
                self._inside = at == len(piece)
            found = _EMBEDDED.search(piece, at)
            if found is None:
                break
            self.kept += piece[at : found.end()]
            at, self._inside = found.end(), True
        undecided = max(at, len(piece) - _MAX_EMBEDDED_START)
        self.kept += piece[at:undecided]
        self._undecided = piece[undecided:]

    def end(self) -> bytes:
        """Return the bytes that were kept, after the last piece."""
        return bytes((self.kept + self._undecided)[: self._limit])
