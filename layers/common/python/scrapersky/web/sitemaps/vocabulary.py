"""What an element's name means in a sitemap, an RSS feed or an Atom feed."""

from typing import Final

from scrapersky.web.sitemaps.kind import Kind

# Tags are plain integers because they are compared for every element of files with millions of them.
LOC: Final = 1
LASTMOD: Final = 2
CHANGEFREQ: Final = 3
PRIORITY: Final = 4
GUID: Final = 5  #: RSS: the link of an item without one, when it is a url
PUBLISHED: Final = 6  #: the date of an entry that names none of its change
LAST_FIELD: Final = PUBLISHED  #: up to here an element's text is kept
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
_ATOM = {"entry": ENTRY, "link": LINK, "updated": LASTMOD, "modified": LASTMOD, "published": PUBLISHED}
_OWN = {Kind.URLSET: _SITEMAP, Kind.INDEX: _SITEMAP, Kind.RSS: _RSS, Kind.ATOM: _ATOM}
_EXTENSIONS = {"image": IMAGE, "video": VIDEO, "news": NEWS, "link": LINK}


def tag_of(name: str, kind: Kind, prefix: str) -> int:
    """What the element ``name`` is in a document of ``kind`` whose root has ``prefix`` (often none).

    Prefixes are compared as written and need not be declared: broken sitemaps often forget to. ``image:loc`` is
    thereby not ``loc``.
    """
    own, colon, local = name.lower().rpartition(":")
    if not colon or own == prefix:
        tag = _OWN[kind].get(local)
        if tag is not None:
            return tag
    if kind in (Kind.URLSET, Kind.INDEX):
        return _EXTENSIONS.get(local, OTHER)
    return PUBLISHED if (own, local) == ("dc", "date") else OTHER


def entry_names(kind: Kind) -> str:
    """The names of the elements that are entries, as alternatives of a regular expression."""
    return "|".join(name for name, tag in _OWN[kind].items() if tag == ENTRY)
