"""RFC 9309, clause by clause, where it says what a crawler must do."""

import pytest
from pydantic import ValidationError

from scrapersky.settings import Settings
from scrapersky.web.client import Fetched
from scrapersky.web.response import Headers
from scrapersky.web.robots import Robots, parse_robots

ORIGIN = "https://shop.example"
US = "User-agent: ScraperSkyBot\n"


def rules(text: str) -> Robots:
    """The rules in a robots.txt of this text."""
    url, body = f"{ORIGIN}/robots.txt", text.encode()
    return parse_robots(Fetched(200, url, url, (), Headers(), body, False, len(body)), Settings())


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        # §2.2.1: groups
        ("", "/x", True),
        ("User-agent: Other\nDisallow: /\n", "/x", True),
        (US + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + US + "Disallow: /c\n", "/a", False),
        (US + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + US + "Disallow: /c\n", "/c", False),
        (US + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + US + "Disallow: /c\n", "/b", True),
        ("User-agent: *\nDisallow: /a\nUser-agent: Other\nDisallow: /b\nUser-agent: *\nDisallow: /c\n", "/c", False),
        ("User-agent: Other\n" + US + "Disallow: /\n", "/x", False),
        ("Disallow: /\n" + US + "Disallow: /a\n", "/x", True),
        (US + "\nUser-agent: *\nDisallow: /\n", "/x", False),
        # §2.2.2: which rule
        (US + "Disallow:\n", "/x", True),
        (US + "Disallow: /\nAllow: /shop/\n", "/shop/a", True),
        (US + "Allow: /shop/\nDisallow: /\n", "/shop/a", True),
        (US + "Allow: /shop\nDisallow: /shop/private\n", "/shop/private/a", False),
        (US + "Allow: /page\nDisallow: /*.html\n", "/page.html", False),
        (US + "Disallow: /page\nAllow: /page\n", "/page", True),
        (US + "Disallow: /Private\n", "/private", True),
        (US + "Disallow: /x\n", "/robots.txt", True),
        # §2.2.2: octets
        (US + "Disallow: /caf%C3%A9\n", "/café", False),
        (US + "Disallow: /café\n", "/caf%C3%A9", False),
        (US + "Disallow: /caf%c3%a9\n", "/caf%C3%A9", False),
        (US + "Disallow: /a%62c\n", "/abc", False),
        (US + "Disallow: /abc\n", "/a%62c", False),
        (US + "Disallow: /a%2Fb\n", "/a/b", True),
        (US + "Disallow: /?id=1\n", "/?id=1&x=2", False),
        # §2.2.3: special characters
        (US + "Disallow: /a # all of it\n", "/a", False),
        (US + "Disallow: /*.php$\n", "/index.php", False),
        (US + "Disallow: /*.php$\n", "/index.php?x=1", True),
        (US + "Disallow: /fish*.php\n", "/fish/and/chips.php?x", False),
        (US + "Disallow: /fish*.php\n", "/Fish.php", True),
        (US + "Disallow: *\n", "/x", False),
        (US + "Disallow: /path%2A\n", "/path*", False),
        # §2.2.4: other records
        (US + "Sitemap: /s.xml\nCrawl-delay: 1\nNoise: x\nDisallow: /a\n", "/a", False),
        (US + "Sitemap: /s.xml\nUser-agent: Other\nDisallow: /a\n", "/a", False),
    ],
)
def test_what_the_rules_allow(text: str, path: str, allowed: bool) -> None:
    assert rules(text).allows(f"{ORIGIN}{path}") is allowed


@pytest.mark.parametrize(("seconds", "admitted"), [(86_400, True), (86_401, False)])
def test_no_robots_txt_is_kept_for_more_than_a_day(seconds: float, admitted: bool) -> None:  # §2.4
    if admitted:
        assert Settings(web_robots_cache_seconds=seconds).web_robots_cache_seconds == seconds
    else:
        with pytest.raises(ValidationError):
            Settings(web_robots_cache_seconds=seconds)


def test_five_hundred_kibibytes_are_read_at_least() -> None:  # §2.5
    assert Settings().web_robots_max_bytes >= 500 * 1_024
    with pytest.raises(ValidationError):
        Settings(web_robots_max_bytes=500 * 1_024 - 1)
    text = US + "# filler\n" * 56_000
    assert len(text) + len("Disallow: /last\n") < 512_000
    assert not rules(text + "Disallow: /last\n").allows(f"{ORIGIN}/last")
