"""The facts of a home page, column by column."""

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.page import MAX_DESCRIPTION, MAX_SOURCE, MAX_TITLE
from scrapersky.models import Domain
from tests.unit.domain_scheduler.pages import URL, a_page, facts_of


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>  The\n Shop </title>", "The Shop"),
        ("<title></title><title>Second</title>", "Second"),
        ("<body><svg><title>Icon</title></svg><title>Shop</title>", "Shop"),
        ("<title>Fish &amp; Chips</title>", "Fish & Chips"),
        ("<meta property=og:title content='From Facebook'>", "From Facebook"),
        ("<meta name=twitter:title content='From X'>", "From X"),
        ("<meta name=twitter:title content='From X'><meta property=og:title content='og'>", "og"),
        ("<title>a\0b\u200bc</title>", "a\ufffdbc"),
        ("<h1>No title</h1>", None),
    ],
)
def test_the_title_is_that_of_the_page_not_of_an_image(html: str, title: str | None) -> None:
    assert a_page(html).title == title


def test_title_and_description_are_cut_at_their_limits() -> None:
    facts = facts_of(f"<title>{'t' * 1_000_000}</title><meta name=description content='{'d' * 1_000_000}'>")
    assert (len(facts["title"]), len(facts["description"])) == (MAX_TITLE, MAX_DESCRIPTION)


@pytest.mark.parametrize(
    ("html", "description"),
    [
        ("<meta name=Description content='From meta'><meta property=og:description content='og'>", "From meta"),
        ("<meta name=description content=' '><meta property='og:description' content='og'>", "og"),
        ("<meta name=description content=''><meta name=description content=second>", "second"),
        ("<meta name=description><meta property=og:description content=og><meta name=description content=2>", "og"),
        ("<meta name=twitter:description content=x><meta property=og:description content=og>", "og"),
        ("<meta name=twitter:description content=x><meta http-equiv=description content=h>", "x"),
        ("<meta http-equiv=description content=h>", "h"),
        ("", None),
    ],
)
def test_the_description_element_takes_precedence_over_open_graph(html: str, description: str | None) -> None:
    assert facts_of(f"<p>x{html}").get("description") == description


@pytest.mark.parametrize(
    ("html", "headers", "language"),
    [
        ("<html lang=en-us>", {}, "en-US"),
        ("<html lang=' pt_br '>", {}, "pt-BR"),
        ("<html lang='en,bn-BD'>", {}, "en"),
        ("<html lang=zh-hant-tw>", {}, "zh-Hant-TW"),
        ("<html lang='' xml:lang=de>", {}, "de"),
        ("<html><meta http-equiv=Content-Language content=fr>", {}, "fr"),
        ("<html><meta property=og:locale content=es_ES>", {}, "es-ES"),
        ("<html>", {"Content-Language": "it, en"}, "it"),
        ("<html lang='{{ lang }}'>", {}, None),
        ("<html lang='english'>", {}, None),
    ],
)
def test_the_language_is_read_from_its_declarations(html: str, headers: dict[str, str], language: str | None) -> None:
    assert facts_of(html, headers).get("language") == language


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ("<link rel='shortcut icon' href='/i.ico'>", "https://shop.example.com/i.ico"),
        ("<link rel=ICON href=i.png>", "https://shop.example.com/home/i.png"),
        ("<base href='https://cdn.example.com/x/'><link rel=icon href=i.png>", "https://cdn.example.com/x/i.png"),
        ("<link rel=icon href='data:image/png;base64,AA'><link rel=icon href=//a.com/i>", "https://a.com/i"),
        ("<link rel=apple-touch-icon href=/a.png><link rel=icon href=/i.png>", "https://shop.example.com/i.png"),
        ("<link rel=apple-touch-icon-precomposed href=/a.png>", "https://shop.example.com/a.png"),
        ("<link rel=icon href='http://localhost/i.png'>", None),
        ("<link rel=mask-icon href=/m.svg>", None),
        ("", None),
    ],
)
def test_the_favicon_is_the_linked_one(html: str, url: str | None) -> None:
    assert facts_of(f"<p>x{html}").get("favicon_url") == url


def ld(value: Any) -> str:
    return f"<script type=application/ld+json>{json.dumps(value)}</script>"


LOGO = {"@type": "Organization", "name": "x", "url": "y", "logo": "/logo.png"}
IMG = "<img src=/a.png><img class=site-logo src=/img-logo.png>"


@pytest.mark.parametrize(
    ("html", "path"),
    [
        (ld(LOGO) + "<meta property=og:image content=/og.png>" + IMG, "/logo.png"),
        (ld(LOGO | {"logo": {"@type": "ImageObject", "url": "/o.png"}}), "/o.png"),
        (ld({"@graph": [LOGO | {"logo": {"@id": "#l"}}, {"@id": "#l", "contentUrl": "/id.png"}]}), "/id.png"),
        (ld({"@type": "WebPage", "publisher": {"@type": "Organization", "logo": ["/list.png"]}}), "/list.png"),
        ("<meta property=og:image content=/og.png>" + IMG, "/og.png"),
        (IMG, "/img-logo.png"),
        ("<img alt='Our Logo' src=data:x><img src=/Logo.svg>", "/Logo.svg"),
        ("<img src=/a.png>", None),
        ("<img class=logo src='data:image/gif;base64,R0' data-lazy-src=/lazy.png>", "/lazy.png"),
        ("<img class=logo srcset='/one.png 1x, /two.png 2x'>", "/one.png"),
        ("<a class=navbar-brand><span><img src=/in.png></span></a>", "/in.png"),
        (
            "<img src=/partner-logos/b.png><ul class=client-logos><img src=/c.png></ul><img id=Logo src=/own.png>",
            "/own.png",
        ),
        ("<img src=/partner-logos/b.png><div class=site-logo><img src=/own.png></div>", "/own.png"),
    ],
)
def test_the_logo_is_read_from_json_ld_then_open_graph_then_images(html: str, path: str | None) -> None:
    assert facts_of(html).get("logo_url") == (path and f"https://shop.example.com{path}")


def test_contacts_come_from_links_structured_data_and_text() -> None:
    facts = facts_of(
        "<html lang=en-US><a href='mailto:info@shop.com'>x</a><a href='tel:(251) 930-8621'>call</a>"
        "<a href='/cdn-cgi/l/email-protection#5a333c351a29323528742f31'>x</a><p>&#106;&#111;&#64;shop.com, (251) 497-8163"
        + ld({"@type": "Store", "name": "x", "email": "ld@shop.com", "telephone": "+44 20 8088 3641"})
    )
    assert facts["email_addresses"][0] == "info@shop.com"
    assert set(facts["email_addresses"]) >= {"info@shop.com", "ld@shop.com", "jo@shop.com"}
    assert facts["phone_numbers"] == ["+12519308621", "+442080883641", "+12514978163"]


def test_a_link_inside_an_svg_image_counts() -> None:
    facts = facts_of(
        "<svg><a xlink:href='mailto:jo@shop.com'><path/></a><a xlink:href='https://x.com/us'><path/></a></svg>"
    )
    assert (facts["email_addresses"], facts["twitter_url"]) == (["jo@shop.com"], "https://x.com/us")


@pytest.mark.parametrize(
    "html",
    [
        "<a href='http://mailto:jo@shop.com'>x</a>",
        "<a href='jo@shop.com'>x</a>",
        "<a href='http://jo@shop.com/'>x</a>",
        "<button onclick=\"location.href='mailto:jo@shop.com?subject=x'\">x</button>",
        "<a href='https://mail.google.com/mail/?view=cm&amp;fs=1&amp;to=jo%40shop.com&amp;su=Hello'>Write to us</a>",
        "<form action='mailto:jo@shop.com'><input></form>",
        "<meta itemprop=email content=jo@shop.com>",
        "<meta property=business:contact_data:email content=jo@shop.com>",
        "<p>ｊｏ＠shop.com",
        "<span>jo</span><span>@</span><span>shop.com</span>",
        "<span data-cfemail=5a30351a2932352a74393537>x</span>",
    ],
)
def test_an_email_address_is_found_in_every_place(html: str) -> None:
    assert facts_of(html)["email_addresses"] == ["jo@shop.com"]


@pytest.mark.parametrize(
    "html",
    [
        "<meta itemprop=telephone content='+1 251-930-8621'>",
        "<meta property=og:phone_number content='+12519308621'>",
        "<button onclick=\"location.href = 'tel:+1-251-930-8621'; hotel: 2\">Call</button>",
    ],
)
def test_a_phone_number_is_found_in_every_place(html: str) -> None:
    assert facts_of(html)["phone_numbers"] == ["+12519308621"]


def test_facts_that_a_page_does_not_state_are_absent() -> None:
    facts = facts_of("<p>Hello</p>")
    assert set(facts) == {"final_url", "http_status", "meta_json"}


def test_every_fact_but_the_contacts_is_a_column_of_domain() -> None:
    facts = facts_of(ld(LOGO) + IMG + "<title>x</title><a href='https://x.com/jo'>x</a>")
    assert set(facts) - {"contacts"} <= set(Domain.__table__.columns.keys())


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<meta name=generator content='WordPress 6.2'>", (True, "6.2", False, None)),
        (
            "<meta name=generator content='WordPress 6.7.2'><meta name=generator content='Elementor 3.27.3; features: x'>",
            (True, "6.7.2", True, "3.27.3"),
        ),
        ("<script src='/wp-includes/js/wp-emoji-release.min.js?ver=6.5.2'></script>", (True, "6.5.2", False, None)),
        ("<link rel=stylesheet href='/wp-content/themes/x/style.css'>", (True, None, False, None)),
        (
            "<link href='/wp-content/plugins/elementor/assets/css/frontend.min.css?ver=3.12.1'>",
            (True, None, True, "3.12.1"),
        ),
        ("<meta name=generator content='Wix.com Website Builder'>", (False, None, False, None)),
        ("<p>I love WordPress and Elementor</p>", (None, None, None, None)),
    ],
)
def test_wordpress_and_elementor_are_detected_with_their_versions(html: str, expected: tuple[object, ...]) -> None:
    facts = facts_of(html)
    columns = ("is_wordpress", "wordpress_version", "has_elementor", "elementor_version")
    assert tuple(facts.get(column) for column in columns) == expected


def test_meta_json_keeps_meta_elements_and_json_ld_within_its_limit() -> None:
    html = "<meta name=author content=Jo><link rel=canonical href=/c>" + ld({"@type": "A", "x": "\0\ud800"})
    meta = facts_of(html)["meta_json"]
    assert meta["meta"] == {"author": ["Jo"]}
    assert meta["canonical"] == "https://shop.example.com/c"
    assert meta["json_ld"] == [{"@type": "A", "x": ""}]
    large = facts_of(html + ld({"@type": "B", "x": ["y" * 4_000] * 100}))["meta_json"]
    assert len(json.dumps(large)) <= 110_000
    assert large["left_out"] == 1


@given(st.text(alphabet="<>/='\" abdivscriptmetalnkhrefcontent@.\0\ud800", max_size=300))
def test_the_facts_of_any_page_can_be_stored(html: str) -> None:
    stored = json.dumps(facts_of(html), ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in stored
    stored.encode()


BOMBS = [
    "<a href='mailto:a@b.com'>" * 100_000,
    "<a href='tel:+12519308621'>x</a>" * 100_000,
    "<img src=a>" * 200_000,
    "<meta name=a content=b>" * 100_000,
    "<script type=application/ld+json>{}</script>" * 50_000,
    "<script src=/jquery-1.js></script>" * 100_000,
    "<a href='https://x.com/a'>" * 100_000,
    "<link rel=icon href=data:>" * 100_000,
    "<title></title>" * 100_000,
    'class="' * 300_000,
    'class="elementor-' * 200_000,
    "<html data-x " * 200_000,
    "<div " * 500_000,
    "gtag(" * 500_000,
    ld(["x" * 100] * 20_000),
    ld({"@type": "Store", "name": "x", "address": [{}] * 100_000, "sameAs": ["https://x.com/a"] * 100_000}),
]


@pytest.mark.parametrize("html", BOMBS, ids=[bomb[:40] for bomb in BOMBS])
def test_a_hostile_page_of_megabytes_is_read_in_seconds(html: str) -> None:
    began = time.process_time()
    facts = facts_of(html)
    assert time.process_time() - began < 10
    assert len(json.dumps(facts)) < 200_000


def test_the_final_url_and_status_are_facts() -> None:
    facts = facts_of("x")
    assert (facts["final_url"], facts["http_status"]) == (URL, 200)


def test_a_page_with_four_byte_characters_is_cut_at_the_memory_limit() -> None:
    wide = a_page("<title>😀</title><p>" + "word " * 400_000)
    assert wide.title == "😀"
    assert sys.getsizeof(wide.source) <= MAX_SOURCE + 100
    plain = "<title>x</title><p>" + "word " * 400_000
    assert a_page(plain).source == plain


@pytest.mark.parametrize(
    "same_as", ['"https://x.com/us, https://tiktok.com/@us"', '["https://x.com/us", {"@id": "https://tiktok.com/@us"}]']
)
def test_profiles_are_read_from_every_notation_of_same_as(same_as: str) -> None:
    facts = facts_of(
        f'<script type=application/ld+json>{{"@type":"Store","name":"x","telephone":"1","sameAs":{same_as}}}</script>'
    )
    assert (facts["twitter_url"], facts["tiktok_url"]) == ("https://x.com/us", "https://tiktok.com/@us")
