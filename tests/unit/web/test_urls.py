"""URL normalisation: the natural key of pages and sitemap files."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scrapersky.web.urls import PLAIN_URL, has_template, is_normal, normalise_url, parse_url

urls = st.from_regex(r"https?://[a-zA-Z0-9.-]{1,20}(:\d{1,5})?(/[ -~äß]{0,30})?", fullmatch=True)


@given(urls | st.text(max_size=60) | st.from_regex(r"https://a\.b/[{%7bB2 5]{0,9}", fullmatch=True))
def test_normalising_is_idempotent(text: str) -> None:
    once = normalise_url(text)
    assert once is None or normalise_url(once) == once


@given(
    st.from_regex(
        r"https?://[a-z0-9_.-]{1,12}(\.xn--[a-z0-9]{0,4})?/[!-~]{0,12}(/\.{0,3}|%2[eE]){0,3}[!-~]{0,12}", fullmatch=True
    )
    | st.from_regex(r"https?://[a-z]{1,3}\.[a-z]{2}/[a-zA-Z0-9._~!$&()*+,;=:@%/-]{0,20}(\?[!-~]{0,9})?", fullmatch=True)
)
@example("http://a.0x1/")
@example("http://1.2.3.4/")
@example("http://a/%2E%2e/b")
@example("http://a-.b_/?'")
@example("http://a.b/;x=1&amp;y?z?")
def test_the_fast_check_for_normal_urls_agrees_with_the_parser(text: str) -> None:
    url = parse_url(text)
    assert normalise_url(text) == (None if url is None or has_template(text) else url.href)
    assert "/." in text or re.fullmatch(PLAIN_URL, text) is None or is_normal(text)


@given(st.text(max_size=60))
def test_any_reference_gives_an_http_url_or_none(text: str) -> None:
    url = normalise_url(text, base="https://example.com/a/b?c")
    assert url is None or (url.startswith(("http://", "https://")) and "#" not in url and url.isascii())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://Example.COM", "http://example.com/"),
        ("HTTP://example.com:80/a/../b/./c", "http://example.com/b/c"),
        ("https://example.com:443/#top", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://example.com/ä ö", "https://example.com/%C3%A4%20%C3%B6"),
        ("https://münchen.de/", "https://xn--mnchen-3ya.de/"),
        ("  https://example.com/x\r\n", "https://example.com/x"),
        ("https://example.com/A?b=C&d=http://x@y/", "https://example.com/A?b=C&d=http://x@y/"),
        ("https://example.com/%zz", "https://example.com/%zz"),
        ("http://2130706433/", "http://127.0.0.1/"),
    ],
)
def test_each_url_has_one_spelling(text: str, url: str) -> None:
    assert normalise_url(text) == url


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("x", "https://example.com/a/x"),
        ("../x", "https://example.com/x"),
        ("/x", "https://example.com/x"),
        ("//other.com/x", "https://other.com/x"),
        ("?q", "https://example.com/a/b?q"),
        ("", "https://example.com/a/b"),
        ("#f", "https://example.com/a/b"),
        ("http://other.com", "http://other.com/"),
        ("/a:b", "https://example.com/a:b"),
    ],
)
def test_a_relative_reference_is_resolved_against_its_base(reference: str, url: str) -> None:
    assert normalise_url(reference, base="https://example.com/a/b#c") == url


@pytest.mark.parametrize(
    "reference",
    [
        "http:x",
        "https:/x",
        "///x",
        "mailto:a@b.com",
        "javascript:void(0)",
        "tel:1",
        "data:,x",
        "\\\\other.com",
        "/a\\b",
        "//u@h/",
        "page:1",
    ],
)
def test_a_reference_that_parsers_read_differently_is_rejected(reference: str) -> None:
    assert normalise_url(reference, base="https://example.com/a/b") is None


@pytest.mark.parametrize(
    ("reference", "is_url"),
    [
        ("/{{ page.url }}", False),
        ("/{%if x%}", False),
        ("/{%20}", True),
        ("/{% if x %}a", False),
        ("/%7B%7Burl%7D%7D", False),
        ("/%7b%25 url", False),
        ("/?q={{q}}", False),
        ("/{id}", True),
        ("/?q=%7B%22a%22%3A1%7D", True),
    ],
)
def test_a_reference_with_a_template_that_was_not_rendered_is_rejected(reference: str, is_url: bool) -> None:
    assert (normalise_url(reference, base="https://example.com/a/b") is not None) is is_url


def test_the_length_limit_holds_before_and_after_parsing() -> None:
    start = "https://example.com/"
    assert normalise_url(start + "a" * (2_048 - len(start))) is not None
    assert normalise_url(start + "a" * (2_049 - len(start))) is None
    assert normalise_url(start + "ä" * 500) is None
    assert normalise_url(start + "a/../" * 1_000) is None


def test_an_invalid_base_gives_none() -> None:
    assert normalise_url("x", base="no url") is None
