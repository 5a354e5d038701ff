"""Seeds of the fuzz targets: the corpus of real websites if it is present, and a few small inputs."""

import gzip
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
SHIPPED = ROOT / "scripts" / "commands" / "run" / "sites"
MAX_SEED_BYTES = 40_000
"""Longer seeds are cut: mutations of short inputs reach more code in the same time."""


def sitemaps() -> Iterator[bytes]:
    """Yield sitemaps of every format."""
    yield from _small_sitemaps()
    yield from _files("*.xml", "*.gz", "*.txt", "*.rss", "*.atom")


def robots_files() -> Iterator[bytes]:
    """Yield robots.txt files."""
    yield b"User-agent: *\nDisallow: /a*b$\nAllow: /a/\nCrawl-delay: 3\nSitemap: /sitemap.xml\n"
    yield b"User-agent: ScraperSkyBot\nUser-agent: Other\nDisallow: /\n\nUser-agent: *\nDisallow:\n"
    yield from _files("robots.txt")


def pages() -> Iterator[bytes]:
    """Yield home pages."""
    yield _PAGE
    yield from _files("*.html")


def _files(*patterns: str) -> Iterator[bytes]:
    for folder in (SHIPPED, CORPUS):
        for pattern in patterns:
            for path in sorted(folder.rglob(pattern)):
                if path.is_file() and "truth_locs" not in path.parts:
                    yield path.read_bytes()[:MAX_SEED_BYTES]


def _small_sitemaps() -> Iterator[bytes]:
    url = "<url><loc>https://example.com/{0}?a=1&amp;b=2</loc><lastmod>2024-05-0{1}</lastmod><priority>0.5</priority></url>"
    urls = "".join(url.format(n, n + 1) for n in range(3))
    body = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns:image="x">{urls}</urlset>'
    yield body.encode()
    yield body.replace("UTF-8", "UTF-16").encode("utf-16")
    yield gzip.compress(gzip.compress(body.encode()))
    yield b"<sitemapindex><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>"
    yield b"https://example.com/a\nhttps://example.com/b\n"
    yield b"<rss><channel><item><link>/a</link><pubDate>Mon, 06 May 2024 07:08:09 GMT</pubDate></item></channel></rss>"
    yield b"<feed><entry><link rel='alternate' href='/a'/><updated>2024-05-06T07:08:09Z</updated></entry></feed>"
    yield b"<br /><b>Notice</b>: x\n<?xml version='1.0'?><urlset><url><loc><![CDATA[https://example.com/]]></loc></url>"


_PAGE = b"""<!doctype html><html lang="de-AT"><head><meta charset="utf-8"><title>Shop</title>
<meta name="description" content="Brot &amp; Kuchen"><meta property="og:image" content="/l.png"><base href="/x/">
<meta name="generator" content="WordPress 6.4.2"><link rel="icon" href="data:,x"><link rel="icon" href="f.ico">
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":["Bakery"],"name":"Shop","telephone":
"+43 1 58858","address":{"addressCountry":"AT","streetAddress":"Ring 1"},"openingHours":"Mo-Fr 08:00-18:00","sameAs":
["https://www.facebook.com/shop"]}]}</script></head><body><a href="mailto:info%40shop-example.at?cc=x@shop-example.at">a</a>
<a href="tel:+43 (1) 588 58-0">b</a><span data-cfemail="543931143c3d263f3d7a373b39">c</span>
Tel. 01 / 588 58, info@shop-example.at
<svg><title>no</title><a xlink:href="https://x.com/shop"><path/></a></svg><img class="logo" src="l.png"></body></html>"""
