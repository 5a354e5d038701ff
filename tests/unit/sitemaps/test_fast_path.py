"""The fast path reads plain entries exactly as the parser does."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapersky.web.sitemaps import Entry, Limits
from scrapersky.web.sitemaps.fast_path import fits_within, plain_entries
from scrapersky.web.sitemaps.xml import GRID, STRIDE
from scrapersky.web.urls import NormalUrl
from scripts.commands.bench.sitemaps.sitemap import HEAD
from scripts.commands.bench.sitemaps.sitemap import entries as measured
from tests.unit.sitemaps.reading import URL, read
from tests.unit.sitemaps.test_chunking import outcome

BLANKS = ["", "\n", " ", "\r\n\t", "\r", "\n\n\n"]
LOCS = [
    *("https://example.com/a", "https://shop.example.com/a/b.html?c=d", "http://www.example.co.uk/~x/(y)/", "/a", "b"),
    *("https://example.com/a?b=1&amp;c=2", "https://example.com/&amp;amp;amp;", "https://example.com/.x/../y", "&amp;"),
    *("https://example.com/caf%C3%A9", "https://example.com/%2e%2E/", "https://xn--a.example/", "https://1.2.3.4/"),
    *("HTTPS://Example.COM:443/#x", "www.example.com", "mailto:a@example.com", "//a.test/b", "https://example.com"),
    *(
        "https://example.com/a%5D%5D%3E",
        "https://example.com/é",
        "https://example.com/a b",
        "",
        "\xa0",
        "/nbsp\xa0",
        "/space\u2003",
        "/a\rb",
        "&lt;",
        "x&#65;",
    ),
    "https://example.com/" + "x" * 2_020,
    "https://example.com/" + "y" * 5_000,
    "https://example.com/?" + "&amp;amp;" * 500,
]
FIELDS = [
    *("<lastmod>2024-05-06</lastmod>", "<lastmod>2024-05-06T07:08:09+01:00</lastmod>", "<lastmod>x</lastmod>"),
    *("<lastmod>\n2024-05-06\t</lastmod>", "<lastmod>2024-05-06T07:08:09\r\n+01:00</lastmod>", "<lastmod></lastmod>"),
    *(f"<lastmod>{' ' * 70}2024</lastmod>", f"<lastmod>{' ' * 5_000}2024</lastmod>"),
    *("<lastmod>Mon, 06 Sep 2021 16:45:00 +0200</lastmod>", "<lastmod/>"),
    *("<changefreq>Weekly</changefreq>", "<changefreq>never </changefreq>", "<priority>0.5</priority>"),
    *("<priority> 1</priority>", "<priority>&#49;</priority>", "<loc>https://example.com/second</loc>", "text"),
    "<image:image><image:loc>https://example.com/i.jpg</image:loc></image:image>",
    "<image:image>\n<image:loc>/i?a&amp;b</image:loc>\n<image:title>é &lt;</image:title></image:image>",
    "<image:image><image:url>/i</image:url></image:image>",
    '<xhtml:link hreflang="de" href="/de"/>',
    "<news:news><news:title>T</news:title></news:news>",
    "<x:y><url><loc>/inner</loc></url></x:y>",
]
ODDITIES = [
    "\x00",
    *(
        "<url/>",
        "<url>",
        "</url>",
        "</loc>",
        "<loc>/root</loc>",
        "<!-- <url>\n</url> -->",
        "<?php </url> <url> ?>",
        "&",
    ),
    *(
        "<![CDATA[ </url> ]]>",
        "<?x",
        "</urlset>",
        "<urlset>",
        "<URLSET>",
        "<sitemap><loc>/s</loc></sitemap>",
        "< ",
        "é",
    ),
    *('<url a="b">', "<a><b>", "]]>", "<url><loc>/a</lastmod></url>", "<x a='</url>'/>", '<x a="', "<"),
]

BLANK = "\n" * GRID
FAR = "\n" * STRIDE + "<url></url>"  # the parser reads this far before the fast path is tried again
START = f"<urlset>{FAR}"

entries = st.builds(
    lambda blank, loc, fields: f"<url>{blank}<loc>{blank}{loc}</loc>{blank}{''.join(fields)}{blank}</url>{blank}",
    st.sampled_from(BLANKS),
    st.sampled_from(LOCS),
    st.lists(st.sampled_from(FIELDS), max_size=2),
)
parts = st.builds(
    lambda gap, few, oddity: gap + "".join(few) + oddity,
    st.sampled_from([FAR, FAR, BLANK]),
    st.lists(entries, min_size=1, max_size=6),
    st.sampled_from(["", *ODDITIES]),
)
documents = st.lists(parts, min_size=1, max_size=6).map(lambda texts: START + "".join(texts) + "</urlset>")


def without_fast_path(body: str) -> str:
    """Return ``body`` with tags in upper case: same meaning and length, but no entry is plain."""
    return re.sub(r"(?<=<)(/?)url\b", r"\1URL", body)


def result(body: str, limits: Limits, *, chunk: int = 65_536, truncated: bool = False) -> tuple[object, ...]:
    data = body.encode()
    return outcome([data[at : at + chunk] for at in range(0, len(data), chunk)], limits, truncated=truncated)


ENTRIES = [f"<url><loc>{loc}</loc></url>" for loc in LOCS]
ENTRIES += [f"<url><loc>/a</loc>{blank}{field}</url>" for field in FIELDS for blank in BLANKS]
DOCUMENTS = {
    "each loc and each field": START + FAR.join(ENTRIES) + "<x></y></urlset>",
    "images in a root with their prefix": f"<image:urlset>{FAR}" + FAR.join(ENTRIES),
    "entries behind the root": f"{START}</urlset>{BLANK}" + ENTRIES[0] * 2,
    "a loc in the root": f"{START}<loc>/root</loc>{BLANK}" + ENTRIES[0] * 2,
    "an instruction with entries in it": f"{START}<?x {FAR}{ENTRIES[0]}?>" + ENTRIES[1],
    "locs of no use": START + (ENTRIES[0] * 3 + "<url><loc>mailto:a</loc></url>") * 9,
    "pieces that are all plain": START + ENTRIES[0] * 2_000 + "<url><loc>/b",
}


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_gives_the_same_result_with_and_without_the_fast_path(body: str) -> None:
    for limits in (Limits(field_characters=2_048), Limits(urls=10)):
        assert result(body, limits) == result(without_fast_path(body), limits)


@settings(max_examples=200, deadline=None)
@given(
    body=documents,
    back=st.integers(0, 4_000),
    less=st.integers(0, 30),
    more=st.sampled_from(["", *ODDITIES[1:]]),
    chunk=st.sampled_from([100, 65_536]),
    limits=st.builds(
        Limits,
        urls=st.sampled_from([3, 50_000]),
        repairs=st.sampled_from([3, 2_000_000]),
        depth=st.sampled_from([3, 4, 64, 64]),
        field_characters=st.sampled_from([20, 4_096, 4_096, 4_096]),
    ),
    truncated=st.booleans(),
)
def test_broken_and_limited_documents_give_the_same_result_without_the_fast_path(
    body: str, back: int, less: int, more: str, chunk: int, limits: Limits, truncated: bool
) -> None:
    at = max(len(START), len(body) - back)
    body = body[:at] + more + body[at + less :]
    expected = result(without_fast_path(body), limits, chunk=chunk, truncated=truncated)
    assert result(body, limits, chunk=chunk, truncated=truncated) == expected


def test_the_file_of_the_benchmark_consists_of_plain_entries() -> None:
    found, rest = plain_entries("".join(measured(100)) + "</urlset>", URL)
    assert (len(found), rest) == (100, "\n</urlset>")
    assert found == read(without_fast_path(HEAD + "".join(measured(100)))).entries


PLAIN = {
    "a loc alone": "<url><loc>https://example.com/a</loc></url>",
    "fields in any order": "<url><loc>https://example.com/a</loc><priority>1</priority><lastmod>2024</lastmod></url>",
    "blanks": "\r\n<url>\n<loc>\t https://example.com/a\n</loc>\n\t</url>",
    "images": "<url><loc>https://example.com/a</loc><image:image><image:loc>é</image:loc></image:image></url>",
    "escaped ampersands": "<url><loc>https://example.com/?a&amp;b</loc></url>",
    "letters beyond ASCII": "<url><loc>https://example.com/é</loc></url>",
    "a path": "<url><loc>/a</loc></url>",
}
NOT_PLAIN = {
    "upper case": "<URL><loc>https://example.com/a</loc></URL>",
    "attributes": "<url id='1'><loc>https://example.com/a</loc></url>",
    "another reference": "<url><loc>https://example.com/&lt;</loc></url>",
    "two locs": "<url><loc>https://example.com/a</loc><loc>https://example.com/b</loc></url>",
    "no loc": "<url><lastmod>2024</lastmod></url>",
    "an empty loc": "<url><loc></loc></url>",
    "a link": "<url><loc>https://example.com/a</loc><xhtml:link hreflang='de' href='/de'/></url>",
    "text": "<url>x<loc>https://example.com/a</loc></url>",
    "an entry that is cut": "<url><loc>https://example.com/a</loc>",
    "the end of the root": "</urlset>",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_a_plain_entry_is_read_without_the_parser(text: str) -> None:
    found, rest = plain_entries(text * 2, URL)
    assert (len(found), rest) == (2, "")
    assert found == read(without_fast_path(f"<urlset>{text * 2}")).entries


@pytest.mark.parametrize("text", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_the_fast_path_stops_at_an_entry_that_is_not_plain(text: str) -> None:
    first = PLAIN["a loc alone"]
    assert plain_entries(first + text + first, URL) == ([Entry(NormalUrl("https://example.com/a"))], text + first)


def test_the_fast_path_is_off_if_a_plain_entry_could_exceed_the_limits() -> None:
    assert fits_within(Limits())
    assert not fits_within(Limits(depth=3))
    assert not fits_within(Limits(field_characters=2_047))
