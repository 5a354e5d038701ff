"""HTML is parsed as browsers do. What a hostile page may cost is tested in tests/hostile/test_page_reader.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.html import attributes_of, base_url, parse_html


@given(st.text(alphabet="<>/!-'\"= abdivscriptsvg\n", max_size=200))
def test_any_text_can_be_parsed(text: str) -> None:
    parse_html(text)


def test_lone_surrogates_can_be_parsed() -> None:
    parse_html("<p>\ud800</p>")


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("", "https://a.example/x/y"),
        ("<base href='/z/'>", "https://a.example/z/"),
        ("<base href='//b.example/'>", "https://b.example/"),
        ("<base target=_top><base href='z'>", "https://a.example/x/z"),
        ("<base href='javascript:alert(1)'>", "https://a.example/x/y"),
    ],
)
def test_a_base_element_changes_the_base_url(head: str, base: str) -> None:
    assert base_url(parse_html(head), "https://a.example/x/y") == base


@pytest.mark.parametrize(
    ("html", "href"),
    [
        ("<a href=u>", "u"),
        ("<a href>", ""),
        ("<svg><a xlink:href=u />", "u"),
        ("<math><a xlink:href=u>", "u"),
        ("<svg><a xlink:href=old href=new />", "new"),
    ],
)
def test_an_element_that_matches_href_has_an_href_attribute(html: str, href: str) -> None:
    [link] = parse_html(html).css("a[href]")
    assert attributes_of(link)["href"] == href
