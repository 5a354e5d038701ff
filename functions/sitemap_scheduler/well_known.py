"""Where sitemaps usually are, when nobody says where."""

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

USUAL = ("sitemap.xml", "sitemap_index.xml")
"""Tried at the root of every site, even of one whose robots.txt names a sitemap: of real sites some name only one of two.

Also beside the home page, when that lies below the root (``/shop/``, a project page of a code host).
"""

OTHER_NAMES = (
    "sitemap-index.xml",
    "sitemap.php",
    "sitemap.txt",
    "sitemap/sitemap.xml",
    "wp-sitemap.xml",
    "wp-sitemap-index.xml",
    "sitemap/index.xml",
    "sitemapindex.xml",
    "sitemap.xml.gz",
    "urllist.txt",
)
"""Where else the whole of a site may be listed."""

PARTS = (
    "wp-sitemap-posts-post-1.xml",
    "sitemap-posts-post-1.xml",
    "sitemap-pages-post-1.xml",
    "sitemap-categories-1.xml",
    "post-sitemap.xml",
    "page-sitemap.xml",
    "product-sitemap.xml",
    "category-sitemap.xml",
)
"""What an index would name, if it were there."""


def well_known_urls(home: str) -> tuple[list[str], ...]:
    """The urls to try for the site whose home page ended at the url ``home``: in rounds, each for when those before
    found nothing."""
    path = urlsplit(home).path
    folder = path.rpartition("/")[0] + "/"
    below = [urljoin(home, folder + name) for name in USUAL] if folder != "/" else []
    usual, others, parts = ([urljoin(home, f"/{name}") for name in names] for names in (USUAL, OTHER_NAMES, PARTS))
    return [*usual, *below], others, parts


def beside(index: str, children: Iterable[str]) -> list[str]:
    """Where ``children`` may be that are not where the ``index`` says: of the same names, in its own folder.

    A site that moved, or was exported from where it was made, often has an index that names them at the old place.
    """
    parts = (urlsplit(child) for child in children)
    names = (part._replace(scheme="", netloc="", path=part.path.rpartition("/")[2]).geturl() for part in parts)
    return list(dict.fromkeys(urljoin(index, name) for name in names if name))


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
