"""From expat's events to entries. Knows nothing of bytes, positions or recovery."""

from typing import Any, Protocol

from scrapersky.web.sitemaps.entry import Entry, make_entry, page_url
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits
from scrapersky.web.sitemaps.refusal import SitemapRefused
from scrapersky.web.sitemaps.sniff import wrong_root
from scrapersky.web.sitemaps.vocabulary import (
    CHANGEFREQ,
    ENTRY,
    GUID,
    IMAGE,
    LAST_FIELD,
    LASTMOD,
    LINK,
    LOC,
    NEWS,
    OTHER,
    PRIORITY,
    PUBLISHED,
    ROOTS,
    VIDEO,
    tag_of,
)
from scrapersky.web.urls import NormalUrl

_MAX_NAMES = 1_000  # names remembered; a hostile file may invent as many as it has bytes


class Parser(Protocol):
    """The part of an expat parser that is used here."""

    CharacterDataHandler: Any
    EndElementHandler: Any
    EntityDeclHandler: Any
    StartElementHandler: Any

    @property
    def CurrentByteIndex(self) -> int: ...
    @property
    def CurrentLineNumber(self) -> int: ...


class TooManyEntriesError(Exception):
    """The cap on urls is met; nothing after it is read."""


class TooDeepError(Exception):
    """An element is nested deeper than the cap: what expat remembers of the open ones must be let go.

    ``at`` and ``line`` are where its start tag is, as the parser counts.
    """

    def __init__(self, at: int, line: int) -> None:
        super().__init__(at, line)
        self.at = at
        self.line = line


class Elements:
    """The handlers of one document; they survive a new parser when the old one gave up at broken markup.

    An entry ends with its end tag, or where the next one starts; a field ends with the next tag of any name. So a
    missing end tag costs nothing, and a field that the end of the body cut is never taken. A loc that stands in the root
    itself is an entry of its own.
    """

    def __init__(self, base: str, limits: Limits) -> None:
        self.kind: Kind | None = None
        self.root = ""
        """The root element's name as the file spells it."""
        self.entries: list[Entry] = []
        self.skipped = 0
        self.root_closed = False
        self._prefix = ""
        self._base = base
        self._limits = limits
        self._seen = 0
        self._names: dict[str, int] = {}
        self._stack: list[int] = []
        self._parser: Parser | None = None
        self._tag = OTHER
        self._text: list[str] | None = None
        self._length = 0
        self._open = False

    @property
    def openers(self) -> tuple[str, ...]:
        """The elements that a parser must be given before it starts at an entry, so that their end tags fit."""
        return (self.root, "channel") if self.root.lower() == "rss" else (self.root,)

    def attach(self, parser: Parser, *, depth: int) -> None:
        """Makes ``parser`` report here; ``depth`` elements were opened in it before."""
        self._parser = parser
        self._stack = [OTHER] * depth
        self.root_closed = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._refuse_entity

    def open_root(self, name: str) -> None:
        """Takes the root element to be ``name``; raises :class:`SitemapRefused` if no sitemap has such a root."""
        self._prefix, _, local = name.lower().rpartition(":")
        self.kind = ROOTS.get(local)
        if self.kind is None:
            raise wrong_root(name)
        self.root = name

    def interrupt(self, *, at_a_tag: bool = False) -> None:
        """Ends the entry at hand where the markup or the body broke: what is whole counts.

        The open field is whole only if it ended ``at_a_tag``, be it the wrong one.
        """
        if at_a_tag and self._text is not None:
            self._take_field()
        self._text = None
        self._finish_entry()

    @property
    def between_entries(self) -> bool:
        """Whether all that was reported of a urlset so far is in its root element, and the last entry is finished."""
        return self.kind is Kind.URLSET and len(self._stack) == 1 and not self._open

    def add(self, entries: list[Entry | None]) -> None:
        """Takes entries that were read otherwise, with None for one whose loc is no url to fetch."""
        left = self._limits.urls - self._seen
        self._seen += len(entries)
        self.entries += [entry for entry in entries[:left] if entry is not None]
        self.skipped += entries[:left].count(None)
        if len(entries) > left:
            raise TooManyEntriesError

    def _start(self, name: str, attributes: list[str]) -> None:
        if self._text is not None:
            self._take_field()
        tag = self._names.get(name) or self._learn(name)
        stack = self._stack
        if tag == ENTRY:
            self._finish_entry()
            self._begin_entry()
        elif tag != OTHER and stack and stack[-1] == ENTRY:
            if tag <= LAST_FIELD:
                self._open_field(tag)
            elif tag == LINK:
                self._take_link(attributes)
            else:
                self._counts[tag] += 1
        elif tag == LOC and len(stack) == 1 and self.kind in (Kind.URLSET, Kind.INDEX):
            self._finish_entry()
            self._begin_entry()
            self._open_field(tag)
        stack.append(tag)
        if len(stack) > self._limits.depth:
            assert self._parser is not None
            raise TooDeepError(self._parser.CurrentByteIndex, self._parser.CurrentLineNumber)

    def _end(self, _name: str) -> None:
        if self._text is not None:
            self._take_field()
        stack = self._stack
        if stack.pop() == ENTRY:
            self._finish_entry()
        if not stack:
            self._finish_entry()
            self.root_closed = True

    def _open_field(self, tag: int) -> None:
        self._tag, self._text, self._length = tag, [], 0
        assert self._parser is not None
        self._parser.CharacterDataHandler = self._characters

    def _characters(self, text: str) -> None:
        if self._text is not None and self._length <= self._limits.field_characters:
            self._text.append(text)
            self._length += len(text)

    def _take_field(self) -> None:
        assert self._parser is not None
        assert self._text is not None
        self._parser.CharacterDataHandler = None
        too_long = self._length > self._limits.field_characters
        text = "" if too_long else "".join(self._text).strip()
        self._text = None
        if self._tag == LOC and self._fields[LOC] is not None:  # a second loc is a second page
            self._finish_entry()
            self._begin_entry()
        self._fields[self._tag] = text

    def _take_link(self, attributes: list[str]) -> None:
        given = {name.lower(): value for name, value in zip(attributes[::2], attributes[1::2], strict=True)}
        href = given.get("href", "").strip()
        if not href:
            return
        if self.kind is Kind.ATOM:
            if given.get("rel", "alternate").lower() == "alternate" and self._fields[LOC] is None:
                self._fields[LOC] = href
            return
        language = given.get("hreflang", "").strip()[:35]  # RFC 5646: longer tags need not be kept
        if language and len(self._alternates) < self._limits.alternates:
            url = page_url(href, self._base)
            if url is not None:
                self._alternates[language] = url

    def _begin_entry(self) -> None:
        self._seen += 1
        if self._seen > self._limits.urls:
            raise TooManyEntriesError
        self._open = True
        self._fields: list[str | None] = [None] * (LAST_FIELD + 1)
        self._counts = [0] * OTHER
        self._alternates: dict[str, NormalUrl] = {}

    def _finish_entry(self) -> None:
        if not self._open:
            return
        self._open = False
        fields, counts = self._fields, self._counts
        loc, guid = fields[LOC], fields[GUID]
        if loc is None and guid and guid.startswith(("http:", "https:")):
            loc = guid
        if loc is None:
            return
        entry = make_entry(
            loc,
            self._base,
            lastmod=fields[LASTMOD] or fields[PUBLISHED],
            changefreq=fields[CHANGEFREQ],
            priority=fields[PRIORITY],
            images=counts[IMAGE],
            videos=counts[VIDEO],
            news=counts[NEWS],
            alternates=self._alternates or None,
        )
        if entry is None:
            self.skipped += 1
        else:
            self.entries.append(entry)

    def _learn(self, name: str) -> int:
        """What an element's name means, which the root element, always the first, decides."""
        if self.kind is None:
            self.open_root(name)
            return OTHER
        assert self.kind is not None
        tag = tag_of(name, self.kind, self._prefix)
        if tag == ENTRY and self.kind is Kind.URLSET and self._seen == 0 and name.lower().endswith("sitemap"):
            self.kind = Kind.INDEX  # <urlset><sitemap>…: the entries say what the root should have said
        if len(self._names) < _MAX_NAMES:
            self._names[name] = tag
        return tag

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise SitemapRefused(
            "not_a_sitemap", f"the document declares the entity {name[:60]!r}; entities are not expanded here"
        )
