"""robots.txt: the rules of RFC 9309, the files that sites really have, and the cache."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pydantic import ValidationError

from scrapersky.errors import FetchError, FetchFailed
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.robots import Robots, RobotsCache, parse_robots

ORIGIN = "https://shop.example"
OURS = "User-agent: ScraperSkyBot\n"
Read = Callable[[str], Coroutine[Any, Any, Robots]]


def page(body: bytes, status: int = 200, truncated: bool = False, retry_after: float | None = None) -> Fetched:
    url = f"{ORIGIN}/robots.txt"
    return Fetched(status, url, url, (), Headers(), body, truncated, len(body), retry_after)


def rules(text: str | bytes, *, truncated: bool = False, **settings: object) -> Robots:
    body = text.encode() if isinstance(text, str) else text
    return parse_robots(page(body, truncated=truncated), Settings.model_validate(settings))


def reading(*answers: Fetched | FetchError, seconds: float = 3_600) -> tuple[Read, list[str]]:
    """Return a function that reads the rules of a URL's origin through a cache, and the URLs that it fetches."""
    fetched: list[str] = []
    left = list(answers)

    async def fetch(url: str) -> Fetched:
        fetched.append(url)
        answer = left.pop(0)
        if isinstance(answer, FetchError):
            raise answer
        return answer

    cache = RobotsCache(Settings(web_robots_cache_seconds=seconds))
    return lambda url: cache.of(url, fetch), fetched


def test_the_longest_match_decides_and_allow_wins_a_tie() -> None:
    robots = rules("User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /tie\nAllow: /tie\n")
    assert not robots.allows(f"{ORIGIN}/a/c")
    assert robots.allows(f"{ORIGIN}/a/b/c")
    assert robots.allows(f"{ORIGIN}/tie")
    assert robots.allows(f"{ORIGIN}/")


@pytest.mark.parametrize(
    ("agent", "is_ours"),
    [
        ("ScraperSkyBot", True),
        ("scraperskybot", True),
        ("ScraperSkyBot/1.0", True),
        ("ScraperSkyBot # comment", True),
        ("*", True),
        ("Scraper", False),
        ("ScraperSkyBot-News", False),
        ("Googlebot", False),
        ("", False),
        ("* # all", True),
        ("*Name*", False),
        ("*Bot", False),
        ("**", False),
        ("ScraperSkyBot*", True),
    ],
)
def test_a_group_applies_if_it_names_our_whole_product_token_or_all_agents(agent: str, is_ours: bool) -> None:
    assert rules(f"User-agent: {agent}\nDisallow: /\n").allows(f"{ORIGIN}/x") is not is_ours


def test_our_own_group_replaces_the_group_for_all_agents() -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: Other\nUser-agent: ScraperSkyBot\nDisallow: /private\n"
    assert rules(text).allows(f"{ORIGIN}/x")
    assert not rules(text).allows(f"{ORIGIN}/private/x")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffUser-agent: *\nDisallow: /",
        "User-agent: *\rDisallow: /\r",
        "user-agent:*\r\ndisallow:/\r\n",
        "USERAGENT *\nDISALLOW /",
        "User agent: *\nDisallow: /",
        "# hello\n\nUser-agent: * # all\nDisallow: / # everything\n",
    ],
)
def test_rules_with_syntax_errors_are_obeyed(text: str) -> None:
    assert not rules(text).allows(f"{ORIGIN}/x")


def test_sitemaps_are_absolute_unique_and_in_file_order() -> None:
    robots = rules(
        "SITEMAP: https://cdn.example/s.xml\nUser-agent: *\nSitemap: /a.xml\nsitemap:https://cdn.example/s.xml\n"
        "# Sitemap: /comment.xml\nSitemap: ftp://x/\nSitemap:\nSitemap: b.xml # main\nSitemap: http://u@h/\n"
    )
    assert robots.sitemaps == ("https://cdn.example/s.xml", f"{ORIGIN}/a.xml", f"{ORIGIN}/b.xml")


@pytest.mark.parametrize(
    ("line", "urls"),
    [
        ('"https://shop.example/s.xml"', ["https://shop.example/s.xml"]),
        ("<https://shop.example/s.xml>", ["https://shop.example/s.xml"]),
        ("shop.example/s.xml", ["https://shop.example/s.xml"]),
        ("www.shop.example/s.xml", ["https://www.shop.example/s.xml"]),
        (
            "https://shop.example/a.xml https://shop.example/b.xml",
            ["https://shop.example/a.xml", "https://shop.example/b.xml"],
        ),
        (
            "https://shop.example/a.xml, https://x.example/b.xml",
            ["https://shop.example/a.xml", "https://x.example/b.xml"],
        ),
        ("s.xml", ["https://shop.example/s.xml"]),
        (
            "https://shop.example/a.xmlSitemap: https://shop.example/b.xml",
            ["https://shop.example/a.xml", "https://shop.example/b.xml"],
        ),
        (
            r"https://shop.example/a.xml\nSitemap: https://shop.example/b.xml",
            ["https://shop.example/a.xml", "https://shop.example/b.xml"],
        ),
        ("= https://shop.example/s.xml", ["https://shop.example/s.xml"]),
        ("https://shop.example/sitemap:1.xml", ["https://shop.example/sitemap:1.xml"]),
        ('""', []),
    ],
)
def test_a_sitemap_line_with_several_or_quoted_urls_is_read(line: str, urls: list[str]) -> None:
    assert list(rules(f"User-agent: *\nSitemap: {line}\n").sitemaps) == urls


def test_a_utf_16_file_is_read() -> None:
    robots = rules("User-agent: *\nDisallow: /a\nSitemap: /s.xml".encode("utf-16"))
    assert robots.sitemaps == (f"{ORIGIN}/s.xml",)
    assert not robots.allows(f"{ORIGIN}/a")


def test_a_sitemap_line_with_invalid_bytes_is_skipped() -> None:
    assert rules(b"Sitemap: /\xff.xml\nSitemap: /ok.xml\n").sitemaps == (f"{ORIGIN}/ok.xml",)


@pytest.mark.parametrize("text", ["<!doctype html><html><body>Not found</body></html>", "", "\0\0\0", "x" * 1_000_000])
def test_text_that_is_not_a_robots_file_has_no_rules(text: str) -> None:
    robots = rules(text)
    assert robots.allows(f"{ORIGIN}/x")
    assert robots.sitemaps == ()


def test_the_last_line_of_a_truncated_file_is_ignored() -> None:
    text = "User-agent: *\nDisallow: /private\nDisallow: /"
    assert rules(text, truncated=True).allows(f"{ORIGIN}/x")
    assert not rules(text, truncated=True).allows(f"{ORIGIN}/private")


@pytest.mark.parametrize(
    ("delay", "seconds"), [("2", 2.0), ("0.5", 0.5), ("9999", 5.0), ("inf", 0.0), ("-1", 0.0), ("x", 0.0)]
)
def test_a_crawl_delay_is_honoured_up_to_the_limit(delay: str, seconds: float) -> None:
    assert rules(f"User-agent: *\nCrawl-delay: {delay}\n", web_crawl_delay_cap_seconds=5).crawl_delay == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (OURS + "Crawl-delay: 2\nUser-agent: Other\nDisallow: /a\n", 2.0),
        ("User-agent: Other\nCrawl-delay: 2\n" + OURS + "Disallow: /a\n", 0.0),
        (OURS + "User-agent: Other\nDisallow: /a\nCrawl-delay: 2\n", 2.0),
    ],
)
def test_a_crawl_delay_holds_for_the_agents_before_it(text: str, seconds: float) -> None:
    assert rules(text).crawl_delay == seconds


@pytest.mark.parametrize("token", ["", "Bot/1.0", "Bot 2", "Böt", "Bot*"])
def test_a_product_token_that_no_robots_txt_can_name_is_refused(token: str) -> None:
    with pytest.raises(ValidationError):
        Settings(web_user_agent_token=token)


def test_a_file_of_ten_thousand_agents_and_as_many_rules_is_read_in_linear_time() -> None:
    text = "".join(f"User-agent: bot{number}\n" for number in range(10_000)) + "Disallow: /*a*b\n" * 15_000
    start = time.process_time()
    assert rules(text + "User-agent: *\nDisallow: /x\n").allows(f"{ORIGIN}/y")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 300])
def test_a_missing_robots_txt_allows_all(status: int) -> None:
    read, _ = reading(page(b"User-agent: *\nDisallow: /", status))
    robots = asyncio.run(read(f"{ORIGIN}/x"))
    assert robots.status == status
    assert robots.allows(f"{ORIGIN}/x")


@pytest.mark.parametrize("status", [429, 500, 503, 599, 999])
def test_a_server_error_for_robots_txt_blocks_the_site_for_now(status: int) -> None:
    read, _ = reading(page(b"", status, retry_after=60.0))
    with pytest.raises(FetchError) as caught:
        asyncio.run(read(f"{ORIGIN}/x"))
    assert (caught.value.code, caught.value.retry_after) == ("robots_unreachable", 60.0)


@pytest.mark.parametrize("code", ["timeout", "reset", "bad_response"])
def test_a_failed_request_for_robots_txt_blocks_the_site_for_now(code: str) -> None:
    read, _ = reading(FetchFailed(code, "why"))
    with pytest.raises(FetchError, match=r"robots_unreachable: .*why"):
        asyncio.run(read(f"{ORIGIN}/x"))


@pytest.mark.parametrize("code", ["dns", "connect", "tls", "blocked_address", "host_busy", "host_cooldown"])
def test_a_failure_of_the_whole_site_is_reported_with_its_own_code(code: str) -> None:
    read, _ = reading(FetchFailed(code, "why"))
    with pytest.raises(FetchError, match=f"{code}: why"):
        asyncio.run(read(f"{ORIGIN}/x"))


@pytest.mark.parametrize("code", ["too_many_redirects", "bad_redirect"])
def test_a_robots_txt_whose_redirects_lead_nowhere_counts_as_missing(code: str) -> None:
    read, _ = reading(FetchFailed(code, "why"))
    assert asyncio.run(read(f"{ORIGIN}/x")).allows(f"{ORIGIN}/x")


def test_concurrent_readers_of_one_origin_share_one_request() -> None:
    read, fetched = reading(page(b""), page(b""), page(b""))

    async def go() -> None:
        urls = [f"{ORIGIN}/1", f"{ORIGIN}/2", "http://shop.example/", "https://shop.example:8443/", f"{ORIGIN}/3"]
        await asyncio.gather(*(read(url) for url in urls))

    asyncio.run(go())
    origins = [ORIGIN, "http://shop.example", "https://shop.example:8443"]
    assert fetched == [f"{origin}/robots.txt" for origin in origins]


def test_rules_are_fetched_again_after_the_cache_time() -> None:
    read, fetched = reading(page(b"User-agent: *\nDisallow: /"), page(b""), seconds=0)

    async def go() -> list[bool]:
        return [(await read(ORIGIN)).allows(f"{ORIGIN}/x") for _ in range(2)]

    assert asyncio.run(go()) == [False, True]
    assert len(fetched) == 2


def test_a_failure_is_not_cached() -> None:
    read, fetched = reading(FetchFailed("timeout", "why"), page(b""))

    async def go() -> int | None:
        with pytest.raises(FetchError):
            await read(ORIGIN)
        return (await read(ORIGIN)).status

    assert asyncio.run(go()) == 200
    assert len(fetched) == 2


def test_cancelling_one_reader_does_not_cancel_the_others() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def fetch(url: str) -> Fetched:
        started.set()
        await release.wait()
        return page(b"")

    async def go() -> int | None:
        cache = RobotsCache(Settings())
        first, second = (asyncio.create_task(cache.of(ORIGIN, fetch)) for _ in range(2))
        await started.wait()
        first.cancel()
        release.set()
        return (await second).status

    assert asyncio.run(go()) == 200


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        # §2.2.1: groups
        ("", "/x", True),
        ("User-agent: Other\nDisallow: /\n", "/x", True),
        (OURS + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + OURS + "Disallow: /c\n", "/a", False),
        (OURS + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + OURS + "Disallow: /c\n", "/c", False),
        (OURS + "Disallow: /a\n\nUser-agent: Other\nDisallow: /b\n\n" + OURS + "Disallow: /c\n", "/b", True),
        ("User-agent: *\nDisallow: /a\nUser-agent: Other\nDisallow: /b\nUser-agent: *\nDisallow: /c\n", "/c", False),
        ("User-agent: Other\n" + OURS + "Disallow: /\n", "/x", False),
        ("Disallow: /\n" + OURS + "Disallow: /a\n", "/x", True),
        (OURS + "\nUser-agent: *\nDisallow: /\n", "/x", False),
        # §2.2.2: which rule
        (OURS + "Disallow:\n", "/x", True),
        (OURS + "Disallow: /\nAllow: /shop/\n", "/shop/a", True),
        (OURS + "Allow: /shop/\nDisallow: /\n", "/shop/a", True),
        (OURS + "Allow: /shop\nDisallow: /shop/private\n", "/shop/private/a", False),
        (OURS + "Allow: /page\nDisallow: /*.html\n", "/page.html", False),
        (OURS + "Disallow: /page\nAllow: /page\n", "/page", True),
        (OURS + "Disallow: /Private\n", "/private", True),
        (OURS + "Disallow: /x\n", "/robots.txt", True),
        # §2.2.2: octets
        (OURS + "Disallow: /caf%C3%A9\n", "/café", False),
        (OURS + "Disallow: /café\n", "/caf%C3%A9", False),
        (OURS + "Disallow: /caf%c3%a9\n", "/caf%C3%A9", False),
        (OURS + "Disallow: /a%62c\n", "/abc", False),
        (OURS + "Disallow: /abc\n", "/a%62c", False),
        (OURS + "Disallow: /a%2Fb\n", "/a/b", True),
        (OURS + "Disallow: /?id=1\n", "/?id=1&x=2", False),
        # §2.2.3: special characters
        (OURS + "Disallow: /a # all of it\n", "/a", False),
        (OURS + "Disallow: /*.php$\n", "/index.php", False),
        (OURS + "Disallow: /*.php$\n", "/index.php?x=1", True),
        (OURS + "Disallow: /fish*.php\n", "/fish/and/chips.php?x", False),
        (OURS + "Disallow: /fish*.php\n", "/Fish.php", True),
        (OURS + "Disallow: *\n", "/x", False),
        (OURS + "Disallow: /path%2A\n", "/path*", False),
        # §2.2.4: other records
        (OURS + "Sitemap: /s.xml\nCrawl-delay: 1\nNoise: x\nDisallow: /a\n", "/a", False),
        (OURS + "Sitemap: /s.xml\nUser-agent: Other\nDisallow: /a\n", "/a", False),
        (OURS + "Noise: x\nUser-agent: Other\nDisallow: /a\n", "/a", False),
        ("User-agent: Other\nHost: x\nRequest-rate: 1/5\n" + OURS + "Noise\nDisallow: /a\n", "/a", False),
        (OURS + "Crawl-delay: 1\nUser-agent: Other\nDisallow: /a\n", "/a", False),
        (OURS + "Disallow: /a\nCrawl-delay: 1\nUser-agent: Other\nDisallow: /b\n", "/b", True),
        (OURS + "Disallow: /a\nCrawl-delay: 1\nNoise: x\nDisallow: /b\n", "/b", False),
        ("User-agent: *\nDisallow: /\n" + OURS, "/x", True),
    ],
)
def test_rules_allow_and_disallow_as_rfc_9309_says(text: str, path: str, allowed: bool) -> None:
    assert rules(text).allows(f"{ORIGIN}{path}") is allowed


@pytest.mark.parametrize(("seconds", "valid"), [(86_400, True), (86_401, False)])
def test_robots_txt_is_cached_for_a_day_at_most(seconds: float, valid: bool) -> None:  # §2.4
    if valid:
        assert Settings(web_robots_cache_seconds=seconds).web_robots_cache_seconds == seconds
    else:
        with pytest.raises(ValidationError):
            Settings(web_robots_cache_seconds=seconds)


def test_at_least_500_kib_are_read() -> None:  # §2.5
    assert Settings().web_robots_max_bytes >= 500 * 1_024
    with pytest.raises(ValidationError):
        Settings(web_robots_max_bytes=500 * 1_024 - 1)
    text = OURS + "# filler\n" * 56_000
    assert len(text) + len("Disallow: /last\n") < 512_000
    assert not rules(text + "Disallow: /last\n").allows(f"{ORIGIN}/last")
