"""What the modules of the sitemap reader share: kinds of sitemaps, their entries, limits, and the refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from scrapersky.errors import Permanent
from scrapersky.web.urls import NormalUrl


class Kind(StrEnum):
    """The format of a sitemap, by its root element or, for text, by its first line."""

    URLSET = "urlset"  #: sitemaps.org: URLs of pages
    INDEX = "index"  #: sitemaps.org: URLs of other sitemaps
    TEXT = "text"  #: one URL per line
    RSS = "rss"  #: RSS 0.9x, 1.0 (RDF) and 2.0: the link of each item
    ATOM = "atom"  #: the link of each entry


class Entry(NamedTuple):
    """One entry of a sitemap: a page, or a child sitemap. Absent fields are None or 0.

    ``last_modified`` is time zone aware. ``images``, ``videos`` and ``news`` count extension elements. ``alternates``
    maps hreflang to a URL.
    """

    url: NormalUrl
    last_modified: datetime | None = None
    changefreq: str | None = None
    priority: float | None = None
    images: int = 0
    videos: int = 0
    news: int = 0
    alternates: Mapping[str, NormalUrl] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one sitemap. The defaults are those of sitemaps.org, or far above what a valid sitemap needs.

    Reading stops (``capped``) at ``urls`` or ``decoded_bytes``, and where XML needs more than ``repairs`` repaired
    characters or breaks more often than ``urls`` times. An element nested deeper than ``depth`` or a tag longer than
    ``tag_bytes`` counts as broken XML: reading continues at the next entry.
    """

    urls: int = 50_000
    decoded_bytes: int = 52_428_800
    repairs: int = 2_000_000
    depth: int = 64
    tag_bytes: int = 262_144
    field_characters: int = 4_096
    alternates: int = 250


class SitemapRefused(Permanent):
    """The body is not a sitemap; entries that were read from it before must be discarded.

    Codes: ``empty`` (only whitespace), ``not_xml`` (HTML, or neither XML nor a list of URLs), ``not_a_sitemap`` (XML
    with another root element, or with entity declarations).
    """
