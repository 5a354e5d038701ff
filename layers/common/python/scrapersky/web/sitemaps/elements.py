"""Turns the events of expat into entries. Knows nothing of bytes, positions or recovery from broken markup."""

from collections.abc import Collection
from typing import Final
from xml.parsers.expat import XMLParserType

from scrapersky.web.sitemaps.entry import make_entry, page_url
from scrapersky.web.sitemaps.sniff import wrong_root
from scrapersky.web.sitemaps.types import Entry, Kind, Limits, SitemapRefused
from scrapersky.web.urls import NormalUrl, normalise_url

# Integers and not an enum, because they are compared for every element of files with millions of them.
LOC: Final = 1
LASTMOD: Final = 2
CHANGEFREQ: Final = 3
PRIORITY: Final = 4
GUID: Final = 5  #: RSS: replaces the link of an item that has none, if it is a URL
PUBLISHED: Final = 6  #: the date of an entry without a date of change
LAST_FIELD: Final = PUBLISHED  #: the texts of the elements up to here are kept
IMAGE: Final = 7
VIDEO: Final = 8
NEWS: Final = 9
LINK: Final = 10  #: xhtml:link with hreflang, or Atom's link
OTHER: Final = 11
ENTRY: Final = 12

ROOTS = {"urlset": Kind.URLSET, "sitemapindex": Kind.INDEX, "rss": Kind.RSS, "rdf": Kind.RSS, "feed": Kind.ATOM}

_SITEMAP = {
    "url": ENTRY,
    "sitemap": ENTRY,
    "loc": LOC,
    "lastmod": LASTMOD,
    "changefreq": CHANGEFREQ,
    "priority": PRIORITY,
}
_RSS = {"item": ENTRY, "link": LOC, "pubdate": LASTMOD, "guid": GUID}
_ATOM = {"entry": ENTRY, "link": LINK, "id": GUID, "updated": LASTMOD, "modified": LASTMOD, "published": PUBLISHED}
_OWN = {Kind.URLSET: _SITEMAP, Kind.INDEX: _SITEMAP, Kind.RSS: _RSS, Kind.ATOM: _ATOM}
_KINDS_BY_ENTRY = {"url": Kind.URLSET, "sitemap": Kind.INDEX}
_EXTENSION_PREFIXES = frozenset(
    str.split("image video news xhtml mobile geo pagemap codesearch atom content dc media itunes")
)
"""Prefixes that never belong to the elements of a sitemap itself."""
_EXTENSIONS = {"image": IMAGE, "video": VIDEO, "news": NEWS, "link": LINK}

_MAX_NAMES = 1_000
"""Element names whose tag is cached; a hostile file can have as many names as bytes."""


class TooManyEntriesError(Exception):
    """The limit on URLs is reached; nothing behind it is read."""


class TooDeepError(Exception):
    """An element is nested too deep. The parser must be dropped, because it stores every open element.

    ``at`` and ``line`` are the position of its start tag, as the parser counts.
    """

    def __init__(self, at: int, line: int) -> None:
        super().__init__(at, line)
        self.at = at
        self.line = line


class Elements:
    """The event handlers of one document. A new parser can be attached after broken markup.

    An entry ends with its end tag or where the next one starts; a field ends with the next tag of any name. So a missing
    end tag loses nothing, and a field that the end of the body cuts off is dropped. A loc directly in the root element is
    an entry of its own.
    """

    def __init__(self, base: str, limits: Limits) -> None:
        self.kind: Kind | None = None
        self.root = ""
        """The name of the root element, as spelled in the file."""
        self.entries: list[Entry] = []
        self.skipped = 0
        self.root_closed = False
        self._prefixes: set[str] = set()
        self._base = base
        self._self_link: str | None = None
        self._bases: list[tuple[int, str]] = []
        """(depth, base) of the open elements with an xml:base."""
        self._limits = limits
        self._seen = 0
        self._names: dict[str, int] = {}
        self._stack: list[int] = []
        self._parser: XMLParserType | None = None
        self._tag = OTHER
        self._text: list[str] | None = None
        self._length = 0
        self._open = False

    @property
    def openers(self) -> tuple[str, ...]:
        """The elements that a new parser must see before it starts at an entry, so that their end tags match."""
        return (self.root, "channel") if self.root.lower() == "rss" else (self.root,)

    def attach(self, parser: XMLParserType, *, depth: int) -> None:
        """Set the handlers of ``parser``, in which ``depth`` elements are open already."""
        self._parser = parser
        self._stack = [OTHER] * depth
        self._bases = [each for each in self._bases if each[0] < depth]
        self.root_closed = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._refuse_entity

    def open_root(self, name: str) -> None:
        """Set the root element. Raises :class:`SitemapRefused` if no sitemap has a root of this ``name``."""
        prefix, _, local = name.lower().rpartition(":")
        self._prefixes = {prefix}
        self.kind = ROOTS.get(local)
        if self.kind is None:
            raise wrong_root(name)
        self.root = name

    def interrupt(self, *, at_a_tag: bool = False) -> None:
        """End the open entry where the markup or the body broke, and keep its complete fields.

        The open field is complete only if the break is ``at_a_tag``, even at a wrong one.
        """
        if at_a_tag and self._text is not None:
            self._take_field()
        self._text = None
        self._finish_entry()

    @property
    def between_entries(self) -> bool:
        """Whether the parser is between two entries of a urlset, directly in the root element."""
        return self.kind is Kind.URLSET and len(self._stack) == 1 and not self._open

    def add(self, entries: list[Entry | None]) -> None:
        """Add entries that were read without the parser; None stands for an entry without a valid URL."""
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
        if attributes and "xml:base" in attributes[::2] and len(stack) < self._limits.depth:
            self._bases.append((len(stack), self._resolved(attributes)))
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
        if self._bases and self._bases[-1][0] >= len(stack):
            self._bases.pop()
        if not stack:
            self._finish_entry()
            self.root_closed = True

    @property
    def _base_here(self) -> str:
        """The base of relative references: the nearest xml:base, else the URL of the sitemap."""
        return self._bases[-1][1] if self._bases else self._base

    def _resolved(self, attributes: list[str]) -> str:
        """Return the base that an element's xml:base sets; one that is no URL changes nothing."""
        reference = attributes[attributes[::2].index("xml:base") * 2 + 1]
        return normalise_url(reference, self._base_here) or self._base_here

    def _absolute(self, href: str, attribute: dict[str, str]) -> str:
        """Return the reference of a link, absolute if its own element has an xml:base, which is out of scope later."""
        return (normalise_url(href, self._base_here) or href) if "xml:base" in attribute else href

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
        if self._tag == LOC and self._fields[LOC] is not None:  # a second loc starts a second entry
            self._finish_entry()
            self._begin_entry()
        self._fields[self._tag] = text

    def _take_link(self, attributes: list[str]) -> None:
        attribute = {name.lower(): value for name, value in zip(attributes[::2], attributes[1::2], strict=True)}
        href = attribute.get("href", "").strip()
        if not href:
            return
        if self.kind in (Kind.ATOM, Kind.RSS):
            rel = attribute.get("rel", "alternate").lower()
            if rel == "alternate" and self._fields[LOC] is None:
                self._fields[LOC] = self._absolute(href, attribute)
            elif rel == "self":
                self._self_link = self._absolute(href, attribute)
            return
        language = attribute.get("hreflang", "").strip()[:35]  # RFC 5646 requires no longer tags
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
        self._self_link = None
        self._alternates: dict[str, NormalUrl] = {}

    def _finish_entry(self) -> None:
        if not self._open:
            return
        self._open = False
        fields, counts = self._fields, self._counts
        loc, guid = fields[LOC], fields[GUID]
        if loc is None and guid and guid.startswith(("http:", "https:")):
            loc = guid
        loc = self._self_link if loc is None else loc
        if loc is None:
            return
        entry = make_entry(
            loc,
            self._base_here,
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
        """Return the tag for an element's name. The first element is the root, which decides the kind."""
        if self.kind is None:
            self.open_root(name)
            return OTHER
        assert self.kind is not None
        prefix, colon, local = name.lower().rpartition(":")
        if colon and prefix not in _EXTENSION_PREFIXES and _OWN[self.kind].get(local) == ENTRY:
            self._prefixes.add(prefix)  # <urlset><s:url>: the entries have a prefix, the root has none or another one
        tag = tag_of(name, self.kind, self._prefixes)
        if tag == ENTRY and self._seen == 0:  # the entries show what the root should be: <urlset><sitemap>…
            self.kind = _KINDS_BY_ENTRY.get(name.lower().rpartition(":")[2], self.kind)
        if len(self._names) < _MAX_NAMES:
            self._names[name] = tag
        return tag

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise SitemapRefused(
            "not_a_sitemap", f"the document declares the entity {name[:60]!r}; entities are not expanded"
        )


def tag_of(name: str, kind: Kind, prefixes: Collection[str]) -> int:
    """Return the tag of the element ``name`` in a document of ``kind`` whose root and entries have these ``prefixes``.

    Prefixes are compared as written and need not be declared, because broken sitemaps often omit the declaration. So
    ``image:loc`` is not ``loc``.
    """
    own, colon, local = name.lower().rpartition(":")
    if not colon or own in prefixes:
        tag = _OWN[kind].get(local)
        if tag is not None:
            return tag
    if kind in (Kind.URLSET, Kind.INDEX):
        return _EXTENSIONS.get(local, OTHER)
    if kind is Kind.RSS and (own, local) in (("atom", "link"), ("a10", "link")):
        return LINK
    return PUBLISHED if (own, local) == ("dc", "date") else OTHER


def entry_names(kind: Kind) -> str:
    """Return the names of the elements that are entries, as alternatives of a regular expression."""
    return "|".join(name for name, tag in _OWN[kind].items() if tag == ENTRY)
