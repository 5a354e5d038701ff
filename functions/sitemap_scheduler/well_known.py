"""Where sitemaps usually are, when nobody says where."""

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

PATHS = (
    "/sitemap.xml",
    "/sitemap_index.xml",
    "/sitemap-index.xml",
    "/sitemap.php",
    "/sitemap.txt",
    "/sitemap/sitemap.xml",
    "/wp-sitemap.xml",
    "/wp-sitemap-index.xml",
    "/wp-sitemap-posts-post-1.xml",
    "/sitemap-posts-post-1.xml",
    "/sitemap-pages-post-1.xml",
    "/sitemap-categories-1.xml",
    "/sitemap/index.xml",
    "/post-sitemap.xml",
    "/page-sitemap.xml",
    "/product-sitemap.xml",
    "/category-sitemap.xml",
    "/sitemapindex.xml",
    "/sitemap.xml.gz",
    "/urllist.txt",
)
"""Tried at the root of every site."""

NAMES_BELOW = ("sitemap.xml", "sitemap_index.xml")
"""Tried beside the home page, when that lies below the root (``/shop/``, a project page of a code host)."""


def well_known_urls(home: str) -> list[str]:
    """The urls to try for the site whose home page ended at the url ``home``."""
    path = urlsplit(home).path
    folder = path.rpartition("/")[0] + "/"
    below = [urljoin(home, folder + name) for name in NAMES_BELOW] if folder != "/" else []
    return [*(urljoin(home, path) for path in PATHS), *below]


_OF_A_PLUGIN = re.compile(r"(?P<folder>.*/)(?P<kind>[a-z_-]+)-sitemap(?P<number>\d{0,4})\.xml")


def siblings_of(found: Iterable[str]) -> list[str]:
    """What else there may be where ``found`` sitemaps are named as WordPress's plugins name theirs.

    They number the parts of a long list (``post-sitemap.xml``, ``post-sitemap2.xml``; some start with ``post-sitemap1.xml``),
    and an index that names them all may be missing, or generated and not served.
    """
    siblings = []
    for url in found:
        if named := _OF_A_PLUGIN.fullmatch(url):
            folder, kind, number = named["folder"], named["kind"], int(named["number"] or 1)
            siblings += [f"{folder}{kind}-sitemap{number + 1}.xml", f"{folder}post-sitemap1.xml"]
    return list(dict.fromkeys(siblings))
