"""Every format is recognised by its content and gives its entries."""

import gzip

import pytest

from scrapersky.web.sitemaps import Kind, SitemapRefused
from tests.unit.sitemaps.reading import NAMESPACE, index, read, urlset

A, B = "https://example.com/a", "https://example.com/b"

IMAGES = (
    f'<urlset {NAMESPACE} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
    f"<url><image:image><image:loc>https://example.com/1.jpg</image:loc></image:image><loc>{A}</loc>"
    f"<image:image><image:loc>https://example.com/2.jpg</image:loc></image:image></url></urlset>"
)
NEWS = (
    f"<urlset><url><loc>{A}</loc><news:news><news:title>T</news:title></news:news>"
    "<image:image><image:loc>https://example.com/1.jpg</image:loc></image:image></url></urlset>"
)
HREFLANG = (
    f"<urlset><url><loc>{A}</loc>"
    f'<xhtml:link rel="alternate" hreflang="de-AT" href="https://example.com/de"/>'
    f'<xhtml:link rel="alternate" hreflang="x-default" href="/x"/><xhtml:link rel="alternate" href="/no-language"/>'
    "</url></urlset>"
)
RSS = (
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>t</title>'
    '<link>https://example.com/home</link><atom:link href="https://example.com/feed" rel="self"/>'
    f"<item><title>a</title><link>{A}</link><pubDate>Mon, 06 Sep 2021 16:45:00 +0200</pubDate></item>"
    f'<item><guid isPermaLink="true">{B}</guid></item><item><guid>not-a-url</guid></item></channel></rss>'
)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    f'<channel><link>https://example.com/</link></channel><item rdf:about="x"><link>{A}</link>'
    "<dc:date>2021-09-06</dc:date></item></rdf:RDF>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><link href="https://example.com/"/>'
    f'<entry><link rel="edit" href="/edit"/><link rel="alternate" href="{A}"/><updated>2021-09-06T16:45:00Z</updated>'
    '<content type="html">&lt;a href="/x"&gt;</content><source><link href="https://elsewhere.test/"/></source></entry>'
    f'<entry><link href="{B}"/><published>2020-01-01</published></entry></feed>'
)


@pytest.mark.parametrize(
    ("body", "kind", "file_type", "urls"),
    [
        pytest.param(urlset(A, B), Kind.URLSET, "urlset", [A, B], id="urlset"),
        pytest.param(urlset(), Kind.URLSET, "urlset", [], id="urlset without urls"),
        pytest.param(index(A, B), Kind.INDEX, "index", [A, B], id="index"),
        pytest.param(
            f"<urlset><sitemap><loc>{A}</loc></sitemap></urlset>", Kind.INDEX, "index", [A], id="index in urlset"
        ),
        pytest.param(f"{A}\r\n\r\n# more\n  {B}", Kind.TEXT, "text", [A, B], id="text"),
        pytest.param(
            b"\xef\xbb\xbf" + f"{A}\r\n{B}\r\n".encode(), Kind.TEXT, "text", [A, B], id="text with BOM and CRLF"
        ),
        pytest.param(f"# comment\n# comment\n{A}\rnot a url\r{B}\r", Kind.TEXT, "text", [A, B], id="text with CR"),
        pytest.param(RSS, Kind.RSS, "feed", [A, B], id="RSS 2.0"),
        pytest.param(RDF, Kind.RSS, "feed", [A], id="RSS 1.0"),
        pytest.param(ATOM, Kind.ATOM, "feed", [A, B], id="Atom"),
        pytest.param(IMAGES, Kind.URLSET, "image", [A], id="images"),
        pytest.param(NEWS, Kind.URLSET, "news", [A], id="news"),
        pytest.param(HREFLANG, Kind.URLSET, "urlset", [A], id="hreflang"),
        pytest.param(gzip.compress(urlset(A).encode()), Kind.URLSET, "urlset", [A], id="gzip"),
        pytest.param(gzip.compress(f"{A}\n".encode()), Kind.TEXT, "text", [A], id="gzipped text"),
    ],
)
def test_a_format_is_recognised_by_its_content(body: bytes | str, kind: Kind, file_type: str, urls: list[str]) -> None:
    reading = read(body)
    assert (reading.reader.kind, reading.reader.file_type, reading.urls) == (kind, file_type, urls)
    assert reading.reader.error is None
    assert not reading.reader.truncated


def test_extensions_are_counted_and_their_locs_are_not_pages() -> None:
    (entry,) = read(IMAGES).entries
    assert (entry.url, entry.images, entry.videos, entry.news) == (A, 2, 0, 0)
    (entry,) = read(NEWS).entries
    assert (entry.images, entry.news) == (1, 1)


def test_alternates_are_absolute_urls_by_language() -> None:
    (entry,) = read(HREFLANG).entries
    assert entry.alternates == {"de-AT": "https://example.com/de", "x-default": "https://example.com/x"}


def test_the_items_of_feeds_have_dates() -> None:
    dates = [entry.last_modified.isoformat() if entry.last_modified else None for entry in read(RSS).entries]
    assert dates == ["2021-09-06T14:45:00+00:00", None]
    dates = [entry.last_modified.isoformat() if entry.last_modified else None for entry in read(ATOM).entries]
    assert dates == ["2021-09-06T16:45:00+00:00", "2020-01-01T00:00:00+00:00"]
    assert [entry.last_modified is not None for entry in read(RDF).entries] == [True]


def test_the_reader_counts_its_entries() -> None:
    body = urlset(A, "javascript:alert(1)", B).replace("</loc>", "</loc><lastmod>2024</lastmod>", 1)
    reader = read(body).reader
    assert (reader.urls, reader.skipped, reader.with_lastmod, reader.is_gzip) == (2, 1, 1, False)
    assert reader.decoded_bytes == len(body)


NS = "http://www.sitemaps.org/schemas/sitemap/0.9"


@pytest.mark.parametrize(
    "body",
    [
        f'<urlset xmlns:s="{NS}"><s:url><s:loc>{A}</s:loc></s:url></urlset>',
        f'<a:urlset xmlns:b="{NS}"><b:url><b:loc>{A}</b:loc></b:url></a:urlset>',
        f"<urlset><s:url><s:loc>{A}</s:loc><image:image><image:loc>{B}</image:loc></image:image></s:url></urlset>",
        f"<sm:urlset><url><loc>{A}</loc></url></sm:urlset>",
        f'<sitemapindex xmlns:ns0="{NS}"><ns0:sitemap><ns0:loc>{A}</ns0:loc></ns0:sitemap></sitemapindex>',
    ],
)
def test_entries_may_have_another_prefix_than_the_root(body: str) -> None:
    assert read(body).urls == [A]


@pytest.mark.parametrize("root", ["sitemapindex", "SITEMAPINDEX", "s:sitemapindex"])
def test_an_index_whose_entries_are_urls_is_a_urlset(root: str) -> None:
    reading = read(f"<{root}><url><loc>{A}</loc></url><url><loc>{B}</loc></url></{root}>")
    assert (reading.urls, reading.reader.kind) == ([A, B], Kind.URLSET)


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        ('<feed xml:base="https://b.example/x/"><entry><link href="1"/></entry></feed>', ["https://b.example/x/1"]),
        ('<feed><entry xml:base="https://b.example/x/"><link href="1"/></entry><entry><link href="/2"/></entry></feed>',
         ["https://b.example/x/1", "https://example.com/2"]),
        ('<feed xml:base="/x/"><entry><link xml:base="y/" href="1"/></entry></feed>', ["https://example.com/x/y/1"]),
        ('<feed xml:base="mailto:a"><entry><link href="/1"/></entry></feed>', ["https://example.com/1"]),
        ('<feed><entry><link rel="self" href="/1"/></entry></feed>', ["https://example.com/1"]),
        (f"<feed><entry><id>{A}</id></entry><entry><id>urn:uuid:1</id></entry></feed>", [A]),
        (f'<feed><entry><id>{B}</id><link href="{A}"/><link rel="self" href="{B}"/></entry></feed>', [A]),
        ('<rss><channel><item><atom:link href="/1"/></item></channel></rss>', ["https://example.com/1"]),
        ('<rss><channel><atom:link href="/feed"/><item><link>/1</link></item></channel></rss>', ["https://example.com/1"]),
    ],
)  # fmt: skip
def test_links_of_feeds_are_resolved_and_other_links_stand_in_for_missing_ones(body: str, urls: list[str]) -> None:
    assert read(body).urls == urls


@pytest.mark.parametrize(
    "head", ["Sitemap of the shop", "url,lastmod", "/", "www.example.com", "id;url", "# a\n\nPages:"]
)
def test_a_text_sitemap_may_have_other_lines_before_the_urls(head: str) -> None:
    assert read(f"{head}\n{A}\n{B}\n").urls == [A, B]


@pytest.mark.parametrize(
    "line", ['"{}","A, b"', '"A","{}"', '"{}";"2024-01-01"', '"{}"', "- {}", "1. {}", "{};2024-01-01"]
)
def test_a_text_sitemap_may_have_quoted_columns_and_list_marks(line: str) -> None:
    assert read(f'"url","title"\n{line.format(A)}\n{line.format(B)}\n').urls == [A, B]


@pytest.mark.parametrize("body", ["Page not found\n", "Error\nPlease go to https://example.com/\n", "a,b\n1,2\n"])
def test_a_text_without_a_line_that_is_a_url_is_refused(body: str) -> None:
    with pytest.raises(SitemapRefused):
        read(body)
