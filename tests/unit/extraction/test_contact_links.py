"""The links of a home page to pages that are likely to give contacts."""

import pytest

from scrapersky.extraction.contact_links import MAX_LINKS, contact_links
from scrapersky.extraction.page import HtmlPage


def links(html: str, url: str = "https://www.shop.example/") -> list[tuple[str, str, bool]]:
    found = contact_links(HtmlPage.parse(html, url, 10_000), "shop.example")
    return [(one["url"], one["page_type"], one["other_host"]) for one in found]


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("<a href=/kontakt.html>x</a>", "contact"),
        ("<a href='/?page_id=12'>Impressum</a>", "legal"),
        ("<a href=/p/7>Mentions légales</a>", "legal"),
        ("<a href=/p/7>Über uns</a>", "about"),
        ("<a href=/p/7> About \n <b>us</b></a>", "about"),
        ("<a href=/p/7 title=Contact><img src=x></a>", "contact"),
        ("<a href=/seite>Kontakt &amp; Anfahrt</a>", "contact"),
        ("<a href=/about#team>Contact</a>", "contact"),
    ],
)
def test_the_path_or_the_text_of_a_link_names_the_type_of_its_page(link: str, kind: str) -> None:
    assert [found for _, found, _ in links(link)] == [kind]


@pytest.mark.parametrize(
    "link",
    [
        "<a href=/products>Products</a>",
        "<a href=https://other.example/contact>Contact</a>",
        "<a href=https://www.facebook.com/contact>Contact</a>",
        "<a href=mailto:info@shop.example>Contact</a>",
        "<a href=#contact>Contact</a>",
        "<a href=/>Contact</a>",
        "<a href='/x'>We wrote about our holidays, and you can contact everybody who was there with us</a>",
        "<a href=/blog/contact-lenses>Lenses</a>",
        "<a href=/careers>Careers</a>",
        "<a href='javascript:void(0)'>Contact</a>",
    ],
)
def test_other_links_are_left_out(link: str) -> None:
    assert links(link) == []


def test_a_page_is_listed_once_and_says_whether_it_is_on_another_host() -> None:
    html = "<a href=/contact>Contact</a><a href=/contact#form>Form</a><a href=https://info.shop.example/about>About</a>"
    assert links(html) == [
        ("https://www.shop.example/contact", "contact", False),
        ("https://info.shop.example/about", "about", True),
    ]


def test_a_home_page_of_another_domain_than_the_records_links_its_own_pages() -> None:
    assert links("<a href=/contact>x</a>", "https://new.example/") == [("https://new.example/contact", "contact", True)]


def test_a_neighbour_on_the_same_platform_is_another_website() -> None:
    assert links("<a href=https://b.github.io/contact>Contact</a>", "https://a.github.io/") == []


def test_the_number_of_links_is_bounded() -> None:
    html = "".join(f"<a href=/contact/{number}>x</a>" for number in range(100))
    assert len(links(html)) == MAX_LINKS
