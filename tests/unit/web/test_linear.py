"""Every reader takes linear time, also for hostile input.

Measures processor time, the minimum of several runs, so that a busy machine does not matter. For four times the input a
quadratic reader takes sixteen times as long; eight times is the limit.
"""

import contextlib
import time
from collections.abc import Callable

import pytest

from domain_scheduler.tech_stack import read_tech_stack
from scrapersky.extraction.emails import emails_in
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.page import HtmlPage
from scrapersky.extraction.phones import numbers_in
from scrapersky.settings import Settings
from scrapersky.web.charset import decode
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.robots import parse_robots
from scrapersky.web.sitemaps import Limits, SitemapReader
from scrapersky.web.urls import normalise_url
from sitemap_scheduler.candidates import is_sitemap_name

SIZE = 100_000
"""Characters of the smallest input."""

MAX_RATIO = 8.0
TRIES = 12
"""Measurements before a case fails: a quadratic reader is slow in all of them, noise is not."""

Work = Callable[[str], object]


def read_sitemap(text: str) -> None:
    reader = SitemapReader("https://example.com/s.xml", Limits(urls=10**9))
    for at in range(0, len(text), 8_192):
        for _ in reader.feed(text[at : at + 8_192].encode()):
            pass
    for _ in reader.close():
        pass


def read_robots(text: str) -> None:
    body = text.encode()
    url = "https://example.com/robots.txt"
    rules = parse_robots(Fetched(200, url, url, (), Headers(), body, False, len(body)), Settings())
    rules.allows("https://example.com/" + "a" * 500)


def read_page(text: str) -> None:
    page = HtmlPage.parse(text, "https://example.com/", 500_000)
    read_tech_stack(page, {})
    assert page.title != ""


def host_of(text: str) -> None:
    with contextlib.suppress(HostError):
        normalise_host(text)


CASES: dict[str, tuple[Work, str]] = {
    "sitemap names": (is_sitemap_name, "…sitemap"),
    "sitemap of entries": (read_sitemap, "<urlset>…<url><loc>https://example.com/a</loc></url>"),
    "sitemap of open sections": (read_sitemap, "<urlset>…<url><loc><![CDATA[a"),
    "sitemap of wrong ends": (read_sitemap, "<urlset>…<url><loc>a</lastmod>"),
    "sitemap of locs in the root": (read_sitemap, "<urlset>…<loc>/a</loc>"),
    "sitemap of brackets in a section": (read_sitemap, "<urlset><url><loc><![CDATA[…]]"),
    "sitemap of ends in a section": (read_sitemap, "<urlset><url><x><![CDATA[…</lo"),
    "sitemap of ampersands": (read_sitemap, "<urlset><url><loc>…&amp;"),
    "text of columns": (read_sitemap, "https://example.com/\n…https://example.com/a\t"),
    "text of blanks": (read_sitemap, "https://example.com/\nhttps://example.com/…  ,"),
    "robots of rules": (read_robots, "User-agent: *\n…Disallow: /a\n"),
    "robots of wildcards": (read_robots, "User-agent: *\nDisallow: /…*a"),
    "robots of agents": (read_robots, "…User-agent: a\nDisallow: /\n"),
    "robots of one line": (read_robots, "User-agent…:"),
    "page of words": (read_page, "<title>x</title><p>…word \n"),
    "page of blocks": (read_page, "<title>x</title>…<p>x</p>"),
    "page of blanks": (read_page, "<title>x</title><p>… \n\u00a0"),
    "page of classes": (read_page, "<title>x</title>…<p class='wp-content elementor'>"),
    "page of scripts": (read_page, "<title>x</title>…<script src=/wp-includes/jquery-1.2.></script>"),
    "JSON-LD of brackets": (lambda text: Graph.parse([text]).nodes, "…[{"),
    "JSON-LD of commas": (lambda text: Graph.parse([text]).nodes, "[…1, "),
    "e-mails": (lambda text: list(emails_in(text)), "…a@b.c "),
    "obfuscated e-mails": (lambda text: list(emails_in(text)), "…a (at) b (dot) "),
    "obfuscated e-mails in capitals": (lambda text: list(emails_in(text)), "…a AT b DOT "),
    "phones": (lambda text: list(numbers_in(text, ["DE"])), "…030 123-45 "),
    "charset": (lambda text: decode(text.encode()), "<!--…<meta charset="),
    "url": (normalise_url, "https://example.com/…a/../"),
    "host": (host_of, "https://…a."),
}


def cost(work: Work, text: str) -> float:
    """Return the processor time of ``work`` in seconds."""
    began = time.process_time()
    work(text)
    return time.process_time() - began


def of_size(pattern: str, size: int) -> str:
    """Return ``pattern`` with the part after its ``…`` repeated up to ``size`` characters."""
    head, _, piece = pattern.partition("…")
    return head + piece * (size // len(piece))


@pytest.mark.parametrize("name", CASES)
def test_the_time_grows_linearly_with_the_input(name: str) -> None:
    work, pattern = CASES[name]
    texts = [of_size(pattern, times * SIZE) for times in (1, 2, 4)]
    least = [min(cost(work, text) for _ in range(2)) for text in texts]
    for _ in range(TRIES):
        if least[2] <= MAX_RATIO * least[0] + 0.02 and least[1] <= MAX_RATIO / 2 * least[0] + 0.02:
            return
        least = [min(known, cost(work, text)) for known, text in zip(least, texts, strict=True)]
    raise AssertionError(f"1, 2 and 4 times {SIZE} characters cost {least} seconds")
