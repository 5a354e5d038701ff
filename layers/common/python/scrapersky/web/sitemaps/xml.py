"""Parses the XML of a sitemap in pieces, and recovers from broken markup at the price of one entry.

Plain entries are read by :mod:`scrapersky.web.sitemaps.fast_path`, all others by expat. Expat stops at the first error.
A new run, given a root element of its own, starts at the next ``<url`` (or ``<sitemap``, ``<item``, ``<entry``, ``<loc``)
behind it. The text is parsed on a fixed grid of pieces, so that the result does not depend on how the network cut the
body, and an error is found within one piece.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from xml.parsers import expat
from xml.parsers.expat import errors

from scrapersky.web.sitemaps.elements import Elements, TooDeepError, TooManyEntriesError, entry_names
from scrapersky.web.sitemaps.fast_path import END, fits_within, plain_entries
from scrapersky.web.sitemaps.sanitiser import Sanitiser
from scrapersky.web.sitemaps.sniff import ROOT
from scrapersky.web.sitemaps.types import Entry, Kind, Limits, SitemapRefused

GRID = 8_192
"""Characters of one piece."""
STRIDE = 2_048
"""Characters that expat reads before the fast path is tried again."""

_ROOT = re.compile(b"<" + ROOT.encode(), re.IGNORECASE)
_ENTRY = {
    kind: re.compile(rf"<(?:[\w.-]{{1,40}}:)?(?:{entry_names(kind)})(?=[\s>/])".encode(), re.IGNORECASE)
    for kind in (Kind.RSS, Kind.ATOM)
} | {
    kind: re.compile(rf"<(?:loc|(?:[\w.-]{{1,40}}:)?(?:{entry_names(kind)}))(?=[\s>/])".encode(), re.IGNORECASE)
    for kind in (Kind.URLSET, Kind.INDEX)
}
"""Where a new run may start: at an entry, or at a loc if the start tag of its entry is broken."""
_MAX_TAG_START = 64  # bytes at the end of a piece that may be the start of such a tag
_ENDS_EARLY = {errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN, errors.XML_ERROR_UNCLOSED_CDATA_SECTION}


@dataclass(frozen=True, slots=True)
class Break:
    """Where the markup broke: byte and line in the whole text, the reason, and the unread bytes from there on."""

    at: int
    line: int
    why: str
    rest: bytes
    at_a_tag: bool = False
    """Whether it broke at an end tag of another element, so that everything before it is complete."""


class Run:
    """One expat parser, from byte ``at`` in ``line`` of the text to the first error.

    ``inside_root`` says that the root's start tag is before ``at``. The parser has no namespace separator, so that
    undeclared prefixes are legal, and it loads no external entities.
    """

    def __init__(self, elements: Elements, limits: Limits, *, at: int, line: int, inside_root: bool) -> None:
        self._elements = elements
        self._limits = limits
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.specified_attributes = True
        self._parser = parser
        self._offset, self._line_offset = at, line - 1
        openers = elements.openers if inside_root else ()
        opened = "".join(f"<{name}>" for name in openers).encode()
        parser.Parse(opened, False)
        self._offset -= len(opened)
        self._window = bytearray()  # bytes from the start of the parser's unfinished token on
        self._window_at = len(opened)
        self._window_line = 1
        elements.attach(parser, depth=len(openers))

    @property
    def idle(self) -> bool:
        """Whether the parser has no unfinished token."""
        return not self._window

    def skip(self, text: str) -> None:
        """Count ``text``, which consists of whole elements, as parsed."""
        self._offset += len(text.encode("utf-8", "replace"))
        self._line_offset += text.count("\n")
        if "\r" in text:  # expat counts these as line breaks too
            self._line_offset += text.count("\r") - text.count("\r\n")

    def feed(self, data: bytes, *, final: bool) -> Break | None:
        """Parse ``data``; a break ends the run. Exceptions of the handlers pass through, except TooDeepError."""
        self._window += data
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            why = _why(error.code, final=final)
            if why != errors.XML_ERROR_TAG_MISMATCH:
                return self._break(self._parser.ErrorByteIndex, error.lineno, why)
            self._parser.buffer_text = False  # makes the parser report the text that it has buffered
            # Expat reports the byte behind "</".
            return self._break(self._parser.ErrorByteIndex - 2, error.lineno, why, at_a_tag=True)
        except TooDeepError as error:
            return self._break(error.at, error.line, f"elements nested deeper than {self._limits.depth}")
        at = self._parser.CurrentByteIndex
        if at > self._window_at:
            del self._window[: at - self._window_at]
            self._window_at, self._window_line = at, self._parser.CurrentLineNumber
        if len(self._window) > self._limits.tag_bytes:
            return self._break(self._window_at, self._window_line, f"a tag longer than {self._limits.tag_bytes} bytes")
        return None

    def _break(self, at: int, line: int, why: str, *, at_a_tag: bool = False) -> Break:
        if self._elements.kind is None:  # the root's own tag may be broken: it is searched again
            at, line = self._window_at, self._window_line
        rest = bytes(self._window[max(0, at - self._window_at) :])
        return Break(self._offset + at, self._line_offset + line, why, rest, at_a_tag)


def _why(code: int, *, final: bool) -> str:
    why = expat.ErrorString(code) or f"error {code}"
    return "the body ends early" if final and why in _ENDS_EARLY else why


class XmlDocument:
    """The entries of an XML sitemap that is fed as text. ``capped`` is the limit that was reached: ``urls``, ``errors``."""

    def __init__(self, base: str, limits: Limits) -> None:
        self.capped: str | None = None
        self._stopped = False
        self._base = base
        self._limits = limits
        self._elements = Elements(base, limits)
        self._sanitiser = Sanitiser(limits.repairs)
        self._waiting = ""  # sanitised text, shorter than one piece
        self._run: Run | None = Run(self._elements, limits, at=0, line=1, inside_root=False)
        self._run_at = -1
        self._plain = fits_within(limits)
        self._sought = b""  # without a run: the end of the searched text, which may be the start of a tag
        self._at, self._line = 0, 1  # position of its first byte
        self._first: Break | None = None
        self._breaks = 0
        self._behind_root: Break | None = None

    @property
    def kind(self) -> Kind | None:
        """The format, by the root element; None before it was read."""
        return self._elements.kind

    @property
    def skipped(self) -> int:
        """Entries without a valid URL."""
        return self._elements.skipped

    @property
    def complete(self) -> bool:
        """Whether the root element was closed."""
        return self._elements.root_closed and not self._sanitiser.inside_section

    @property
    def error(self) -> str | None:
        """A sentence on where and why the markup broke first; None if it is well-formed."""
        if self._first is None:
            return None
        more = f" (and {self._breaks - 1} more)" if self._breaks > 1 else ""
        return f"line {self._first.line}, byte {self._first.at}: {self._first.why}{more}"

    def feed(self, text: str) -> Iterator[list[Entry]]:
        """Yield the entries that ``text`` completes."""
        self._waiting += self._sanitiser.feed(text)
        while len(self._waiting) >= GRID and not self._stopped:
            piece, behind = self._waiting[:GRID], self._waiting[GRID:]
            self._waiting = (yield from self._take(piece)) + behind
        if self._sanitiser.exhausted:
            self.capped = self.capped or "errors"

    def close(self, *, truncated: bool) -> Iterator[list[Entry]]:  # noqa: ARG002 - the end tag of the root decides
        """Yield the last entries. Raises :class:`SitemapRefused` if there was no root element."""
        yield from self.feed("")
        rest = yield from self._take(self._waiting + self._sanitiser.feed("", final=True))
        if not self._stopped:
            yield self._parse(rest, final=True)
        if self.kind is None:
            raise SitemapRefused(
                "not_xml", "the body ends before any root element" + (f": {self.error}" if self.error else "")
            )

    def _take(self, text: str) -> Generator[list[Entry], None, str]:
        """Yield the entries of ``text``; return the incomplete plain entry at its end."""
        while text and not self._stopped:
            before = len(text)
            if self._plain and self._run is not None and self._run.idle and self._elements.between_entries:
                text = self._take_plain(self._run, text)
                yield self._new_entries()
                if self._stopped or (len(text) < before and END not in text):
                    return text
            end = text.find(END, STRIDE)
            end = len(text) if end < 0 else end + len(END)
            yield self._parse(text[:end])
            text = text[end:]
        return ""

    def _take_plain(self, run: Run, text: str) -> str:
        """Read the plain entries at the start of ``text``; return the rest."""
        entries, rest = plain_entries(text, self._base)
        run.skip(text[: len(text) - len(rest)])
        try:
            self._elements.add(entries)
        except TooManyEntriesError:
            self._stop("urls")
        return rest

    def _parse(self, text: str, *, final: bool = False) -> list[Entry]:
        self._read(text.encode("utf-8", "replace"), final=final)
        return self._new_entries()

    def _new_entries(self) -> list[Entry]:
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
        """End the run; return the bytes in which the next entry is to be found."""
        if self._elements.root_closed:
            self._behind_root = broke  # harmless unless entries follow
        else:
            self._note(broke)
            # The end tag of the root ends it, even with other elements open.
            self._elements.root_closed = broke.rest.startswith(f"</{self._elements.root}>".encode())
        self._elements.interrupt(at_a_tag=broke.at_a_tag)
        self._run = None
        self._at, self._line = broke.at, broke.line
        if broke.at > self._run_at:
            return broke.rest
        self._pass(broke.rest[:1])
        return broke.rest[1:]

    def _seek(self, data: bytes) -> bytes:
        """Start a run at the next entry; return the bytes from there on, or b"" if ``data`` has none."""
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
        start = data.rfind(b"<", max(0, len(data) - _MAX_TAG_START))
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
