"""Cookies, which live for one chain of redirects and go back to the host that set them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from scrapersky.web.cookies import MAX_COOKIE_BYTES, MAX_COOKIES, MAX_HEADER_BYTES
from tests.hostile.answers import Answer, answer, raw, redirect
from tests.hostile.fetching import fetch
from tests.hostile.server import hostile_internet

HOME = "http://shop.example/"


def round_trip(cookies: list[str], tmp_path: Path, location: str = "/2") -> str | None:
    """What ``cookies``, set at the home page, become in the request that it redirects to."""
    lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n{lines}\r\n"
    others = {"*": answer(200)}
    shop = {"http:/": raw(head.encode("latin-1")), **others}
    seen = fetch({"shop.example": shop, "www.shop.example": others, "other.example": others}, HOME, tmp_path)
    assert len(seen.asked) == 2
    return seen.headers[1].get("cookie")


def gate(cookie: str) -> Answer:
    """Redirects to itself and sets ``cookie``."""
    return redirect("/", headers={"Set-Cookie": cookie})


def test_a_site_that_sets_a_cookie_and_sends_its_visitor_round_is_read(tmp_path: Path) -> None:
    async def go() -> tuple[bytes, list[Mapping[str, str]]]:
        async with (
            hostile_internet({"shop.example": {}}, tmp_path) as internet,
            internet.client() as web,
        ):

            async def home(writer: asyncio.StreamWriter) -> None:
                known = internet.asked[-1].headers.get("cookie") == "seen=1"
                await (answer(200, b"welcome") if known else gate("seen=1; Path=/; HttpOnly"))(writer)

            internet.sites = {"shop.example": {"/": home}}
            bodies = [(await web.get(HOME, robots=False)).body for _ in range(2)]
            return b" ".join(bodies), [asked.headers for asked in internet.asked]

    bodies, headers = asyncio.run(go())
    assert bodies == b"welcome welcome"
    assert ["cookie" in each for each in headers] == [False, True, False, True]  # the next chain knows of none


def test_a_new_cookie_each_time_ends_with_the_redirects(tmp_path: Path) -> None:
    numbers = iter(range(100))

    async def counting(writer: asyncio.StreamWriter) -> None:
        await gate(f"visit={next(numbers)}")(writer)

    seen = fetch({"shop.example": {"/": counting}}, HOME, tmp_path)
    assert seen.code == "too_many_redirects"
    assert len(seen.asked) == 6


def test_a_cookie_that_changes_nothing_is_no_reason_to_go_round_again(tmp_path: Path) -> None:
    seen = fetch({"shop.example": {"/": gate("seen=1")}}, HOME, tmp_path)
    assert seen.code == "too_many_redirects"
    assert len(seen.asked) == 2


@pytest.mark.parametrize(
    ("cookie", "sent"),
    [
        ("a=1", "a=1"),
        (" a = 1 ; Path=/ ; SameSite=Lax", "a=1"),
        ('a="x y"', 'a="x y"'),
        ("a=", "a="),
        ("a=1; Domain=shop.example", "a=1"),
        ("a=1; domain=.SHOP.example", "a=1"),
        ("a=1; Domain=example", "a=1"),
        ("a=1; Domain=other.example", None),
        ("a=1; Domain=op.example", None),
        ("a=1; Domain=www.shop.example", None),
        ("a=1; Secure", None),
        ("a=1; Path=/2", "a=1"),
        ("a=1; Path=/20", None),
        ("a=1; Path=nonsense", "a=1"),
        ("a=1; Max-Age=60", "a=1"),
        ("a=1; Max-Age=0", None),
        ("a=1; Max-Age=-1", None),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("a=1; Expires=Fri, 31 Dec 9998 00:00:00 GMT", "a=1"),
        ("a=1; Expires=whenever", "a=1"),
        ("a", None),
        ("=1", None),
        ("", None),
        ("a\x01b=c\x7fd", "ab=cd"),
        ("a=" + "x" * MAX_COOKIE_BYTES, None),
    ],
)  # fmt: skip
def test_a_cookie_goes_back_as_its_attributes_say(cookie: str, sent: str | None, tmp_path: Path) -> None:
    assert round_trip([cookie], tmp_path) == sent


@pytest.mark.parametrize("location", ["http://other.example/", "http://www.shop.example/2"])
def test_a_cookie_goes_to_no_other_host_whatever_its_domain_says(location: str, tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2; Domain=shop.example", "c=3; Domain=example"], tmp_path, location) is None


def test_a_cookie_set_in_the_open_is_sent_to_the_same_host_with_tls(tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2; Secure"], tmp_path, "https://shop.example/2") == "a=1; b=2"


def test_the_last_of_two_cookies_of_a_name_counts(tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2", "a=3", "b=; Max-Age=0"], tmp_path) == "a=3"


def test_of_a_thousand_cookies_a_few_are_kept(tmp_path: Path) -> None:
    sent = round_trip([f"c{number}=1" for number in range(120)], tmp_path)
    assert sent is not None
    assert len(sent.split("; ")) == MAX_COOKIES


def test_of_many_long_cookies_as_many_are_sent_as_a_server_takes(tmp_path: Path) -> None:
    sent = round_trip([f"c{number}={'x' * 3_000}" for number in range(10)], tmp_path)
    assert sent is not None
    assert MAX_HEADER_BYTES - 3_100 < len(sent) <= MAX_HEADER_BYTES


def test_bytes_that_are_no_text_harm_nobody(tmp_path: Path) -> None:
    assert round_trip(["a=\xe9\xff"], tmp_path) is not None
