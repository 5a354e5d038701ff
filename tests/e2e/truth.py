"""The pages that must be found, computed from the corpus' files alone, without the project's own readers."""

import gzip
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapersky.web.urls import normalise_url

WELL_KNOWN = """
/sitemap.xml /sitemap_index.xml /sitemap-index.xml /sitemap.php /sitemap.txt /sitemap/sitemap.xml /wp-sitemap.xml
/wp-sitemap-index.xml /wp-sitemap-posts-post-1.xml /sitemap-posts-post-1.xml /sitemap-pages-post-1.xml
/sitemap-categories-1.xml /sitemap/index.xml /post-sitemap.xml /page-sitemap.xml /product-sitemap.xml
/category-sitemap.xml /sitemapindex.xml /sitemap.xml.gz
"""
"""At the root of the host."""

WELL_KNOWN_BELOW = ("sitemap.xml", "sitemap_index.xml")
"""Next to the home page of a site that is below the root of its host."""

HREF = re.compile(rb"""<(?:a|link)\b[^>]*?\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)

LOC = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]*?)\s*(?:\]\]>|%5D%5D%3E)?\s*</loc>")
"""The URLs of broken XML, as the corpus' own ``n_loc_regex`` counts them."""


@dataclass(frozen=True)
class SiteTruth:
    """One site of the corpus: the page URLs of the sitemaps that discovery can reach, and of all its sitemaps.

    ``unreached`` are the sitemaps that no file names, by their path in the corpus.
    """

    domain: str
    reachable: frozenset[str]
    listed: frozenset[str]
    unreached: tuple[str, ...]


def read(corpus: Path) -> Iterator[SiteTruth]:
    """Yield every site of the corpus in the folder ``corpus``."""
    lines = (json.loads(line) for line in (corpus / "sites.jsonl").read_text(encoding="utf-8").splitlines())
    truths = (json.loads(line) for line in (corpus / "truth.jsonl").read_text(encoding="utf-8").splitlines())
    for site, truth in zip(lines, truths, strict=True):
        assert site["domain"] == truth["domain"]
        yield _site(corpus, site, truth)


def _site(corpus: Path, site: dict[str, Any], truth: dict[str, Any]) -> SiteTruth:
    domain, base = site["domain"], site["base_path"]
    with gzip.open(corpus / "truth_locs" / f"{domain}.jsonl.gz", "rt", encoding="utf-8") as file:
        locs = {entry["path"]: entry["locs"] for entry in map(json.loads, file)}
    home = f"https://{domain}{base}/"
    for sitemap in truth["sitemaps"]:
        if sitemap["n_loc_regex"] and not sitemap["strict_ok"] and not sitemap["gz"]:
            raw = (corpus / "sites" / site["dir"] / sitemap["path"]).read_bytes()
            locs[sitemap["path"]] = [html.unescape(loc.decode(errors="replace")) for loc in LOC.findall(raw)]
    kinds = {sitemap["path"]: sitemap["kind"] for sitemap in truth["sitemaps"]}
    at = {_key(urljoin(home, path)): path for path in locs}

    # robots.txt counts only at the root of the host, where a crawler requests it.
    named = truth["robots"]["protego_sitemaps"] if truth["robots"] and not base else []
    linked = HREF.findall((corpus / "sites" / site["dir"] / "index.html").read_bytes())
    urls = [
        *named,
        *(urljoin(home, path) for path in WELL_KNOWN.split()),
        *(urljoin(home, name) for name in WELL_KNOWN_BELOW),
        *(urljoin(home, link.decode(errors="replace")) for link in linked if b"sitemap" in link.lower()),
    ]
    reached: set[str] = set()
    while urls:
        path = at.get(_key(urls.pop()))
        if path is not None and path not in reached:
            reached.add(path)
            if kinds.get(path) == "index":
                urls += [urljoin(urljoin(home, path), loc) for loc in locs[path]]
    pages = {path: _pages(urljoin(home, path), found) for path, found in locs.items() if kinds.get(path) != "index"}
    return SiteTruth(
        domain=domain,
        reachable=frozenset().union(*(pages[path] for path in pages if path in reached)),
        listed=frozenset().union(*pages.values()),
        unreached=tuple(sorted(locs.keys() - reached)),
    )


def _pages(sitemap: str, locs: list[str]) -> frozenset[str]:
    return frozenset(url for loc in locs if (url := normalise_url(loc, base=sitemap)))


def _key(url: str) -> str:
    """Return the same key for a file, whether named with http or https, with www. or without."""
    parts = urlsplit(url)
    return f"{(parts.hostname or '').removeprefix('www.')}{parts.path}?{parts.query}"
