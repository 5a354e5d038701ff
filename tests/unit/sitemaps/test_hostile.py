"""Documents that attack the reader: refused or stopped at a limit, in bounded memory and linear time."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from itertools import chain, repeat
from time import process_time

import pytest

from scrapersky.web.sitemaps import Limits, SitemapReader, SitemapRefused
from tests.unit.sitemaps.reading import URL, read, urlset

MEGABYTE = 1_048_576
A = "https://example.com/a"


def stream(chunks: Iterator[bytes], limits: Limits | None = None) -> tuple[SitemapReader, int]:
    """Read chunks without storing them; return the reader and its peak memory in bytes."""
    reader = SitemapReader(URL, limits)
    tracemalloc.start()
    try:
        for chunk in chunks:
            for _ in reader.feed(chunk):
                pass
            if reader.finished:
                break
        for _ in reader.close():
            pass
        return reader, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def repeated(text: str, size: int, head: str = "<urlset>") -> Iterator[bytes]:
    """Return ``head``, then ``text`` repeated up to ``size`` bytes, in chunks of about 64 KiB."""
    chunk = (text * (65_536 // len(text) + 1)).encode()
    return chain([head.encode()], repeat(chunk, size // len(chunk)))


def nonsense(text: str, size: int) -> Iterator[bytes]:
    """Return ``text`` repeated up to ``size`` bytes; a part before ``…`` comes first, and once."""
    head, _, text = text.rpartition("…")
    return repeated(text, size, head or "<urlset>")


ENTITIES = {
    "billion laughs": '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">',
    "quadratic blow-up": f'<!ENTITY a "{"x" * 10_000}">',
    "a file": '<!ENTITY c SYSTEM "file:///etc/passwd">',
    "a request": '<!ENTITY c SYSTEM "http://169.254.169.254/latest/meta-data/">',
    "a parameter entity": '<!ENTITY % c SYSTEM "http://169.254.169.254/"> %c;',
}


@pytest.mark.parametrize("declarations", ENTITIES.values(), ids=ENTITIES)
def test_a_document_with_entity_declarations_is_refused_unexpanded(declarations: str) -> None:
    body = urlset(f"{A}/&c;").replace("<urlset", f"<!DOCTYPE urlset [{declarations}]><urlset", 1)
    with pytest.raises(SitemapRefused, match="entities are not expanded") as refusal:
        read(body)
    assert refusal.value.code == "not_a_sitemap"


def test_an_external_dtd_is_not_fetched_and_its_entities_stay_text() -> None:
    body = urlset(f"{A}?x&secret;").replace("<urlset", '<!DOCTYPE urlset SYSTEM "http://169.254.169.254/"><urlset', 1)
    assert read(body).urls == [f"{A}?x&secret;"]


HUGE = {
    "endlessly nested elements": "<a>",
    "endlessly nested urls": "<url>",
    "empty urls": "<url/>",
    "a tag that never ends": "<urlset><url …x ",
    "a name that never ends": "<urlset><url…x",
    "attributes without end": '<urlset><url …a="b" ',
    "an attribute without end": '<urlset><url a="…x ',
    "a root without end": '<urlset a="…x ',
    "attributes that never end": '<url a="x ',
    "text without end": "text ",
    "raw brackets": "<",
    "raw ampersands": "&",
    "broken tags": "<url <",
    "references": "&#0;",
    "comments": "<!-- -->",
    "an open comment": "<!-- <url><loc>http://a.test/</loc></url>",
    "an open CDATA section": "<![CDATA[ <url>",
    "closed CDATA sections": "<![CDATA[]]>",
    "processing instructions": "<?a b?>",
    "declarations": '<?xml version="1.0"?>',
    "control characters": "\x01",
    "mismatched ends": "<url></loc>",
    "roots": "<urlset></urlset>",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_nonsense_takes_linear_time(text: str) -> None:
    times = []
    for size in (MEGABYTE // 8, MEGABYTE // 2):
        reader = SitemapReader(URL, Limits(urls=10**9))
        start = process_time()
        for chunk in nonsense(text, size):
            for _ in reader.feed(chunk):
                pass
        for _ in reader.close():
            pass
        times.append(process_time() - start)
    assert times[1] < 4 * 4 * times[0] + 0.25


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_nonsense_takes_bounded_memory(text: str) -> None:
    _, peak = stream(nonsense(text, MEGABYTE // 4), Limits(repairs=10_000))
    assert peak < 2 * MEGABYTE


def test_reading_stops_at_the_limit_of_repairs() -> None:
    locs = [f"https://example.com/{number}?a&b" for number in range(100)]
    reading = read(urlset(*locs), limits=Limits(repairs=10))
    assert reading.urls == locs[: len(reading.urls)]
    assert (len(reading.urls), reading.reader.capped) == (9, "errors")
    assert reading.reader.error == "too many errors: the rest was not read"


def test_a_tag_longer_than_the_limit_loses_no_entry() -> None:
    urls = [f"https://example.com/{number}" for number in range(2_000)]
    reading = read(urlset(*urls).replace("<url>", f'<url id="{"x" * 30_000}">', 1), limits=Limits(tag_bytes=20_000))
    assert reading.urls == urls
    assert "a tag longer than 20000 bytes" in str(reading.reader.error)


def test_a_loc_of_20_mb_costs_one_entry_and_no_memory() -> None:
    chunks = chain(
        repeated("x", 20 * MEGABYTE, "<urlset><url><loc>https://example.com/"),
        [f"</loc></url><url><loc>{A}</loc></url></urlset>".encode()],
    )
    reader, peak = stream(chunks)
    assert (reader.urls, reader.skipped, reader.truncated) == (1, 1, False)
    assert peak < 4 * MEGABYTE


def test_a_text_line_of_20_mb_costs_one_line_and_no_memory() -> None:
    reader, peak = stream(chain(repeated("x", 20 * MEGABYTE, f"{A}\nhttps://example.com/"), [f"\n{A}\n".encode()]))
    assert (reader.urls, reader.skipped) == (2, 1)
    assert peak < 4 * MEGABYTE


def test_memory_does_not_grow_with_the_file() -> None:
    entry = f"<url><loc>{A}</loc><lastmod>2024-05-06</lastmod></url>\n"
    peaks = [stream(repeated(entry, size), Limits(urls=10**9))[1] for size in (MEGABYTE, 3 * MEGABYTE)]
    assert peaks[1] < 1.2 * peaks[0] < 4 * MEGABYTE


def test_urls_beyond_the_limit_are_not_read_and_reported() -> None:
    locs = [f"https://example.com/{number}" for number in range(11)]
    exact = read(urlset(*locs[:10]), limits=Limits(urls=10))
    assert (len(exact.urls), exact.reader.capped, exact.reader.error) == (10, None, None)
    for body in (urlset(*locs), "\n".join(locs)):
        over = read(body, limits=Limits(urls=10))
        assert over.urls == locs[:10]
        assert (over.reader.finished, over.reader.capped, over.reader.truncated) == (True, "urls", False)
        assert over.reader.error == "more than 10 URLs: the rest was not read"


def test_empty_urls_count_towards_the_limit() -> None:
    assert read("<urlset>" + "<url/>" * 11, limits=Limits(urls=10)).reader.capped == "urls"


def test_reading_stops_at_the_byte_limit_without_a_partial_url() -> None:
    locs = [f"https://example.com/{number:04}" for number in range(100)]
    for body in (urlset(*locs), "\n".join(locs)):
        for limit in range(400, 450):
            reading = read(gzip.compress(body.encode()), limits=Limits(decoded_bytes=limit))
            assert reading.urls == locs[: len(reading.urls)]
            assert reading.urls
            assert reading.reader.capped == "bytes"
            assert reading.reader.decoded_bytes == limit
            assert reading.reader.error == f"more than {limit} unpacked bytes: the rest was not read"


def bomb(size: int, layers: int = 1) -> bytes:
    """Return a urlset followed by ``size`` blanks, gzipped ``layers`` times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(urlset(A).encode())
    packed += b"".join(packer.compress(b" " * MEGABYTE) for _ in range(size // MEGABYTE)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 9)
    return packed


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_gzip_bomb_stops_at_the_limit(layers: int) -> None:
    reader, peak = stream(iter([bomb(200 * MEGABYTE, layers)]), Limits(decoded_bytes=20 * MEGABYTE))
    assert (reader.urls, reader.capped, reader.decoded_bytes) == (1, "bytes", 20 * MEGABYTE)
    assert peak < 4 * MEGABYTE


def test_nested_gzip_is_unpacked_up_to_three_layers() -> None:
    assert read(bomb(0, 3), chunk=1).urls == [A]
    with pytest.raises(SitemapRefused) as refusal:
        read(bomb(0, 4))
    assert refusal.value.code == "not_xml"


def test_concatenated_gzip_members_are_one_body() -> None:
    body = urlset(A, f"{A}/b").encode()
    assert read(gzip.compress(body[:150]) + gzip.compress(body[150:]), chunk=1).urls == [A, f"{A}/b"]


@pytest.mark.parametrize(
    "loc",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://user:secret@example.com/",
        "\\\\a\\b",
        "C:\\a",
    ],
)
def test_a_loc_that_is_not_a_web_url_is_skipped(loc: str) -> None:
    reading = read(urlset(loc, A))
    assert (reading.urls, reading.reader.skipped) == ([A], 1)


def test_nul_and_lone_surrogates_never_reach_an_entry() -> None:
    body = urlset(f"{A}\0\0", f"{A}/&#xD800;&#0;", f"{A}/\ud800").encode("utf-8", "surrogatepass")
    for entry in read(body).entries:
        entry.url.encode("ascii")
        assert "%00" not in entry.url
