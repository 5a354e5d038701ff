"""Hostile inputs 48 to 57: redirects, each hop of which is a new url from a stranger."""

import asyncio
from pathlib import Path

import pytest

from tests.hostile.answers import answer, raw, redirect
from tests.hostile.conftest import Secret
from tests.hostile.fetching import fetch
from tests.hostile.server import Sites, hostile_internet

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
        ("", "bad_redirect"),
    ],
    ids=["48", "49", "48-ipv6", "48-metadata", "48-literal", "50", "51-file", "51-gopher", "51-javascript", "51-port",
         "51-userinfo", "51-backslash", "51-no-slashes", "56-garbage", "56-long", "56-empty"],
)  # fmt: skip
def test_a_redirect_to_where_no_crawler_may_go_ends_there(location: str, code: str, tmp_path: Path) -> None:
    seen = fetch(shop(location), HOME, tmp_path)
    assert seen.code == code
    assert seen.asked == [HOME]


def test_48_a_redirect_to_our_own_machine_dials_nothing(secret: Secret, tmp_path: Path) -> None:
    location = f"http://127.0.0.1:{secret.port}/"
    seen = fetch(shop(location), HOME, tmp_path, settings={"web_ports": f"80,443,{secret.port}"})
    assert seen.code == "blocked_address"
    assert not secret.was_dialled()


def test_52_a_redirect_from_https_to_http_is_followed_and_recorded(tmp_path: Path) -> None:
    sites = {"shop.example": {"https:/": redirect(HOME), "http:/": answer(200, b"plain")}}
    seen = fetch(sites, "https://shop.example/", tmp_path)
    assert seen.body == b"plain"
    assert seen.page is not None
    assert (seen.page.url, seen.page.requested_url) == (HOME, "https://shop.example/")
    assert seen.page.redirects == ("https://shop.example/",)


def test_53_a_loop_ends_where_it_begins_again(tmp_path: Path) -> None:
    sites = {"shop.example": {"/": redirect("/b"), "/b": redirect("/")}}
    seen = fetch(sites, HOME, tmp_path)
    assert seen.code == "too_many_redirects"
    assert seen.asked == [HOME, f"{HOME}b"]


def test_a_redirect_that_nobody_wants_to_follow_is_the_answer(tmp_path: Path) -> None:
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
            return response.status, response.leads_to, offered, [each.url for each in internet.asked]

    found = asyncio.run(go())
    assert found == (302, f"{HOME}c", [f"{HOME}b", f"{HOME}c"], [HOME, f"{HOME}b"])


@pytest.mark.parametrize(("hops", "code"), [(5, "200"), (6, "too_many_redirects")], ids=["54-five", "54-six"])
def test_five_redirects_are_followed_and_six_are_not(hops: int, code: str, tmp_path: Path) -> None:
    paths = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(hops)}
    seen = fetch({"shop.example": {**paths, f"/{hops}": answer(200)}}, f"{HOME}0", tmp_path)
    assert seen.code == code


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_55_a_redirect_to_another_domain_is_followed_and_recorded(status: int, tmp_path: Path) -> None:
    sites = {"shop.example": {"/": redirect("//other.example", status)}, "other.example": {"/": answer(200, b"other")}}
    seen = fetch(sites, HOME, tmp_path)
    assert seen.body == b"other"
    assert seen.page is not None
    assert seen.page.url == "http://other.example/"
    assert seen.page.redirects == (HOME,)


def test_56_a_redirect_without_a_location_is_an_error(tmp_path: Path) -> None:
    assert fetch({"shop.example": {"/": answer(302)}}, HOME, tmp_path).code == "bad_redirect"


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_a_status_that_is_no_redirect_is_not_followed(status: int, tmp_path: Path) -> None:
    seen = fetch({"shop.example": {"/": redirect("/x", status)}}, HOME, tmp_path)
    assert seen.code == str(status)
    assert len(seen.asked) == 1


def test_a_location_of_raw_bytes_is_followed_as_browsers_do(tmp_path: Path) -> None:
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
    seen = fetch(sites, HOME, tmp_path)
    assert [headers.get("cookie") for headers in seen.headers] == [None, "session=1", None]


def test_57_what_the_caller_sends_to_one_origin_is_not_sent_to_another_but_for_the_harmless(tmp_path: Path) -> None:
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


def test_each_hop_is_asked_of_its_own_hosts_robots_txt(tmp_path: Path) -> None:
    sites = {
        "shop.example": {"/": redirect("http://other.example/private")},
        "other.example": {"/robots.txt": answer(200, b"User-agent: *\nDisallow: /private"), "/private": answer(200)},
    }
    seen = fetch(sites, HOME, tmp_path, robots=True)
    assert seen.code == "robots_disallowed"
    assert seen.asked == [f"{HOME}robots.txt", HOME, "http://other.example/robots.txt"]


def test_a_robots_txt_that_redirects_in_a_loop_counts_as_absent(tmp_path: Path) -> None:
    sites = {"shop.example": {"/robots.txt": redirect("/robots.txt"), "/": answer(200, b"open")}}
    assert fetch(sites, HOME, tmp_path, robots=True).body == b"open"
