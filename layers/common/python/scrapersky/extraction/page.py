"""A parsed web page, as the readers of single facts use it, and how much of its texts is kept."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapersky.extraction.visible_text import visible_text
from scrapersky.vocabulary import EmailCategory
from scrapersky.web.fetched import Fetched
from scrapersky.web.hosts import registrable_domain
from scrapersky.web.html import attributes_of, base_url, parse_html
from scrapersky.web.storable import tidy
from scrapersky.web.urls import normalise_url

MAX_TITLE = 1_024
"""Characters kept of a title, of a generator and of the content of a meta element."""

MAX_DESCRIPTION = 4_096
"""Characters kept of a description."""

MAX_URL = 2_048
"""Characters of the longest URL that is kept."""

MAX_ELEMENTS = 20_000
"""Elements of each kind (links, scripts, images, meta elements) read of one page."""

MAX_SOURCE = 4_100_000
"""Bytes of memory that the source may take. One emoji makes every character of a Python string four bytes wide."""

_LOCAL = re.compile(r"https?://(?:127\.|\[|[^./:]+(?:[/:]|$))")
_REFRESH_META = re.compile(r"<meta\b[^>]{0,500}?\bhttp-equiv\s{0,9}=\s{0,9}[\"']?\s{0,9}refresh", re.IGNORECASE)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{1,8}){0,4})(?![A-Za-z0-9])")


@dataclass(frozen=True)
class PageLimits:
    """How much of a page is read: characters of visible text, contacts of a kind, bytes of ``meta_json``.

    ``reserved_hosts``: addresses at hosts that the internet does not have are real, as on loopback. ``opt_outs``: signals
    against reading that are honoured; ``agent``: the crawler's product token, for which they may be meant. ``keep``:
    the categories of e-mail addresses that are kept; others are masked.
    """

    text: int = 500_000
    contacts: int = 50
    json_bytes: int = 100_000
    reserved_hosts: bool = False
    opt_outs: Sequence[str] = ()
    agent: str = ""
    keep: Sequence[str] = tuple(EmailCategory)


@dataclass(frozen=True)
class HtmlPage:
    """The parsed page at ``url``. References in it are as written; :meth:`absolute` resolves them."""

    url: str
    base: str
    tree: LexborHTMLParser = field(repr=False)
    source: str = field(repr=False)
    metas: dict[str, list[str]] = field(repr=False)
    """Contents of the meta elements by name or property in lower case, or ``http-equiv:…``; in document order."""
    text: str = field(repr=False)
    """The visible text, one line per block."""

    @classmethod
    def parse(cls, source: str, url: str, max_text: int) -> "HtmlPage":
        """Parse ``source``, the page at ``url``; keep at most ``max_text`` characters of its visible text."""
        if (size := sys.getsizeof(source)) > MAX_SOURCE:
            source = source[: len(source) * MAX_SOURCE // size]
        tree = parse_html(source)
        body = tree.body if tree.body is not None else tree.root
        return cls(
            url=url,
            base=base_url(tree, url),
            tree=tree,
            source=source,
            metas=_metas(tree),
            text=visible_text(body, max_text) if body is not None else "",
        )

    @cached_property
    def registrable_domain(self) -> str:
        """Return the registrable domain of the page's host."""
        return registrable_domain(urlsplit(self.url).hostname or "")

    def absolute(self, reference: str | None) -> str | None:
        """Return ``reference`` as a normalised http(s) URL; None for ``data:``, blank and local addresses."""
        url = normalise_url(reference, self.base) if reference and reference.strip() else None
        return None if url is None or _LOCAL.match(url) else url

    def meta(self, *names: str) -> str | None:
        """Return the first content that is not blank of the first of these meta elements that has one."""
        contents = (tidy(content, 8 * MAX_TITLE) for name in names for content in self.metas.get(name, ()))
        return next((content for content in contents if content), None)

    @property
    def refreshes(self) -> list[str]:
        """Return the contents of the meta elements that refresh the page where scripts run: none in ``noscript``."""
        nodes = self.tree.css("meta[http-equiv=refresh i][content]")[:10]
        starts = [found.start() for found in _REFRESH_META.finditer(self.source)] if nodes else []
        # A parser moves a meta element out of a drawing, so only the source shows that it was in one.
        drawn = [_is_drawn(self.source, start) for start in starts[:10]] if len(starts) == len(nodes) else [False] * 10
        return [
            node.attributes.get("content") or ""
            for node, is_drawn in zip(nodes, drawn, strict=False)
            if not is_drawn and not _inside(node, "noscript", "svg", "math", "template")
        ]

    @property
    def title(self) -> str | None:
        """Return the page's title, ignoring ``<title>`` elements of SVG images; else Open Graph's; else X's."""
        for node in self.tree.css("title")[:MAX_ELEMENTS]:
            if not _inside(node, "svg") and (title := tidy(node.text(), MAX_TITLE)):
                return title
        return tidy(self.meta("og:title", "twitter:title"), MAX_TITLE)

    @property
    def description(self) -> str | None:
        """Return the first description element's content; if it is blank, Open Graph's; else any other description.

        The last resorts are X's (``twitter:description``) and ``http-equiv=description``, which has no effect but is used.
        """
        first = self.tree.css_first("meta[name=description i]")
        texts = (
            first.attributes.get("content") if first is not None else None,
            self.meta("og:description"),
            self.meta("description", "twitter:description", "http-equiv:description"),
        )
        return next((text for each in texts if (text := tidy(each, MAX_DESCRIPTION))), None)

    @property
    def canonical(self) -> str | None:
        """Return the page's canonical URL, or None."""
        return self.absolute(next((link["href"] for link in self.elements("link[rel~=canonical i][href]")), None))

    @property
    def language(self) -> str | None:
        """Return the declared language as a BCP 47 tag (``pt-BR``), or None."""
        root = self.tree.css_first("html")
        attributes = root.attributes if root is not None else {}
        declared = (
            attributes.get("lang"),
            attributes.get("xml:lang"),
            self.meta("http-equiv:content-language"),
            self.meta("og:locale"),
        )
        return next((tag for text in declared if text and (tag := language_tag(text))), None)

    def elements(self, selector: str) -> Iterator[dict[str, str]]:
        """Return the attributes of every element that ``selector`` matches."""
        return map(attributes_of, self.tree.css(selector)[:MAX_ELEMENTS])

    @cached_property
    def links(self) -> list[str]:
        """The targets of the page's anchors, as written."""
        return [element["href"].strip() for element in self.elements("a[href], area[href]")]

    def scripts(self, selector: str) -> Iterator[str]:
        """Return the content of every inline script that ``selector`` matches."""
        return (node.text() for node in self.tree.css(selector)[:MAX_ELEMENTS])


def sample_page() -> Fetched:
    """Return a page whose reading needs every module and file that reading may need."""
    url = "https://xn--exmple-cua.com/"
    body = (
        b"<html lang=de><title>Shop</title><a href='mailto:info@example.com'>info@example.com</a> Tel. 030 1234567"
        b" post@m\xc3\xbcller-shop.de"  # needs the tables of international domain names
        b"<script type=application/ld+json>{'@type':'Store','telephone':'+49 30 1234567'}</script>"
        b"<a href=https://facebook.com/example>x</a>"
    )
    return Fetched(200, url, url, (), {"content-type": "text/html"}, body, truncated=False, wire_bytes=len(body))


def language_tag(text: str) -> str | None:
    """Return the first language tag of ``text`` in its usual case (``EN_us, fr`` → ``en-US``), or None."""
    found = _LANGUAGE.match(text.strip())
    if not found:
        return None
    parts = [part for part in re.split("[-_]", found[2]) if part]
    return "-".join([found[1].lower(), *(_cased(part) for part in parts)])


def _cased(subtag: str) -> str:
    match len(subtag):
        case 2:
            return subtag.upper()  # a region
        case 4:
            return subtag.title()  # a script
        case _:
            return subtag


def _metas(tree: LexborHTMLParser) -> dict[str, list[str]]:
    metas: dict[str, list[str]] = {}
    for node in tree.css("meta[content]")[:MAX_ELEMENTS]:
        attributes = node.attributes
        content = attributes.get("content") or ""
        equivalent = attributes.get("http-equiv")
        for name in (attributes.get("name"), attributes.get("property"), equivalent and f"http-equiv:{equivalent}"):
            if name:
                metas.setdefault(name.strip().lower(), []).append(content)
    return metas


def _is_drawn(source: str, position: int) -> bool:
    """Return whether ``position`` is in an ``svg`` or ``math`` element that is not closed before it."""
    return any(
        source.rfind(f"<{tag}", 0, position) > source.rfind(f"</{tag}", 0, position) for tag in ("svg", "math", "SVG")
    )


def _inside(node: LexborNode, *tags: str) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag in tags:
            return True
        parent = parent.parent
    return False
