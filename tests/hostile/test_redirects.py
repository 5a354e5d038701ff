"""Hostile inputs 48 to 57: redirects. Every hop is a new untrusted URL."""

import asyncio
from pathlib import Path

import pytest

from tests.hostile.conftest import InternalService
from tests.hostile.running import fetch
from tests.hostile.server import Sites, answer, hostile_internet, raw, redirect

HOME = "http://shop.example/"


def shop(location: str, **more: str) -> Sites:
    return {"shop.example": {"/": redirect(location)}, "other.example": {"/": answer(200, b"other")}}


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1/", "blocked_address"),
        ("//127.1", "blocked_address"),
        ("http://[::1]/", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("http://1.1.1.1/", "blocked_address"),
        ("http://private.example/", "dns"),
        ("file:///etc/passwd", "bad_redirect"),
        ("gopher://shop.example/", "bad_redirect"),
        ("javascript:alert(1)", "bad_redirect"),
        ("http://shop.example:22/", "bad_redirect"),
        ("http://user:pw@other.example/", "bad_redirect"),
        ("http://other.example\\@127.0.0.1/", "bad_redirect"),
        ("http:other.example", "bad_redirect"),
        ("http://[", "bad_redirect"),
        ("http://shop.example/" + "a" * 8_000, "bad_redirect"),
    ],
    ids=["48", "49", "48-ipv6", "48-metadata", "48-literal", "50", "51-file", "51-gopher", "51-javascript", "51-port",
         "51-userinfo", "51-backslash", "51-no-slashes", "56-garbage", "56-long"],
)  # fmt: skip
def test_a_redirect_to_a_forbidden_target_is_not_followed(location: str, code: str, tmp_path: Path) -> None:
    result = fetch(shop(location), HOME, tmp_path)
    assert result.code == code
    assert result.requests == [HOME]


def test_48_a_redirect_to_a_local_address_is_not_dialled(internal: InternalService, tmp_path: Path) -> None:
    location = f"http://127.0.0.1:{internal.port}/"
    result = fetch(shop(location), HOME, tmp_path, settings={"web_ports": f"80,443,{internal.port}"})
    assert result.code == "blocked_address"
    assert not internal.was_dialled()


def test_52_a_redirect_from_https_to_http_is_followed_and_recorded(tmp_path: Path) -> None:
    sites = {"shop.example": {"https:/": redirect(HOME), "http:/": answer(200, b"plain")}}
    result = fetch(sites, "https://shop.example/", tmp_path)
    assert result.body == b"plain"
    assert result.page is not None
    assert (result.page.url, result.page.requested_url) == (HOME, "https://shop.example/")
    assert result.page.redirects == ("https://shop.example/",)


def test_53_a_loop_ends_at_its_first_repetition(tmp_path: Path) -> None:
    sites = {"shop.example": {"/": redirect("/b"), "/b": redirect("/")}}
    result = fetch(sites, HOME, tmp_path)
    assert result.code == "too_many_redirects"
    assert result.requests == [HOME, f"{HOME}b"]


def test_a_redirect_that_the_caller_rejects_is_the_answer(tmp_path: Path) -> None:
    async def go() -> tuple[int, str | None, list[str], list[str]]:
        sites = {"shop.example": {"/": redirect("/b"), "/b": redirect("/c"), "/c": answer(200)}}
        offered: list[str] = []

        def follow(url: str) -> bool:
            offered.append(url)
            return not url.endswith("/c")

        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
            web.stream(HOME, robots=False, follow=follow) as response,
        ):
            return response.status, response.leads_to, offered, [each.url for each in internet.requests]

    found = asyncio.run(go())
    assert found == (302, f"{HOME}c", [f"{HOME}b", f"{HOME}c"], [HOME, f"{HOME}b"])


@pytest.mark.parametrize(("hops", "code"), [(5, "200"), (6, "too_many_redirects")], ids=["54-five", "54-six"])
def test_five_redirects_are_followed_and_six_are_not(hops: int, code: str, tmp_path: Path) -> None:
    paths = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(hops)}
    result = fetch({"shop.example": {**paths, f"/{hops}": answer(200)}}, f"{HOME}0", tmp_path)
    assert result.code == code


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_55_a_redirect_to_another_domain_is_followed_and_recorded(status: int, tmp_path: Path) -> None:
    sites = {"shop.example": {"/": redirect("//other.example", status)}, "other.example": {"/": answer(200, b"other")}}
    result = fetch(sites, HOME, tmp_path)
    assert result.body == b"other"
    assert result.page is not None
    assert result.page.url == "http://other.example/"
    assert result.page.redirects == (HOME,)


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": " "}], ids=["none", "empty", "blank"])
def test_56_a_redirect_without_a_location_is_a_page_as_in_browsers(headers: dict[str, str], tmp_path: Path) -> None:
    result = fetch({"shop.example": {"/": answer(302, b"hello", headers)}}, HOME, tmp_path)
    assert (result.code, result.body) == ("302", b"hello")


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_a_status_that_is_not_a_redirect_is_not_followed(status: int, tmp_path: Path) -> None:
    result = fetch({"shop.example": {"/": redirect("/x", status)}}, HOME, tmp_path)
    assert result.code == str(status)
    assert len(result.requests) == 1


def test_a_location_of_raw_bytes_is_followed_as_in_browsers(tmp_path: Path) -> None:
    sites = {
        "shop.example": {
            "/": raw(b"HTTP/1.1 302 Found\r\nLocation: /caf\xc3\xa9 x\r\nContent-Length: 0\r\n\r\n"),
            "/caf%C3%A9%20x": raw(b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\nContent-Length: 0\r\n\r\n"),
            "/caf%E9": answer(200, b"coffee"),
        }
    }
    assert fetch(sites, HOME, tmp_path).body == b"coffee"


def test_57_a_cookie_set_by_one_host_is_not_sent_to_another(tmp_path: Path) -> None:
    cookie = {"Set-Cookie": "session=1; Domain=.example; Path=/"}
    sites = {
        "shop.example": {
            "/": redirect("http://shop.example/2", headers=cookie),
            "/2": redirect("http://other.example/"),
        },
        "other.example": {"/": answer(200)},
    }
    result = fetch(sites, HOME, tmp_path)
    assert [headers.get("cookie") for headers in result.headers] == [None, "session=1", None]


def test_57_only_harmless_headers_are_sent_to_another_origin(tmp_path: Path) -> None:
    sent = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Goog-Api-Key": "key", "If-None-Match": '"e"'}
    sites = {
        "shop.example": {
            "http:/": redirect("/2"),
            "http:/2": redirect("https://shop.example/"),
            "https:/": answer(200),
        },
    }
    first, second, third = fetch(sites, HOME, tmp_path, headers=sent).headers
    for headers in (first, second):
        assert (headers["authorization"], headers["cookie"], headers["x-goog-api-key"]) == ("Bearer x", "a=b", "key")
    assert {"authorization", "cookie", "x-goog-api-key"}.isdisjoint(third)
    assert third["if-none-match"] == '"e"'
    assert third["user-agent"].startswith("ScraperSkyBot/")


def test_each_hop_is_checked_against_the_robots_txt_of_its_host(tmp_path: Path) -> None:
    sites = {
        "shop.example": {"/": redirect("http://other.example/private")},
        "other.example": {"/robots.txt": answer(200, b"User-agent: *\nDisallow: /private"), "/private": answer(200)},
    }
    result = fetch(sites, HOME, tmp_path, robots=True)
    assert result.code == "robots_disallowed"
    assert result.requests == [f"{HOME}robots.txt", HOME, "http://other.example/robots.txt"]


def test_a_robots_txt_that_redirects_in_a_loop_counts_as_missing(tmp_path: Path) -> None:
    sites = {"shop.example": {"/robots.txt": redirect("/robots.txt"), "/": answer(200, b"open")}}
    assert fetch(sites, HOME, tmp_path, robots=True).body == b"open"
