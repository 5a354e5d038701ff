"""The reader of one sitemap, whatever its kind, packing and encoding: bytes in, entries out."""

from collections.abc import Iterator

from scrapersky.web.sitemaps.decoder import Decoder
from scrapersky.web.sitemaps.entry import Entry
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits
from scrapersky.web.sitemaps.markup import Markup
from scrapersky.web.sitemaps.sniff import HEAD_CHARACTERS, find_xml
from scrapersky.web.sitemaps.text_lines import TextLines
from scrapersky.web.sitemaps.unpack import Unpack


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

    The entries must be iterated to the end. Raises :class:`SitemapRefused` as soon as it is clear that this is no
    sitemap. Entries do not depend on how the body is cut into chunks. Memory is bounded by a chunk and an entry. Pass
    the HTTP header's ``charset`` for files that declare no encoding.
    """

    def __init__(self, url: str, limits: Limits | None = None, charset: str | None = None) -> None:
        self.urls = 0
        """Entries given so far."""
        self.decoded_bytes = 0
        """Bytes read so far, unpacked."""
        self.with_lastmod = 0
        self.with_images = 0
        self.with_videos = 0
        self.with_news = 0
        """Entries that have such an extension."""
        self._url = url
        self._limits = limits or Limits()
        self._unpack = Unpack()
        self._decoder = Decoder(charset)
        self._head = ""
        self._body: Markup | TextLines | None = None
        self._out_of_bytes = False
        self._cut = False

    @property
    def kind(self) -> Kind | None:
        """What it is; None before that is known."""
        return self._body.kind if self._body else None

    @property
    def is_gzip(self) -> bool:
        """Whether the body is packed, whatever its name says."""
        return self._unpack.is_gzip

    @property
    def skipped(self) -> int:
        """Entries left out because their loc is no http(s) url of at most 2,048 characters."""
        return self._body.skipped if self._body else 0

    @property
    def finished(self) -> bool:
        """Whether a cap is met: feeding more is useless."""
        return self.capped is not None

    @property
    def capped(self) -> str | None:
        """Which cap ended the reading (``urls``, ``bytes``, or ``errors`` in broken XML), or None."""
        if self._body is not None and self._body.capped:
            return self._body.capped
        return "bytes" if self._out_of_bytes else None

    @property
    def truncated(self) -> bool:
        """After :meth:`close`: whether the body ended before the sitemap did, or its end cannot be made out."""
        return self._cut and not self.capped

    @property
    def trouble(self) -> str | None:
        """After :meth:`close`: where and why not all could be read, for a person; None if all was."""
        if self.capped == "urls":
            return f"more than {self._limits.urls} urls: the rest was not read"
        if self.capped == "bytes":
            return f"more than {self._limits.decoded_bytes} bytes unpacked: the rest was not read"
        if self.capped == "errors":
            return "too broken to go on: the rest was not read"
        if not self._cut:
            return self._body.trouble if self._body else None
        return self._unpack.damage or (self._body and self._body.trouble) or "the body ends early"

    @property
    def file_type(self) -> str | None:
        """One of ``index urlset image video news text feed``: an extension counts when every entry has it."""
        if self.kind is Kind.URLSET and self.urls:
            for name, number in (("news", self.with_news), ("video", self.with_videos), ("image", self.with_images)):
                if number == self.urls:
                    return name
        return "feed" if self.kind in (Kind.RSS, Kind.ATOM) else self.kind and self.kind.value

    def feed(self, data: bytes) -> Iterator[Entry]:
        """The entries that ``data`` completes."""
        for piece in self._unpack.feed(data):
            for entries in self._piece(piece):
                yield from entries
            if self.finished:
                return

    def close(self, *, truncated: bool = False) -> Iterator[Entry]:
        """The entries left when no more data comes; ``truncated`` if the body is known to have been cut."""
        if not self.finished:
            for piece in self._unpack.end():
                for entries in self._piece(piece):
                    yield from entries
        cut = truncated or self._out_of_bytes or self._unpack.damage is not None
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
            self._body = TextLines(self._limits) if start is None else Markup(self._url, self._limits)
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
