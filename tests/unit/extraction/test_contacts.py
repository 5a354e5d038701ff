"""The contacts of a page: each with how the page gives it, and the text around it."""

from collections.abc import Sequence

import pytest

from scrapersky.extraction.contacts import MAX_CONTEXT, contact_rows, read_contacts
from scrapersky.extraction.json_ld import Graph
from scrapersky.vocabulary import EmailCategory
from tests.unit.domain_scheduler.pages import a_page


def rows(
    html: str, *, reserved_hosts: bool = False, keep: Sequence[str] = tuple(EmailCategory)
) -> list[list[str | None]]:
    page = a_page(html)
    graph = Graph.parse(page.scripts('script[type*="ld+json" i]'))
    found = read_contacts(page, graph, country="US", host="shop.com", limit=50, reserved_hosts=reserved_hosts)
    return contact_rows(
        page, found, {"facebook": "https://facebook.com/shop"} if "facebook" in html else {}, "shop.com", keep
    )


@pytest.mark.parametrize(
    ("html", "value", "found_in"),
    [
        ("<a href='mailto:a@shop.com'>write</a>", "a@shop.com", "mailto"),
        ("<p>Write to A@shop.com.", "a@shop.com", "text"),
        ("<p>Write to a [at] shop.com.", "a@shop.com", "obfuscated"),
        ("<a class=__cf_email__ data-cfemail=00614073686f702e636f6d>x</a>", "a@shop.com", "obfuscated"),
        ('<script type="application/ld+json">{"@type":"Store","email":"a@shop.com"}</script>', "a@shop.com", "json_ld"),
        ("<meta property='og:email' content='a@shop.com'>", "a@shop.com", "meta"),
        ("<a href='tel:+12519308621'>call</a>", "+12519308621", "tel"),
        ('<script type="application/ld+json">{"@type":"Store","telephone":"251-930-8621"}</script>', "+12519308621", "json_ld"),
        ("<p>Tel. (251) 930-8621", "+12519308621", "text"),
    ],
)  # fmt: skip
def test_a_contact_says_how_the_page_gives_it(html: str, value: str, found_in: str) -> None:
    assert [row[1:3] for row in rows(html)] == [[value, found_in]]


def test_a_contact_that_is_given_twice_is_found_in_the_stronger_way() -> None:
    html = "<p>a@shop.com, (251) 930-8621 <a href='mailto:a@shop.com'>a</a> <a href='tel:2519308621'>b</a>"
    assert [row[1:3] for row in rows(html)] == [["a@shop.com", "mailto"], ["+12519308621", "tel"]]


def test_the_context_is_the_line_around_the_contact() -> None:
    html = f"<p>{'x ' * 500}Orders: A@shop.com, daily {'y ' * 500}<p>Call (251) 930-8621 from 9 to 5"
    (_, _, _, _, of_email), (_, _, _, _, of_phone) = rows(html)
    assert of_email is not None
    assert "Orders: A@shop.com, daily" in of_email
    assert len(of_email) <= MAX_CONTEXT
    assert of_phone == "Call (251) 930-8621 from 9 to 5"


def test_a_contact_that_the_visible_text_lacks_has_no_context() -> None:
    assert rows("<a href='mailto:a@shop.com'>write</a>")[0][4] is None


def test_a_profile_is_a_contact_with_its_network() -> None:
    assert rows("<a href='https://facebook.com/shop'>f</a>") == [
        ["social", "https://facebook.com/shop", "link", "facebook", None]
    ]


def test_addresses_at_reserved_hosts_are_real_on_loopback_only() -> None:
    html = "<p>a@shop.example b@shop.test c@shop.invalid d@example.com e@shop.com you@yourdomain.example"
    assert [row[1] for row in rows(html)] == ["e@shop.com"]
    assert [row[1] for row in rows(html, reserved_hosts=True)] == ["a@shop.example", "e@shop.com"]
