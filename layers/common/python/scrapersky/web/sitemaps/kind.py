"""What a sitemap can be, by its content."""

from enum import StrEnum


class Kind(StrEnum):
    """The format of a sitemap, told by its root element or, for text, by its first line."""

    URLSET = "urlset"  #: sitemaps.org: urls of pages
    INDEX = "index"  #: sitemaps.org: urls of other sitemaps
    TEXT = "text"  #: one url a line
    RSS = "rss"  #: RSS 0.9x, 1.0 (RDF) and 2.0: each item's link
    ATOM = "atom"  #: each entry's link
