"""Where sitemaps usually are, when nobody says where."""

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
)
"""Tried at the root of every site."""

NAMES_BELOW = ("sitemap.xml", "sitemap_index.xml", "sitemap.txt", "wp-sitemap.xml")
"""Tried beside the home page, when that lies below the root (``/shop/``, a project page of a code host)."""


def well_known_urls(home: str) -> list[str]:
    """The urls to try for the site whose home page ended at the url ``home``."""
    path = urlsplit(home).path
    folder = path.rpartition("/")[0] + "/"
    below = [urljoin(home, folder + name) for name in NAMES_BELOW] if folder != "/" else []
    return [*(urljoin(home, path) for path in PATHS), *below]
