"""robots.txt: any bytes are parsed to rules, and evaluating the rules is cheap."""

from collections.abc import Iterable

from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.robots import parse_robots
from scrapersky.web.urls import normalise_url
from tests.fuzz.runner import Target, hold
from tests.fuzz.seeds import robots_files

URL = "https://shop.example/robots.txt"
SETTINGS = Settings()
CHECKED_URLS = (
    "https://shop.example/",
    "https://shop.example/a/b.html?c=d&e=%2F%zz",
    "https://shop.example/" + "a/" * 200,
    "https://shop.example/" + "a" * 2_000 + "$",
    "https://shop.example/caf%C3%A9/%E2%82%AC*",
)


def check(body: bytes) -> None:
    """Parse a file; an even first byte marks it as truncated."""
    truncated, body = bool(body) and body[0] % 2 == 0, body[1:]
    rules = parse_robots(Fetched(200, URL, URL, (), Headers(), body, truncated, len(body)), SETTINGS)
    hold(
        0 <= rules.crawl_delay <= SETTINGS.web_crawl_delay_cap_seconds, "a crawl delay out of range", rules.crawl_delay
    )
    for url in rules.sitemaps:
        hold(normalise_url(url) == url, "a sitemap URL that is not normalised", url)
    for checked in CHECKED_URLS:
        hold(rules.allows(checked) in {True, False}, "the answer is not a boolean", checked)


def seeds() -> Iterable[bytes]:
    """Yield real robots.txt files."""
    for body in robots_files():
        yield b"\x01" + body


TARGET = Target(
    name="robots",
    about="robots.txt",
    check=check,
    seeds=seeds,
    words=tuple(
        b"User-agent: Disallow: Allow: Sitemap: Crawl-delay: ScraperSkyBot * *a*a*a*b $ % %2F %zz \xff \xef\xbb\xbf"
        b" \r \n \r\n # :"
        b" nan inf -1 1e999 /*/*/*/*/ https://a.example/s.xml //b.example/s.xml Request-rate: 1/0 Visit-time: 0600-0845".split()
    ),
    seconds_per_megabyte=10.0,
)
