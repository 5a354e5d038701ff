"""URLs where sitemaps may be: at well-known paths, and next to sitemaps that were found."""

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from scrapersky.web.urls import MAX_URL_LENGTH, NormalUrl, normalise_url

USUAL = ("sitemap.xml", "sitemap_index.xml")
"""Tried at the root of every site, even if its robots.txt names a sitemap: some sites name only one of two.

Also tried next to a home page below the root (``/shop/``, a project page of a code host).
"""

NAMES = ("wp-sitemap.xml", "sitemap-index.xml", "sitemap.txt", "sitemap.xml.gz")
"""Other names of a sitemap of the whole site. Also tried next to a home page below the root."""

RARE_NAMES = str.split(
    "sitemap.php sitemap/sitemap.xml wp-sitemap-index.xml sitemap/index.xml sitemapindex.xml urllist.txt"
)

PARTS = str.split(
    "wp-sitemap-posts-post-1.xml sitemap-posts-post-1.xml sitemap-pages-post-1.xml sitemap-categories-1.xml"
    " post-sitemap.xml page-sitemap.xml product-sitemap.xml category-sitemap.xml"
)
"""Usual children of an index, for sites whose index is missing."""

PACKED = ("sitemap_index.xml.gz", "sitemap-index.xml.gz")
"""Names of packed indexes. They come last, so that they take no request of the budget from more usual names."""

_SITEMAP = re.compile(r"site[-_]?map|urllist(?=\.txt$)", re.IGNORECASE)
_SITEMAP_SUFFIX = re.compile(r"\.(?:xml|txt|php)(?:\.gz)?$", re.IGNORECASE)
_PART_OF_A_PLUGIN = re.compile(r"(?P<folder>.*/)(?P<kind>[a-z_-]+)-sitemap(?P<number>\d{0,4})\.xml")


def is_sitemap_name(href: str) -> bool:
    """Return whether the path of ``href``, or all of it, ends in a file name such as ``site-map_2.xml.gz``. Linear time."""
    if len(href) > MAX_URL_LENGTH:
        return False
    for text in (href, href.partition("#")[0].partition("?")[0]):
        name = text[max(text.rfind(mark) for mark in "/?#") + 1 :]
        if (found := _SITEMAP.search(name)) and _SITEMAP_SUFFIX.search(name, found.end()):
            return True
    return False


def well_known_urls(home: str) -> tuple[list[NormalUrl], ...]:
    """Return the well-known URLs of the site with the home page ``home``, in rounds.

    Each round is for sites on which the rounds before it found nothing.
    """
    folder = urlsplit(home).path.rpartition("/")[0] + "/"

    def urls(anywhere: Iterable[str], at_root: Iterable[str] = ()) -> list[NormalUrl]:
        return _normal(
            [
                *(f"/{name}" for name in anywhere),
                *(folder + name for name in anywhere),
                *(f"/{name}" for name in at_root),
            ],
            home,
        )

    return urls(USUAL), urls(NAMES, RARE_NAMES), urls((), PARTS), urls((), PACKED)


def in_folder_of(index: NormalUrl, children: Iterable[NormalUrl]) -> list[NormalUrl]:
    """Return the URLs of ``children`` moved into the folder of their ``index``.

    The index of a site that moved, or was exported from a staging host, often lists its children at the old place.
    """
    parts = (urlsplit(child) for child in children)
    names = (part._replace(scheme="", netloc="", path=part.path.rpartition("/")[2]).geturl() for part in parts)
    return _normal((urljoin(index, name) for name in names if name), index)


def next_parts(found: Iterable[NormalUrl]) -> list[NormalUrl]:
    """Return the URLs that may follow the sitemaps ``found``, for names in the style of WordPress plugins.

    Plugins number the parts of a long list (``post-sitemap.xml``, ``post-sitemap2.xml``; some start with
    ``post-sitemap1.xml``). The index that lists all parts can be missing.
    """
    following: list[NormalUrl] = []
    for url in found:
        if part := _PART_OF_A_PLUGIN.fullmatch(url):
            folder, kind, number = part["folder"], part["kind"], int(part["number"] or 1)
            names = (f"{kind}-sitemap{number + 1}.xml", "post-sitemap1.xml")
            following += [NormalUrl(folder + name) for name in names]
    return list(dict.fromkeys(following))


def _normal(references: Iterable[str], base: str) -> list[NormalUrl]:
    """Return the http(s) URLs among ``references``, each once."""
    return list(dict.fromkeys(url for each in references if (url := normalise_url(each, base))))
