"""Reads one sitemap of any format, compression and encoding: bytes in, entries out."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import TYPE_CHECKING

from scrapersky.web.charset import charset_in
from scrapersky.web.gunzip import LayeredGunzip
from scrapersky.web.sitemaps.decoder import Decoder
from scrapersky.web.sitemaps.sniff import HEAD_CHARACTERS, find_xml
from scrapersky.web.sitemaps.text import TextLines
from scrapersky.web.sitemaps.types import Entry, Kind, Limits
from scrapersky.web.sitemaps.xml import XmlDocument

if TYPE_CHECKING:  # the reader itself works without the web client
    from scrapersky.web.response import Response

BATCH_ENTRIES = 1_000
"""Entries parsed between two switches to other tasks: about 20 ms of work."""


class SitemapReader:
    """Reads the sitemap at ``url`` as its bytes arrive::

        reader = SitemapReader(url)
        for chunk in body:
            for entry in reader.feed(chunk):
                ...
            if reader.finished:
                break
        for entry in reader.close(truncated=False):
            ...

    Iterate the entries to the end. Raises :class:`SitemapRefused` as soon as the body is known not to be a sitemap. The
    entries do not depend on how the body is cut into chunks. Memory is bounded by one chunk and one entry. ``charset`` is
    that of the HTTP header, for files that declare no encoding.
    """

    def __init__(self, url: str, limits: Limits | None = None, charset: str | None = None) -> None:
        self.urls = 0
        """Entries returned so far."""
        self.decoded_bytes = 0
        """Bytes read so far, after unpacking."""
        self.with_lastmod = 0
        self.with_images = 0
        self.with_videos = 0
        self.with_news = 0
        """Entries with a date or with an extension of that kind."""
        self._url = url
        self._limits = limits or Limits()
        self._gunzip = LayeredGunzip()
        self._decoder = Decoder(charset)
        self._head = ""
        self._body: XmlDocument | TextLines | None = None
        self._out_of_bytes = False
        self._cut = False

    @property
    def kind(self) -> Kind | None:
        """The format; None while it is unknown."""
        return self._body.kind if self._body else None

    @property
    def is_gzip(self) -> bool:
        """Whether the body is compressed, by its content."""
        return self._gunzip.is_gzip

    @property
    def skipped(self) -> int:
        """Entries without an http(s) URL of at most 2,048 characters; they are left out."""
        return self._body.skipped if self._body else 0

    @property
    def finished(self) -> bool:
        """Whether a limit is reached, so that no more chunks are needed."""
        return self.capped is not None

    @property
    def capped(self) -> str | None:
        """The limit that ended the reading (``urls``, ``bytes``, or ``errors`` in broken XML), or None."""
        if self._body is not None and self._body.capped:
            return self._body.capped
        return "bytes" if self._out_of_bytes else None

    @property
    def truncated(self) -> bool:
        """After :meth:`close`: whether the body ended before the sitemap did, or its end could not be found."""
        return self._cut and not self.capped

    @property
    def error(self) -> str | None:
        """After :meth:`close`: a sentence on where and why reading failed; None if everything was read."""
        if self.capped == "urls":
            return f"more than {self._limits.urls} URLs: the rest was not read"
        if self.capped == "bytes":
            return f"more than {self._limits.decoded_bytes} unpacked bytes: the rest was not read"
        if self.capped == "errors":
            return "too many errors: the rest was not read"
        if not self._cut:
            return self._body.error if self._body else None
        return self._gunzip.damage or (self._body and self._body.error) or "the body ends early"

    @property
    def file_type(self) -> str | None:
        """One of ``index urlset image video news text feed``; an extension is the type if every entry has it."""
        if self.kind is Kind.URLSET and self.urls:
            for name, number in (("news", self.with_news), ("video", self.with_videos), ("image", self.with_images)):
                if number == self.urls:
                    return name
        return "feed" if self.kind in (Kind.RSS, Kind.ATOM) else self.kind and self.kind.value

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Yield the entries that ``data`` completes."""
        for piece in self._gunzip.feed(data):
            for entries in self._piece(piece):
                yield from entries
            if self.finished:
                return

    def close(self, *, truncated: bool = False) -> Iterator[Entry]:
        """Yield the last entries; ``truncated`` says that the body is known to be incomplete."""
        if not self.finished:
            for piece in self._gunzip.end():
                for entries in self._piece(piece):
                    yield from entries
        cut = truncated or self._out_of_bytes or self._gunzip.damage is not None
        for entries in self._text(self._decoder.feed(b"", final=True), final=True):
            yield from entries
        assert self._body is not None
        for entries in self._body.close(truncated=cut):
            yield from self._counted(entries)
        self._cut = not self._body.complete

    def _piece(self, piece: bytes) -> Iterator[list[Entry]]:
        left = self._limits.decoded_bytes - self.decoded_bytes
        if len(piece) > left:
            piece, self._out_of_bytes = piece[:left], True
        self.decoded_bytes += len(piece)
        return self._text(self._decoder.feed(piece))

    def _text(self, text: str, *, final: bool = False) -> Iterator[list[Entry]]:
        if self._body is None:
            self._head += text
            if len(self._head) < HEAD_CHARACTERS and not final:
                return
            text, self._head = self._head, ""
            start = find_xml(text[:HEAD_CHARACTERS])
            self._body = TextLines(self._limits) if start is None else XmlDocument(self._url, self._limits)
            text = text[start or 0 :]
        yield from map(self._counted, self._body.feed(text))

    def _counted(self, entries: list[Entry]) -> list[Entry]:
        if entries:
            _, dates, _, _, images, videos, news, _ = zip(*entries, strict=True)
            self.urls += len(entries)
            self.with_lastmod += len(dates) - dates.count(None)
            self.with_images += len(images) - images.count(0)
            self.with_videos += len(videos) - videos.count(0)
            self.with_news += len(news) - news.count(0)
        return entries


def reader_of(response: "Response", limits: Limits) -> SitemapReader:
    """Return the reader for the body of ``response``, whose final URL is the base of relative URLs."""
    return SitemapReader(response.url, limits, charset_in(response.headers.get("content-type", "")))


async def read_entries(reader: SitemapReader, response: "Response") -> AsyncGenerator[list[Entry], None]:
    """Yield the entries of the body in batches, to its end or to a limit; other tasks run between the batches.

    Raises what the reader and the response raise: :class:`SitemapRefused` and FetchError.
    """
    async for chunk in response.chunks():
        for batch in _batches(reader.feed(chunk)):
            yield batch
            await asyncio.sleep(0)
        if reader.finished:
            break
        await asyncio.sleep(0)
    for batch in _batches(reader.close(truncated=response.truncated)):
        yield batch
        await asyncio.sleep(0)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH_ENTRIES:
            yield batch
            batch = []
    if batch:
        yield batch
