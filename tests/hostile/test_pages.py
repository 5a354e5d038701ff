"""Hostile inputs 100 to 104: the facts of a page are storable, bounded and true. The bombs are in test_bombs.py."""

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from scrapersky.extraction.page import MAX_TITLE, HtmlPage
from scrapersky.runtime.outcomes import Fail
from scrapersky.web.charset import decode_page
from tests.facts import facts_and_columns
from tests.hostile.running import fetch, run_job
from tests.hostile.server import Answer, answer, redirect


def facts(home: Answer, directory: Path, **more: Answer) -> dict[str, Any]:
    """Return the facts of the page that ``home`` serves, read as the job reads them; the job itself must succeed."""
    sites = {"shop.example": {"/": home, **{f"/{name}": each for name, each in more.items()}}}
    assert run_job("metadata", sites, directory).code == "read"
    page = fetch(sites, "http://shop.example/", directory).page
    assert page is not None
    text = decode_page(page).text
    found = facts_and_columns(HtmlPage.parse(text, page.url, 500_000), page, "shop.example")
    stored = json.dumps(found, ensure_ascii=False)
    stored.encode()
    assert "\\u0000" not in stored
    return found


def html(text: str) -> Answer:
    return answer(200, text.encode("utf-8", "surrogatepass"), {"Content-Type": "text/html; charset=utf-8"})


def test_100_a_title_of_a_megabyte_is_shortened(tmp_path: Path) -> None:
    title = facts(html(f"<title>{'Shop ' * 200_000}</title><p>Hello"), tmp_path)["title"]
    assert title.startswith("Shop Shop")
    assert len(title) <= MAX_TITLE


def test_89_nul_and_lone_surrogates_never_reach_a_title(tmp_path: Path) -> None:
    text = "<title>Sh\0op \ud800 &#0; &#xD800; &#xFFFF;\x01</title><meta name=description content='a\0b\ud800'><p>Hello"
    found = facts(html(text), tmp_path)
    assert found["title"].startswith("Sh\ufffdop")  # as in browsers
    assert found["description"].startswith("a\ufffdb")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=utf-8><title>Größe</title>".encode(), "text/html"),
        ("<meta charset=iso-8859-1><title>Größe</title>".encode(), "text/html; charset=utf-8"),
        ("<meta charset=utf-8><title>Größe</title>".encode("latin-1"), "text/html; charset=ISO-8859-1"),
        ("<meta charset=latin1><title>Größe</title>".encode("cp1252"), "text/html"),
        ("<title>Größe</title>".encode("cp1252"), "text/html"),
        ("<title>Größe</title>".encode(), "text/html"),
        (codecs.BOM_UTF16_LE + "<title>Größe</title>".encode("utf-16-le"), "text/html; charset=latin1"),
        (codecs.BOM_UTF16_BE + "<title>Größe</title>".encode("utf-16-be"), "text/html"),
        (codecs.BOM_UTF8 + "<meta charset=koi8-r><title>Größe</title>".encode(), "text/html; charset=koi8-r"),
        ("<meta charset=utf-16><title>Größe</title>".encode(), "text/html"),
        ("<meta charset=no-such-thing><title>Größe</title>".encode(), "text/html; charset=neither"),
        ("<meta http-equiv=content-type content='text/html; charset=utf-8'><title>Größe</title>".encode(), ""),
        ("<title>Größe</title>".encode("utf-16-le"), "text/html; charset=utf-16le"),
    ],
    ids=["101-meta", "101-header-wins", "101-header-wins-latin", "101-meta-latin", "101-undeclared-1252", "101-undeclared",
         "101-utf-16le", "101-utf-16be", "101-bom-wins", "101-utf-16-in-ascii", "101-unknown", "101-equiv",
         "101-utf-16-header"],
)  # fmt: skip
def test_a_page_is_decoded_as_in_browsers_whatever_it_declares(body: bytes, content_type: str, tmp_path: Path) -> None:
    assert facts(answer(200, body, {"Content-Type": content_type}), tmp_path)["title"] == "Größe"


@pytest.mark.parametrize(
    ("base", "favicon"),
    [
        ("/deep/", "http://shop.example/deep/i.ico"),
        ("//cdn.example/x/", "http://cdn.example/x/i.ico"),
        ("https://user:pw@cdn.example/", "http://shop.example/i.ico"),
        ("javascript:alert(1)//", "http://shop.example/i.ico"),
        ("data:,x", "http://shop.example/i.ico"),
        ("http://127.0.0.1/", None),
        ("\\\\evil\\", "http://shop.example/i.ico"),
    ],
    ids=["102", "102-host", "102-login", "102-script", "102-data", "102-loopback", "102-backslash"],
)
def test_a_base_element_changes_relative_urls_only(base: str, favicon: str | None, tmp_path: Path) -> None:
    found = facts(html(f'<base href="{base}"><link rel=icon href=i.ico><title>Shop</title>'), tmp_path)
    assert found.get("favicon_url") == favicon


def test_103_a_data_url_is_not_a_favicon(tmp_path: Path) -> None:
    data = f"<link rel=icon href='data:image/png;base64,{'A' * 100_000}'>"
    assert "favicon_url" not in facts(html(f"{data}<title>Shop</title>"), tmp_path)
    found = facts(html(f"{data}<link rel='shortcut icon' href=/f.ico><title>Shop</title>"), tmp_path)
    assert found["favicon_url"] == "http://shop.example/f.ico"


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("<img src=a@2x.png alt=logo@2x.png> logo@2x.png sprite@3x.webp app@1.2.3.js", []),
        ("info@example.com you@domain.com 1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d@sentry.io x@sentry.wixpress.com", []),
        ("info&#64;shop-online.de &#105;nfo@shop-online.de", ["info@shop-online.de"]),
        ("<a href='mailto:&#105;&#110;fo%40shop-online.de?subject=x'>mail</a>", ["info@shop-online.de"]),
        ("<a href=/cdn-cgi/l/email-protection#60090e060f20130810024e0305>x</a>", []),
        ("<span data-cfemail=543d3a323b14273c3b2479353b387a3031>x</span>", ["info@shop-aol.de"]),
        ("a@b a@@b.de @ @@@ a@.de a@-.de .@. info@shop-online.de.", ["info@shop-online.de"]),
    ],
    ids=[
        "104-images",
        "104-examples",
        "104-entities",
        "104-mailto",
        "104-cloudflare-noise",
        "104-cloudflare",
        "104-noise",
    ],
)
def test_only_valid_e_mail_addresses_are_found(text: str, emails: list[str], tmp_path: Path) -> None:
    assert facts(html(f"<title>Shop</title><p>{text}</p>"), tmp_path).get("email_addresses", []) == emails


def test_55_a_home_page_on_another_domain_is_read_and_reported(tmp_path: Path) -> None:
    sites = {
        "shop.example": {"/": redirect("http://moved.example/", 301)},
        "moved.example": {"/": html("<title>Moved</title><p>Hello")},
    }
    result = run_job("metadata", sites, tmp_path)
    assert (result.code, result.detail["final_url"]) == ("read", "http://moved.example/")


def test_a_page_that_is_too_complex_keeps_its_title(tmp_path: Path) -> None:
    """Its beginning is read a second time, without the rest."""
    sites = {"shop.example": {"/": html("<title>Shop</title><p>Hello" + " " * 70_000 + "<div>" * 200_000)}}
    outcome = run_job("metadata", sites, tmp_path).outcome
    assert (type(outcome), outcome.code) == (Fail, "too_complex")
    assert isinstance(outcome, Fail)
    assert outcome.write is not None


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html, text/html; charset=UTF-8", "text/html, charset=utf-8", "text/html,text/html", "html", "*/*",
        "unknown/unknown", "application/unknown", "image/png, text/html", "text/html; charset=utf-8, */*", "Text/HTML",
        "text/html;", ";", "text",
    ],
)  # fmt: skip
def test_html_with_a_slightly_wrong_content_type_is_read(content_type: str, tmp_path: Path) -> None:
    assert run_job("metadata", home(content_type), tmp_path).code == "read"


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "text/html, image/png", "application/pdf"])
def test_a_page_of_another_media_type_is_not_html(content_type: str, tmp_path: Path) -> None:
    assert run_job("metadata", home(content_type), tmp_path).code == "not_html"


def home(content_type: str) -> dict[str, dict[str, Answer]]:
    body = b"<html><head><title>Smith Bakery</title></head><body><h1>Smith Bakery</h1>"
    return {"shop.example": {"/": answer(200, body, {"Content-Type": content_type})}}
