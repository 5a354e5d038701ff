"""Hostile inputs 74, 75 and 91 to 97: other documents in place of a sitemap, and circular indexes."""

from pathlib import Path
from typing import Any

import pytest

from scrapersky.runtime.outcomes import Done, Fail, Retry
from tests.hostile.conftest import InternalService
from tests.hostile.running import run_job
from tests.hostile.server import Answer, answer, raw, redirect, reset, silence

SITE = "http://shop.example"
HOME = "<!doctype html><title>Shop</title><p>Welcome to our shop, open every day."
PAGES = "<urlset><url><loc>/a</loc></url></urlset>"
LOGIN = "<!doctype html><title>Sign in</title><form><input type=password></form>"
CONSENT = "<html><head><title>Before you continue</title></head><body>We use cookies. <button>Accept all</button></body></html>"


def xml(text: str) -> Answer:
    return answer(200, text.encode(), {"Content-Type": "application/xml"})


def index(*urls: str) -> Answer:
    return xml(f"<sitemapindex>{''.join(f'<sitemap><loc>{url}</loc></sitemap>' for url in urls)}</sitemapindex>")


def shop(**answers: Answer) -> dict[str, dict[str, Answer]]:
    named = {f"/{name.replace('_', '.')}": each for name, each in answers.items()}
    return {"shop.example": {"/": answer(200, HOME.encode()), **named}}


@pytest.mark.parametrize("page", [HOME, LOGIN, CONSENT], ids=["74", "75-login", "75-consent"])
def test_an_html_page_with_status_200_is_not_a_sitemap(page: str, tmp_path: Path) -> None:
    html = {"shop.example": {"*": answer(200, page.encode()), "/robots.txt": answer(404)}}
    found = run_job("discovery", html, tmp_path)
    assert (type(found.outcome), found.code, found.detail["sitemaps"]) == (Done, "no_sitemaps", 0)
    assert len(found.requests) <= 25
    imported = run_job("import", html, tmp_path)
    assert (type(imported.outcome), imported.code) == (Fail, "not_xml")


@pytest.mark.parametrize("home", [silence, reset, raw(b"SSH-2.0-OpenSSH_9.6\r\n")], ids=["silent", "reset", "no HTTP"])
def test_a_home_page_that_fails_does_not_hide_the_sitemaps(home: Answer, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"web_request_deadline_seconds": 0.5}
    sites = {"shop.example": {"/": home, "/sitemap.xml": xml(PAGES)}}
    assert run_job("discovery", sites, tmp_path, **limits).code == "found"
    without = run_job("discovery", {"shop.example": {"/": home}}, tmp_path, **limits)
    assert (type(without.outcome), without.code in ("timeout", "reset", "bad_response")) == (Retry, True)
    assert len(without.requests) <= 25


def test_75_a_sitemap_that_redirects_to_a_login_is_not_a_sitemap(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=redirect("/login", 302), login=answer(200, LOGIN.encode()))
    assert run_job("import", sites, tmp_path).code == "not_xml"
    assert run_job("discovery", sites, tmp_path).code == "no_sitemaps"


def test_91_an_index_that_lists_itself_is_read_once(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/sitemap.xml", "/sitemap.xml#again", "/a.xml"), a_xml=xml(PAGES))
    found = run_job("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 2)
    assert found.requests.count(f"{SITE}/sitemap.xml") == 1


def test_92_two_indexes_that_list_each_other_are_read_once_each(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/b.xml"), b_xml=index("/c.xml"), c_xml=index("/sitemap.xml", "/b.xml"))
    found = run_job("discovery", sites, tmp_path, discovery_max_depth=10)
    assert (found.code, found.detail["sitemaps"]) == ("found", 3)
    assert [found.requests.count(f"{SITE}/{name}.xml") for name in ("sitemap", "b", "c")] == [1, 1, 1]


def test_93_a_child_that_redirects_to_its_parent_is_not_another_file(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/child.xml"), child_xml=redirect("/sitemap.xml", 301))
    found = run_job("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)
    assert found.requests.count(f"{SITE}/child.xml") == 1


def test_94_an_index_that_lists_robots_txt_gives_no_second_file(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/robots.txt"), robots_txt=answer(200, b"User-agent: *\nDisallow: /private\n"))
    found = run_job("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)


@pytest.mark.parametrize(("depth", "read"), [(2, 3), (3, 4), (10, 7)], ids=["95-two", "95-default", "95-all"])
def test_a_chain_of_indexes_is_followed_up_to_the_depth_limit(depth: int, read: int, tmp_path: Path) -> None:
    chain = {f"n{level}_xml": index(f"/n{level + 1}.xml") for level in range(1, 6)}
    sites = shop(sitemap_xml=index("/n1.xml"), **chain, n6_xml=xml(PAGES))
    found = run_job("discovery", sites, tmp_path, discovery_max_depth=depth)
    assert (found.code, found.detail["sitemaps"]) == ("found", read)


def test_96_an_index_of_50_000_children_is_read_up_to_the_request_limit(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index(*(f"/{number}.xml" for number in range(50_000))))
    found = run_job("discovery", sites, tmp_path, discovery_max_requests=60)
    assert (found.code, found.detail["cut"]) == ("found_partly", "requests")
    assert len(found.requests) <= 60


def test_97_a_child_listed_a_thousand_times_is_requested_once(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index(*(["/a.xml"] * 1_000)), a_xml=xml(PAGES))
    found = run_job("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 2)
    assert found.requests.count(f"{SITE}/a.xml") == 1


def test_87_a_child_in_the_internal_network_is_never_dialled(internal: InternalService, tmp_path: Path) -> None:
    inside = [f"http://127.0.0.1:{internal.port}/", f"http://[::1]:{internal.port}/", "http://169.254.169.254/latest/"]
    inside += [
        f"http://localhost:{internal.port}/",
        "http://2130706433/",
        "http://10.0.0.1/sitemap.xml",
        "file:///etc/passwd",
    ]
    sites = shop(sitemap_xml=index(*inside, "javascript:alert(1)", "/a.xml"), a_xml=redirect("http://169.254.169.254/"))
    found = run_job("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)
    assert not internal.was_dialled()
    assert all(url.startswith(f"{SITE}/") for url in found.requests)
