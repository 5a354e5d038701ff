"""The XML of a sitemap, streamed: plain entries are read by a pattern, all else by expat; a break costs one entry.

Expat stops at the first error. A new run, given a root element of its own, starts at the next ``<url`` (or
``<sitemap``, ``<item``, ``<entry``, ``<loc``) behind it, so one bad entry costs one entry. Parsing is on a fixed grid
of pieces, so that the result does not depend on how the network cut the body, and an error costs no more than a piece.
"""

import re
from collections.abc import Generator, Iterator

from scrapersky.web.sitemaps.elements import Elements, TooManyEntriesError
from scrapersky.web.sitemaps.entry import Entry
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits
from scrapersky.web.sitemaps.plain import END, plain_entries, reads_as_expat_within
from scrapersky.web.sitemaps.refusal import SitemapRefused
from scrapersky.web.sitemaps.run import Break, Run
from scrapersky.web.sitemaps.sanitiser import Sanitiser
from scrapersky.web.sitemaps.sniff import ROOT
from scrapersky.web.sitemaps.vocabulary import entry_names

GRID = 8_192
"""Characters of a piece."""
STRIDE = 2_048
"""How far expat reads at least, before plain entries are looked for again."""

_ROOT = re.compile(b"<" + ROOT.encode(), re.IGNORECASE)
_ENTRY = {
    kind: re.compile(rf"<(?:[\w.-]{{1,40}}:)?(?:{entry_names(kind)})(?=[\s>/])".encode(), re.IGNORECASE)
    for kind in (Kind.RSS, Kind.ATOM)
} | {
    kind: re.compile(rf"<(?:loc|(?:[\w.-]{{1,40}}:)?(?:{entry_names(kind)}))(?=[\s>/])".encode(), re.IGNORECASE)
    for kind in (Kind.URLSET, Kind.INDEX)
}
"""Where a new run may start: at an entry, and at a loc whose entry's own start tag is what is broken."""
_LONGEST_START = 64  # bytes at a piece's end that may be the start of a tag that is looked for


class Markup:
    """The entries of an XML sitemap fed as text.

    ``trouble`` says where it broke first and how often, ``complete`` whether the root element was closed, ``capped``
    which cap ended the reading, if one did: ``urls`` or ``errors``.
    """

    def __init__(self, base: str, limits: Limits) -> None:
        self.capped: str | None = None
        self._stopped = False
        self._base = base
        self._limits = limits
        self._elements = Elements(base, limits)
        self._sanitiser = Sanitiser(limits.repairs)
        self._waiting = ""  # sanitised, short of a piece of the grid
        self._run: Run | None = Run(self._elements, limits, at=0, line=1, inside_root=False)
        self._run_at = -1
        self._plain = reads_as_expat_within(limits)
        self._sought = b""  # while there is no run: what was searched in vain and may be the start of a tag
        self._at, self._line = 0, 1  # of the first byte of the above
        self._first: Break | None = None
        self._breaks = 0
        self._behind_root: Break | None = None

    @property
    def kind(self) -> Kind | None:
        """What the root element says; None before it was seen."""
        return self._elements.kind

    @property
    def skipped(self) -> int:
        """Entries whose loc is no url to fetch."""
        return self._elements.skipped

    @property
    def complete(self) -> bool:
        """Whether the root element was closed."""
        return self._elements.root_closed and not self._sanitiser.inside_section

    @property
    def trouble(self) -> str | None:
        """Where and why the markup broke first, for a person; None if it is whole."""
        if self._first is None:
            return None
        more = f" (and {self._breaks - 1} more)" if self._breaks > 1 else ""
        return f"line {self._first.line}, byte {self._first.at}: {self._first.why}{more}"

    def feed(self, text: str) -> Iterator[list[Entry]]:
        """The entries that ``text`` completes."""
        self._waiting += self._sanitiser.feed(text)
        while len(self._waiting) >= GRID and not self._stopped:
            piece, behind = self._waiting[:GRID], self._waiting[GRID:]
            self._waiting = (yield from self._take(piece)) + behind
        if self._sanitiser.exhausted:
            self.capped = self.capped or "errors"

    def close(self, *, truncated: bool) -> Iterator[list[Entry]]:  # noqa: ARG002 - the root's end tag tells
        """The entries left when no more text comes. Raises :class:`SitemapRefused` if there was no root element."""
        yield from self.feed("")
        rest = yield from self._take(self._waiting + self._sanitiser.feed("", final=True))
        if not self._stopped:
            yield self._parse(rest, final=True)
        if self.kind is None:
            raise SitemapRefused(
                "not_xml", "the body ends before any root element" + (f": {self.trouble}" if self.trouble else "")
            )

    def _take(self, text: str) -> Generator[list[Entry], None, str]:
        """The entries of ``text``; returns the start of an entry that it ends with."""
        while text and not self._stopped:
            before = len(text)
            if self._plain and self._run is not None and self._run.at_rest and self._elements.between_entries:
                text = self._take_plain(self._run, text)
                yield self._given()
                if self._stopped or (len(text) < before and END not in text):
                    return text
            end = text.find(END, STRIDE)
            end = len(text) if end < 0 else end + len(END)
            yield self._parse(text[:end])
            text = text[end:]
        return ""

    def _take_plain(self, run: Run, text: str) -> str:
        """Takes the entries at the start of ``text`` that need no parser; returns the rest."""
        entries, rest = plain_entries(text, self._base)
        run.skip(text[: len(text) - len(rest)])
        try:
            self._elements.add(entries)
        except TooManyEntriesError:
            self._stop("urls")
        return rest

    def _parse(self, text: str, *, final: bool = False) -> list[Entry]:
        self._read(text.encode("utf-8", "replace"), final=final)
        return self._given()

    def _given(self) -> list[Entry]:
        entries, self._elements.entries = self._elements.entries, []
        return entries

    def _read(self, data: bytes, *, final: bool) -> None:
        while True:
            if self._run is None:
                data = self._seek(data)
                if self._run is None:
                    return
            try:
                broke = self._run.feed(data, final=final)
            except TooManyEntriesError:
                broke = None
                self._stop("urls")
            if broke is not None:
                data = self._recover(broke)
            if broke is None or self._stopped:
                return

    def _recover(self, broke: Break) -> bytes:
        """Ends the run; returns what is to be searched for the next entry."""
        if self._elements.root_closed:
            self._behind_root = broke  # harmless unless entries follow
        else:
            self._note(broke)
            # The root's end tag, with something left open before it, is its end all the same.
            self._elements.root_closed = broke.rest.startswith(f"</{self._elements.root}>".encode())
        self._elements.interrupt(at_a_tag=broke.at_a_tag)
        self._run = None
        self._at, self._line = broke.at, broke.line
        if broke.at > self._run_at:
            return broke.rest
        self._pass(broke.rest[:1])
        return broke.rest[1:]

    def _seek(self, data: bytes) -> bytes:
        """Starts a run at the next entry; returns the bytes from it on, or b"" if ``data`` has none."""
        data, self._sought = self._sought + data, b""
        if self.kind is None:
            root = _ROOT.search(data)
            if root is None:
                return self._keep_end(data)
            self._elements.open_root(root[0][1:].decode())
            self._pass(data[: root.end()])
            data = data[root.end() :]
        assert self.kind is not None
        entry = _ENTRY[self.kind].search(data)
        if entry is None:
            return self._keep_end(data)
        self._pass(data[: entry.start()])
        if self._behind_root is not None:
            self._note(self._behind_root)
            self._behind_root = None
        self._run_at = self._at
        self._run = Run(self._elements, self._limits, at=self._at, line=self._line, inside_root=True)
        return data[entry.start() :]

    def _keep_end(self, data: bytes) -> bytes:
        start = data.rfind(b"<", max(0, len(data) - _LONGEST_START))
        end = start if start >= 0 else len(data)
        self._pass(data[:end])
        self._sought = data[end:]
        return b""

    def _pass(self, data: bytes) -> None:
        self._at += len(data)
        self._line += data.count(b"\n")

    def _note(self, broke: Break) -> None:
        self._first = self._first or broke
        self._breaks += 1
        if self._breaks > self._limits.urls:
            self._stop("errors")

    def _stop(self, cap: str) -> None:
        self.capped, self._stopped = cap, True
