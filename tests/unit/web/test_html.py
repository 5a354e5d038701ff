"""HTML is parsed as browsers do, in bounded time and memory for any page."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.html import attributes_of, base_url, parse_html
from scrapersky.web.html_complexity import MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES, cut_where_too_complex

MEGABYTES = 3_000_000


def of_size(piece: str, size: int = MEGABYTES) -> str:
    return piece * (size // len(piece))


BOMBS = {
    "nested blocks": of_size("<div>"),
    "nested lists": of_size("<ul><li>"),
    "nested links": of_size("<a><div>"),
    "options": "<select>" + of_size("<option>"),
    "different fonts": "".join(f"<font a={i}>" for i in range(100_000)) + of_size("<p>", 1_000_000),
    "attributes": "<p " + " ".join(f"a{i}" for i in range(300_000)) + ">",
    "roots": "".join(f"<body a{i}=b>" for i in range(200_000)),
    "deep, then wide": "<div>" * (MAX_DEPTH - 10) + of_size("<div></div>"),
    "an empty comment": "<!-->" + of_size("<div>"),
    "a comment that ends with --!>": "<!-- --!>" + of_size("<div>"),
    "a script inside svg": "<svg><script>" + of_size("<div>"),
    "a style inside svg": "<svg><style>" + of_size("<div>"),
    "noscript": "<noscript>" + of_size("<div>"),
    "a quote that never ends": of_size("<a '"),
    "tags that never end": of_size("<a "),
    "less-than signs": of_size("<"),
    "comments that never end": of_size("<!--"),
    "many tags with many attributes": of_size("<p " + " ".join(f"a{i}" for i in range(MAX_ATTRIBUTES - 10)) + ">"),
}


WITHOUT_END = "<p>" + "".join(f"<font a={i}>" for i in range(90)) + "</p>"
MANY_NODES = {
    "elements": of_size("<b></b>"),
    "texts": of_size("<p>x"),
    "comments": of_size("<!---->"),
    "bogus comments": of_size("<?>"),
    "declarations": of_size("<!x>"),
    "attributes": of_size("<p " + " ".join(f"a{i}" for i in range(400)) + ">"),
    "formatting repeated in every block": WITHOUT_END + of_size("<p>x</p>"),
    "repeated formatting with attributes": WITHOUT_END.replace(">", " b c d e f g h i>") + of_size("<p>x</p>"),
    "more open formatting than allowed": WITHOUT_END.replace("90", "") * 10 + of_size("<i>x"),
    "links left open": of_size("<a href=x>x"),
    "bold in bold": of_size("<b><div>x</b></div>"),
}


@pytest.mark.parametrize("name", MANY_NODES)
def test_a_page_of_megabytes_stays_below_the_node_limit(name: str) -> None:
    kept = cut_where_too_complex(MANY_NODES[name])
    assert len(kept) < MEGABYTES // 2
    document = parse_html(kept)
    assert document.root is not None
    nodes = sum(1 + len(node.attributes) for node in document.root.traverse(include_text=True))
    assert nodes <= MAX_NODES


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_megabytes_is_parsed_in_seconds(name: str) -> None:
    began = time.process_time()
    parse_html(BOMBS[name])
    assert time.process_time() - began < 10  # minutes without the truncation


def test_the_page_before_the_truncation_is_kept() -> None:
    document = parse_html("<title>Shop</title><p>Hello</p>" + "<div>" * 100_000 + "<h1>lost</h1>")
    title = document.css_first("title")
    assert title is not None
    assert title.text() == "Shop"
    assert document.css_first("h1") is None


@pytest.mark.parametrize(
    "ordinary",
    [
        "<p>" * 10_000,
        "<table>" + "<tr><td>x" * 10_000,
        "<img>" * 10_000 + "<br/>" * 10_000,
        "<script>" + "if (a<b && c<d) '<div>';" * 10_000 + "</script>",
        "<style>" + "<div>" * 10_000 + "</style>",
        "<!-- " + "<div>" * 10_000 + "-->",
        "<svg></svg><script>" + "'<div>'" * 10_000 + "</script>",
        "<div data-x='" + "a b " * 10_000 + "'>",
        "<div><span></span></div>" * 10_000,
        "<a href=/x><b>x</b></a> <i>y</i>" * 3_000,
        "<a name=x>x" * 5_000,
        "<b>x" * 300,
        "<svg><![CDATA[ <div> ]]></svg><p>x",
    ],
)
def test_a_long_but_ordinary_page_is_not_truncated(ordinary: str) -> None:
    assert cut_where_too_complex(ordinary) is ordinary


@given(st.text(alphabet="<>/!-'\"= abdivscriptsvg\n", max_size=200))
def test_any_text_can_be_parsed(text: str) -> None:
    assert text.startswith(cut_where_too_complex(text))
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
