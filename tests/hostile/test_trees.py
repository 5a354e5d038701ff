"""Hostile inputs 74, 75 and 91 to 97: what stands where a sitemap should be, and indexes that lead in circles."""

from pathlib import Path

import pytest

from scrapersky.runtime.outcomes import Done, Fail
from tests.hostile.answers import Answer, answer, redirect
from tests.hostile.conftest import Secret
from tests.hostile.working import work

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
def test_a_page_of_html_with_status_200_is_no_sitemap(page: str, tmp_path: Path) -> None:
    html = {"shop.example": {"*": answer(200, page.encode()), "/robots.txt": answer(404)}}
    found = work("discovery", html, tmp_path)
    assert (type(found.outcome), found.code, found.detail["sitemaps"]) == (Done, "no_sitemaps", 0)
    assert len(found.asked) <= 25
    imported = work("import", html, tmp_path)
    assert (type(imported.outcome), imported.code) == (Fail, "not_xml")


def test_75_a_sitemap_that_sends_us_to_the_login_is_none(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=redirect("/login", 302), login=answer(200, LOGIN.encode()))
    assert work("import", sites, tmp_path).code == "not_xml"
    assert work("discovery", sites, tmp_path).code == "no_sitemaps"


def test_91_an_index_that_names_itself_is_read_once(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/sitemap.xml", "/sitemap.xml#again", "/a.xml"), a_xml=xml(PAGES))
    found = work("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 2)
    assert found.asked.count(f"{SITE}/sitemap.xml") == 1


def test_92_two_indexes_that_name_each_other_are_read_once_each(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/b.xml"), b_xml=index("/c.xml"), c_xml=index("/sitemap.xml", "/b.xml"))
    found = work("discovery", sites, tmp_path, discovery_max_depth=10)
    assert (found.code, found.detail["sitemaps"]) == ("found", 3)
    assert [found.asked.count(f"{SITE}/{name}.xml") for name in ("sitemap", "b", "c")] == [1, 1, 1]


def test_93_a_child_that_redirects_to_its_parent_is_not_another_file(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/child.xml"), child_xml=redirect("/sitemap.xml", 301))
    found = work("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)
    assert found.asked.count(f"{SITE}/child.xml") == 1


def test_94_an_index_that_names_robots_txt_gains_nothing_by_it(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index("/robots.txt"), robots_txt=answer(200, b"User-agent: *\nDisallow: /private\n"))
    found = work("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)


@pytest.mark.parametrize(("depth", "read"), [(2, 3), (3, 4), (10, 7)], ids=["95-two", "95-default", "95-all"])
def test_a_chain_of_indexes_is_followed_as_deep_as_the_setting_says(depth: int, read: int, tmp_path: Path) -> None:
    chain = {f"n{level}_xml": index(f"/n{level + 1}.xml") for level in range(1, 6)}
    sites = shop(sitemap_xml=index("/n1.xml"), **chain, n6_xml=xml(PAGES))
    found = work("discovery", sites, tmp_path, discovery_max_depth=depth)
    assert (found.code, found.detail["sitemaps"]) == ("found", read)


def test_96_of_an_index_of_fifty_thousand_children_only_the_budget_is_asked_for(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index(*(f"/{number}.xml" for number in range(50_000))))
    found = work("discovery", sites, tmp_path, discovery_max_requests=60)
    assert (found.code, found.detail["cut"]) == ("found_partly", "requests")
    assert len(found.asked) <= 60


def test_97_a_child_named_a_thousand_times_is_asked_for_once(tmp_path: Path) -> None:
    sites = shop(sitemap_xml=index(*(["/a.xml"] * 1_000)), a_xml=xml(PAGES))
    found = work("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 2)
    assert found.asked.count(f"{SITE}/a.xml") == 1


def test_87_a_child_that_is_our_own_network_is_never_dialled(secret: Secret, tmp_path: Path) -> None:
    inside = [f"http://127.0.0.1:{secret.port}/", f"http://[::1]:{secret.port}/", "http://169.254.169.254/latest/"]
    inside += [
        f"http://localhost:{secret.port}/",
        "http://2130706433/",
        "http://10.0.0.1/sitemap.xml",
        "file:///etc/passwd",
    ]
    sites = shop(sitemap_xml=index(*inside, "javascript:alert(1)", "/a.xml"), a_xml=redirect("http://169.254.169.254/"))
    found = work("discovery", sites, tmp_path)
    assert (found.code, found.detail["sitemaps"]) == ("found", 1)
    assert not secret.was_dialled()
    assert all(url.startswith(f"{SITE}/") for url in found.asked)
