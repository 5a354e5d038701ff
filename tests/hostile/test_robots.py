"""robots.txt and host politeness through the whole client, with hostile and broken servers (hostile input 98)."""

import asyncio
from pathlib import Path

import pytest

from scrapersky.web.client import FetchError
from tests.hostile.running import fetch
from tests.hostile.server import Answer, Sites, answer, dripping, endless, hostile_internet, redirect, silence

HOME = "http://shop.example/"
OK = b"HTTP/1.1 200 OK\r\n\r\n"


def shop(robots: Answer, **more: Answer) -> Sites:
    return {"shop.example": {"/robots.txt": robots, "/": answer(200, b"open"), **more}}


def test_a_disallowed_url_is_not_requested(tmp_path: Path) -> None:
    result = fetch(shop(answer(200, b"User-agent: *\nDisallow: /")), HOME, tmp_path, robots=True)
    assert result.code == "robots_disallowed"
    assert result.requests == [f"{HOME}robots.txt"]


def test_a_call_of_an_api_reads_no_robots_txt(tmp_path: Path) -> None:
    result = fetch(shop(answer(200, b"User-agent: *\nDisallow: /")), HOME, tmp_path, robots=False)
    assert result.body == b"open"
    assert result.requests == [HOME]


@pytest.mark.parametrize(
    ("robots", "code"),
    [
        (answer(404), "200"),
        (answer(403), "200"),
        (redirect("/robots.txt"), "200"),
        (redirect("ftp://x/"), "200"),
        (answer(500), "robots_unreachable"),
        (answer(429), "robots_unreachable"),
        (silence, "robots_unreachable"),
        (dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "robots_unreachable"),
        (answer(200, b"x", {"Content-Encoding": "br"}), "robots_unreachable"),
        (redirect("http://127.0.0.1/"), "blocked_address"),
    ],
    ids=["404", "403", "loop", "ftp", "500", "429", "silence", "drip", "encoding", "loopback"],
)
def test_a_missing_robots_txt_allows_and_a_failing_one_blocks(robots: Answer, code: str, tmp_path: Path) -> None:
    settings = {"web_request_deadline_seconds": 0.4}
    assert fetch(shop(robots), HOME, tmp_path, robots=True, settings=settings).code == code


def test_98_an_endless_robots_txt_is_read_up_to_500_kib(tmp_path: Path) -> None:
    rules = b"User-agent: *\nDisallow: /private\nSitemap: /s.xml\n"

    async def go() -> tuple[tuple[str, ...], bool, bool]:
        sites = shop(endless(OK + rules, b"# nothing\n" * 1_000))
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
        ):
            robots = await web.robots(HOME)
            return robots.sitemaps, robots.truncated, robots.allows(f"{HOME}private")

    assert asyncio.run(go()) == ((f"{HOME}s.xml",), True, False)


@pytest.mark.parametrize("body", [b"x" * 1_000_000, b"<html>Not found</html>", b"\0" * 1_000, b"User-agent"], ids=str)
def test_98_a_robots_txt_of_noise_has_no_rules(body: bytes, tmp_path: Path) -> None:
    assert fetch(shop(answer(200, body)), HOME, tmp_path, robots=True).body == b"open"


def test_a_robots_txt_behind_five_redirects_applies_to_the_original_host(tmp_path: Path) -> None:
    rules = answer(200, b"User-agent: *\nDisallow: /private\nSitemap: /s.xml")
    hops: Sites = {f"{n}.example": {"/robots.txt": redirect(f"http://{n + 1}.example/robots.txt")} for n in range(5)}

    async def go(first: int) -> tuple[bool, bool, tuple[str, ...], int]:
        sites: Sites = {**hops, "5.example": {"/robots.txt": rules}}
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
        ):
            robots = await web.robots(f"http://{first}.example/")
            closed = robots.allows(f"http://{first}.example/private")
            return closed, robots.allows(f"http://{first}.example/"), robots.sitemaps, robots.requests

    assert asyncio.run(go(0)) == (False, True, ("http://5.example/s.xml",), 6)


def test_robots_txt_is_read_once_for_many_pages(tmp_path: Path) -> None:
    async def go() -> list[str]:
        sites: Sites = {"shop.example": {"/robots.txt": answer(200), "*": answer(200)}}
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
        ):
            await asyncio.gather(*(web.get(f"{HOME}{number}") for number in range(10)))
            return [request.url for request in internet.requests]

    requests = asyncio.run(go())
    assert len(requests) == 11
    assert requests.count(f"{HOME}robots.txt") == 1


def test_requests_to_one_host_start_a_crawl_delay_apart(tmp_path: Path) -> None:
    async def go() -> float:
        sites = {"shop.example": {"/robots.txt": answer(200, b"User-agent: *\nCrawl-delay: 60"), "*": answer(200)}}
        async with (
            hostile_internet(sites, tmp_path, web_crawl_delay_cap_seconds=0.1) as internet,
            internet.client() as web,
        ):
            await web.robots(HOME)
            start = asyncio.get_running_loop().time()
            await asyncio.gather(*(web.get(f"{HOME}{number}", deadline=0.2) for number in range(4)))
            return asyncio.get_running_loop().time() - start

    assert 0.3 <= asyncio.run(go()) < 1


def test_concurrent_requests_are_limited_per_host(tmp_path: Path) -> None:
    async def go() -> int:
        reached, release = asyncio.Event(), asyncio.Event()
        busy = most = 0

        async def counting(writer: asyncio.StreamWriter) -> None:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            if busy == 2:
                reached.set()
            await release.wait()
            busy -= 1
            await answer(200)(writer)

        sites: Sites = {"shop.example": {"*": counting}, "other.example": {"*": answer(200)}}
        async with (
            hostile_internet(sites, tmp_path, web_requests_per_host=2) as internet,
            internet.client() as web,
        ):
            slow = [asyncio.create_task(web.get(HOME, robots=False)) for _ in range(6)]
            await reached.wait()
            await web.get("http://other.example/", robots=False)
            release.set()
            await asyncio.gather(*slow)
        return most

    assert asyncio.run(go()) == 2


@pytest.mark.parametrize(
    ("status", "later"), [(429, "host_cooldown"), (503, "host_cooldown"), (500, "200"), (404, "200")]
)
def test_retry_after_with_429_or_503_starts_a_cooldown_of_the_host(status: int, later: str, tmp_path: Path) -> None:
    async def go() -> tuple[list[str], bool]:
        busy = answer(status, b"", {"Retry-After": "120"})
        sites: Sites = {
            "shop.example": {"/busy": busy, "/": answer(200)},
            "www.shop.example": {"/": answer(200)},
            "other.example": {"/": answer(200)},
        }
        codes = []
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
        ):
            await web.get(f"{HOME}busy")
            before = len(internet.requests)
            for url in (HOME, "http://www.shop.example/"):
                try:
                    codes.append(str((await web.get(url)).status))
                except FetchError as refused:
                    codes.append(refused.code)
            none_sent = len(internet.requests) == before
            assert (await web.get("http://other.example/")).status == 200
            return codes, none_sent

    assert asyncio.run(go()) == ([later, later], later == "host_cooldown")
