"""Cookies: they live for one chain of redirects and are sent only to the host that set them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from scrapersky.web.cookies import MAX_COOKIE_BYTES, MAX_COOKIES, MAX_HEADER_BYTES
from tests.hostile.running import fetch
from tests.hostile.server import Answer, answer, hostile_internet, raw, redirect

HOME = "http://shop.example/"


def round_trip(cookies: list[str], tmp_path: Path, location: str = "/2") -> str | None:
    """Set ``cookies`` on a page that redirects to ``location``; return the Cookie header of the second request."""
    lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n{lines}\r\n"
    others = {"*": answer(200)}
    shop = {"http:/": raw(head.encode("latin-1")), **others}
    result = fetch({"shop.example": shop, "www.shop.example": others, "other.example": others}, HOME, tmp_path)
    assert len(result.requests) == 2
    return result.headers[1].get("cookie")


def gate(cookie: str) -> Answer:
    """Return an answer that redirects to itself and sets ``cookie``."""
    return redirect("/", headers={"Set-Cookie": cookie})


def test_a_site_that_sets_a_cookie_and_redirects_to_itself_is_read(tmp_path: Path) -> None:
    async def go() -> tuple[bytes, list[Mapping[str, str]]]:
        async with (
            hostile_internet({"shop.example": {}}, tmp_path) as internet,
            internet.client() as web,
        ):

            async def home(writer: asyncio.StreamWriter) -> None:
                known = internet.requests[-1].headers.get("cookie") == "seen=1"
                await (answer(200, b"welcome") if known else gate("seen=1; Path=/; HttpOnly"))(writer)

            internet.sites = {"shop.example": {"/": home}}
            bodies = [(await web.get(HOME, robots=False)).body for _ in range(2)]
            return b" ".join(bodies), [request.headers for request in internet.requests]

    bodies, headers = asyncio.run(go())
    assert bodies == b"welcome welcome"
    assert ["cookie" in each for each in headers] == [
        False,
        True,
        False,
        True,
    ]  # the second chain starts without cookies


def test_a_new_cookie_on_each_redirect_ends_at_the_redirect_limit(tmp_path: Path) -> None:
    numbers = iter(range(100))

    async def counting(writer: asyncio.StreamWriter) -> None:
        await gate(f"visit={next(numbers)}")(writer)

    result = fetch({"shop.example": {"/": counting}}, HOME, tmp_path)
    assert result.code == "too_many_redirects"
    assert len(result.requests) == 6


def test_a_cookie_that_changes_nothing_ends_the_circle(tmp_path: Path) -> None:
    result = fetch({"shop.example": {"/": gate("seen=1")}}, HOME, tmp_path)
    assert result.code == "too_many_redirects"
    assert len(result.requests) == 2


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
def test_a_cookie_is_sent_according_to_its_attributes(cookie: str, sent: str | None, tmp_path: Path) -> None:
    assert round_trip([cookie], tmp_path) == sent


@pytest.mark.parametrize("location", ["http://other.example/", "http://www.shop.example/2"])
def test_a_cookie_is_never_sent_to_another_host(location: str, tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2; Domain=shop.example", "c=3; Domain=example"], tmp_path, location) is None


def test_a_cookie_set_without_tls_is_sent_to_the_same_host_with_tls(tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2; Secure"], tmp_path, "https://shop.example/2") == "a=1; b=2"


def test_the_last_of_two_cookies_with_one_name_counts(tmp_path: Path) -> None:
    assert round_trip(["a=1", "b=2", "a=3", "b=; Max-Age=0"], tmp_path) == "a=3"


def test_the_number_of_cookies_is_limited(tmp_path: Path) -> None:
    sent = round_trip([f"c{number}=1" for number in range(120)], tmp_path)
    assert sent is not None
    assert len(sent.split("; ")) == MAX_COOKIES


def test_the_length_of_the_cookie_header_is_limited(tmp_path: Path) -> None:
    sent = round_trip([f"c{number}={'x' * 3_000}" for number in range(10)], tmp_path)
    assert sent is not None
    assert MAX_HEADER_BYTES - 3_100 < len(sent) <= MAX_HEADER_BYTES


def test_undecodable_bytes_in_a_cookie_cause_no_error(tmp_path: Path) -> None:
    assert round_trip(["a=\xe9\xff"], tmp_path) is not None
