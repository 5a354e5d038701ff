"""The errors of real sitemaps: everything readable is read, and nothing is invented."""

import gzip

import pytest

from scrapersky.web.sitemaps import SitemapRefused
from scrapersky.web.sitemaps.sanitiser import MAX_COMMENT
from scrapersky.web.sitemaps.xml import GRID
from tests.unit.sitemaps.reading import NAMESPACE, read, urlset

A, B, C = "https://example.com/a", "https://example.com/b", "https://example.com/c"
ABC = [A, B, C]
PLAIN = urlset(A, B, C)
PHP = "<br />\n<b>Notice</b>: Undefined index: x in <b>/var/www/sitemap.php</b> on line <b>3</b><br />\n"

SURVIVED = {
    "comments": (PLAIN.replace("<url>", "<!-- <url><loc>https://example.com/no</loc></url> --><url>"), ABC),
    "comments with -- inside": (PLAIN.replace("<url>", "<!-- old -- <url> new --><url>"), ABC),
    "a comment that ends with ->": (PLAIN.replace("<url>", "<!-- written manually -><url>", 2), ABC),
    "a comment without end before the root": (PLAIN.replace("<urlset", "<!-- written manually >\n<urlset", 1), ABC),
    "a comment without end behind one with": (PLAIN.replace("<url>", "<!-- a --><!-- b -- ><url>", 1), ABC),
    "processing instructions": (PLAIN.replace("<urlset", '<?xml-stylesheet href="a.xsl"?><?php x ?><urlset'), ABC),
    "CDATA": (urlset(*(f"<![CDATA[{url}?x=1&y=2]]>" for url in ABC)), [f"{url}?x=1&y=2" for url in ABC]),
    "CDATA with escaped ampersands": (urlset(f"<![CDATA[{A}?x=1&amp;y=2]]>"), [f"{A}?x=1&y=2"]),
    "prefixed namespace": (
        f"<sm:urlset xmlns:sm='x'><sm:url><sm:loc>{A}</sm:loc><x:loc>{B}</x:loc></sm:url></sm:urlset>",
        [A],
    ),
    "no namespace": (PLAIN.replace(NAMESPACE, ""), ABC),
    "undeclared prefixes": (PLAIN.replace("</loc>", "</loc><image:image><image:loc>/i</image:loc></image:image>"), ABC),
    "raw ampersands": (urlset(f"{A}?x=1&y=2&z", f"{B}?&copy=1&lt=2"), [f"{A}?x=1&y=2&z", f"{B}?&copy=1&lt=2"]),
    "ampersand escaped twice": (urlset(f"{A}?x=1&amp;amp;y=2", f"{B}?x&amp;#038;y"), [f"{A}?x=1&y=2", f"{B}?x&y"]),
    "ampersand as a number": (urlset(f"{A}?x=1&#038;y=2&#x26;z"), [f"{A}?x=1&y=2&z"]),
    "HTML entities": (urlset("&nbsp;https://example.com/caf&eacute;"), ["https://example.com/caf%C3%A9"]),
    "references to forbidden characters": (urlset(f"{A}&#0;&#x1;&#xD800;", B), [A, B]),
    "blank lines before the prolog": ("\r\n\n  \t" + PLAIN, ABC),
    "PHP notice before the prolog": (PHP + PLAIN, ABC),
    "PHP notice before a root without prolog": (PHP + urlset(A, head=""), [A]),
    "plain text before the prolog": ("Warning: mysql_connect() failed\n" + PLAIN, ABC),
    "UPPERCASE tags": (urlset(A, B, C, head="").replace("url", "URL").replace("loc>", "LOC>"), ABC),
    "MixedCase root": (f"<UrlSet><Url><Loc>{A}</Loc></Url></UrlSet>", [A]),
    "whitespace in loc": (urlset(f"\n    {A}\n  ", f"\t{B} ", "https://example.com/\n    c"), ABC),
    "relative locs": (
        urlset("/a", "b", "../c", "?d", "./e"),
        [A, "https://example.com/maps/b", C, "https://example.com/maps/sitemap.xml?d", "https://example.com/maps/e"],
    ),
    "Windows' slashes": (
        urlset("https://example.com\\a", "https://example.com/x\\..\\b", "c?x\\y", "https://example.com\\@c.test/"),
        [A, B, "https://example.com/maps/c?x%5Cy", "https://example.com/@c.test/"],
    ),
    "protocol-relative loc": (urlset("//example.com/a", "//other.test/b"), [A, "https://other.test/b"]),
    "control characters": (PLAIN.replace("/b", "/\x0bb\x00").replace("<url>", "\x01<url>"), ABC),
    "benign DOCTYPE": (PLAIN.replace("<urlset", '<!DOCTYPE urlset SYSTEM "sitemap.dtd"><urlset', 1), ABC),
    "duplicate attributes on the root": (PLAIN.replace(NAMESPACE, f"{NAMESPACE} {NAMESPACE}"), ABC),
    "root attribute without value": (PLAIN.replace(NAMESPACE, "xmlns"), ABC),
    "missing </url>": (PLAIN.replace("</url>", ""), ABC),
    "missing one </url>": (PLAIN.replace("</url>", "", 1), ABC),
    "a </url> too many": (PLAIN.replace("</url>", "</url></url>", 1), ABC),
    "empty <url> left open": (PLAIN.replace("<url>", "<url>\n<url>", 1), ABC),
    "missing </loc>": (PLAIN.replace("</loc>", "<lastmod>2024-01-01</lastmod>"), ABC),
    "<loc> for </loc>": (PLAIN.replace("</loc>", "<loc>"), ABC),
    "wrong end tag": (PLAIN.replace("</loc>", "</lastmod>", 1), ABC),
    "end tag in another case": (PLAIN.replace("</loc>", "</LOC>", 2), ABC),
    "locs without url": (PLAIN.replace("<url>", "").replace("</url>", ""), ABC),
    "locs beside urls": (PLAIN.replace("<url>", f"<loc>{A}/x</loc><url>", 1), [f"{A}/x", *ABC]),
    "invisible characters around loc": (urlset(f"\ufeff{A}\u200b", f"\u00a0{B}\u2060", f"\u3000{C}\u0085"), ABC),
    "loc without scheme": (
        urlset("www.example.com/a", "www.a", "WWW.example.co.uk"),
        [
            "https://www.example.com/a",
            "https://example.com/maps/www.a",
            "https://www.example.co.uk/",
        ],
    ),
    "list with dates": (f"{A} 2024-05-06\n{B}\t0.5\n{C}; 2024-05-06", ABC),
    "list with titles": (f"Home\t{A}\tdaily\n{B}, {C}\n", ABC),
    "list of urls with blanks": (f"{A} b\n", [f"{A}%20b"]),
    "missing </urlset>": (PLAIN.replace("</urlset>", ""), ABC),
    "urls behind the root": (PLAIN + f"<url><loc>{A}/d</loc></url>", [*ABC, f"{A}/d"]),
    "two documents in one file": (PLAIN + urlset(f"{A}/d"), [*ABC, f"{A}/d"]),
    "junk behind the root": (PLAIN + "\n</html><script>alert(1)</script> & 0\x00", ABC),
    "merge conflict": (
        PLAIN.replace("<url>", "<<<<<<< HEAD\n<url>", 1).replace("</urlset>", ">>>>>>> x\n</urlset>"),
        ABC,
    ),
    "attribute without quotes": (PLAIN.replace("<url>", "<url a=b>", 1), ABC),
    "attribute quote left open": (PLAIN.replace("<url>", '<url id="x>', 2), ABC),
    "start tag left open": (PLAIN.replace("<url>", "<url", 1), ABC),
    "start tag with something in it": (PLAIN.replace("<url>", "<u&rl>", 1), ABC),
    "loc's own start tag broken": (PLAIN.replace("<loc>", "<loc", 1), [B, C]),
    "two locs in one url": (f"<urlset><url><loc>{A}</loc><loc>{B}</loc><lastmod>2024</lastmod></url></urlset>", [A, B]),
    "no url in loc": (urlset("", " ", "mailto:a@example.com", "ftp://example.com/", "http://", A), [A]),
    "loc over 2,048 characters": (urlset("https://example.com/" + "x" * 2_048, A), [A]),
    "]]> in text": (PLAIN.replace("<url>", "]]> <url>"), ABC),
    "CDATA that ran on": (urlset(f"<![CDATA[{A}</loc><lastmod><![CDATA[2024]]>", B), [A, B]),
    "CDATA left open": (urlset(*(f"<![CDATA[{url}" for url in ABC)), ABC),
    "CDATA whose end is escaped": (
        urlset(f"<![CDATA[{A}%5D%5D%3E", f"<![CDATA[{B}%5d%5d%3e", f"<![CDATA[{C}]]&gt;").replace("</loc>", "</loc >"),
        ABC,
    ),
    "CDATA left open in a date": (PLAIN.replace("</loc>", "</loc><lastmod><![CDATA[2024</lastmod>"), ABC),
    "markup in CDATA": (PLAIN.replace("<loc>", "<x><![CDATA[<p>a</p></url><loc>no]]></x><loc>"), ABC),
    "XML 1.1": (PLAIN.replace('"1.0"', '"1.1"'), ABC),
}


@pytest.mark.parametrize(("body", "urls"), SURVIVED.values(), ids=SURVIVED)
def test_a_broken_sitemap_gives_all_readable_entries(body: str, urls: list[str]) -> None:
    assert read(body).urls == urls
    assert read(gzip.compress(body.encode()), chunk=7).urls == urls


@pytest.mark.parametrize("end", range(len(urlset(A)) + 1, len(PLAIN)))
def test_a_body_truncated_anywhere_gives_no_partial_url(end: int) -> None:
    reading = read(PLAIN[:end], truncated=True)
    assert reading.urls == ABC[: len(reading.urls)]
    assert reading.reader.truncated
    assert "the body ends early" in str(reading.reader.error)


@pytest.mark.parametrize("more", range(30))
def test_a_truncated_url_is_dropped_even_if_the_parser_has_seen_its_start(more: int) -> None:
    body = f"<urlset><url><loc>{A}</loc></url>".ljust(GRID - 25) + f"<url><loc>{C}"
    reading = read(body + "x" * more, truncated=True)
    assert reading.urls == [A]
    assert reading.reader.truncated


def test_junk_behind_the_root_is_an_error_only_if_urls_follow() -> None:
    whole = read(PLAIN + "\n</html> & 0").reader
    assert (whole.error, whole.truncated) == (None, False)
    more = read(PLAIN + f"\n<url><loc>{A}</loc></url></urlset>").reader
    assert str(more.error).startswith("line 6, byte ")
    assert more.error is not None
    assert "junk after document element" in more.error


def test_the_next_entry_is_found_wherever_the_pieces_of_the_parser_end() -> None:
    for length in range(GRID - 40, GRID + 10):
        body = "<urlset><url></lastmod>".ljust(length) + f"<url><loc>{A}</loc></url></urlset>"
        assert read(body).urls == [A]


@pytest.mark.parametrize("end", [1, 10, 50, 100])
def test_a_truncated_gzip_stream_gives_the_entries_that_arrived(end: int) -> None:
    urls = [f"https://example.com/{number}" for number in range(5_000)]
    packed = gzip.compress(urlset(*urls).encode())
    reading = read(packed[: -end * 50])
    assert reading.urls == urls[: len(reading.urls)]
    assert reading.urls
    assert reading.reader.truncated
    assert reading.reader.error == "the gzip data ends early"


def test_a_damaged_gzip_stream_gives_the_entries_before_the_damage() -> None:
    urls = [f"https://example.com/{number}" for number in range(5_000)]
    packed = bytearray(gzip.compress(urlset(*urls).encode()))
    packed[len(packed) // 2 :] = bytes(byte ^ 0x55 for byte in packed[len(packed) // 2 :])
    reading = read(bytes(packed))
    assert reading.urls
    assert reading.reader.truncated
    assert reading.reader.error == "the gzip data is damaged"


def test_the_last_line_of_a_truncated_text_sitemap_is_dropped() -> None:
    assert read(f"{A}\n{B}").urls == [A, B]
    reading = read(f"{A}\n{B}", truncated=True)
    assert reading.urls == [A]
    assert reading.reader.truncated


def test_the_error_names_the_line_of_the_first_break_and_the_number_of_breaks() -> None:
    body = urlset(A, B, C).replace("</loc>", "</lastmod>", 2).replace("<urlset", "<!-- one\ntwo -->\n<urlset")
    reading = read(body)
    assert reading.urls == ABC
    assert str(reading.reader.error).startswith("line 4, byte ")
    assert str(reading.reader.error).endswith("mismatched tag (and 1 more)")
    assert not reading.reader.truncated


@pytest.mark.parametrize(("length", "is_comment"), [(MAX_COMMENT, True), (MAX_COMMENT + 1, False)])
def test_a_comment_counts_only_if_it_ends_within_the_limit(length: int, is_comment: bool) -> None:
    comment = f" <url><loc>{B}</loc></url>".ljust(length)
    body = urlset(A, C).replace("</url>", f"</url><!--{comment}-->", 1)
    for chunk in (999, len(body)):
        assert read(body, chunk=chunk).urls == ([A, C] if is_comment else [A, B, C])


REFUSED = {
    "nothing": (b"", "empty"),
    "blanks": (b" \r\n\t ", "empty"),
    "a BOM alone": (b"\xef\xbb\xbf", "empty"),
    "NULs": (b"\0\0\0", "empty"),
    "an empty gzip": (gzip.compress(b""), "empty"),
    "HTML": (b"<!doctype html><html><body>" + PLAIN.encode(), "not_xml"),
    "HTML without doctype": (b"\n<html><head><title>Not found</title></head></html>", "not_xml"),
    "HTML behind a comment": (b"<!-- x --><HTML></HTML>", "not_xml"),
    "XHTML": (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"></html>', "not_xml"),
    "an HTML fragment": (b"<h1>404</h1><p>No</p>", "not_xml"),
    "plain text": (b"Not Found", "not_xml"),
    "robots.txt": (b"User-agent: *\nDisallow: /\n", "not_xml"),
    "JSON": (b'{"error": "https://example.com/"}', "not_xml"),
    "Markdown": (b"[https://example.com/]\n(https://example.com/)\n", "not_xml"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_xml"),
    "a zip": (b"PK\x03\x04" + b"\0" * 100, "not_xml"),
    "one bracket": (b"<", "not_xml"),
    "a prolog alone": (b'<?xml version="1.0"?>\n', "not_xml"),
    "another root": (b"<?xml version='1.0'?><site><url><loc>https://example.com/</loc></url></site>", "not_a_sitemap"),
    "another root without prolog": (b"<Error><Code>AccessDenied</Code></Error>", "not_a_sitemap"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_a_sitemap"),
    "a url without root": (f"<url><loc>{A}</loc></url>".encode(), "not_a_sitemap"),
}


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_not_a_sitemap_is_refused_with_a_code(body: bytes, code: str) -> None:
    with pytest.raises(SitemapRefused) as refusal:
        read(body)
    assert refusal.value.code == code
    assert len(refusal.value.reason) < 200
