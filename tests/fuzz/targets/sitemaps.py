"""The sitemap reader: any bytes give entries or a refusal, and the result does not depend on the chunk boundaries."""

from collections.abc import Iterable
from dataclasses import dataclass

from scrapersky.web.sitemaps import Entry, Limits, SitemapReader, SitemapRefused
from scrapersky.web.urls import normalise_url
from tests.fuzz.runner import Target, hold
from tests.fuzz.seeds import sitemaps

URL = "https://example.com/maps/sitemap.xml"
LIMITS = Limits(urls=500, decoded_bytes=2_000_000, repairs=5_000, depth=16, tag_bytes=8_192, alternates=20)
REFUSALS = {"empty", "not_xml", "not_a_sitemap"}


@dataclass(frozen=True)
class Read:
    """The result of reading a body."""

    entries: tuple[Entry, ...]
    refusal: str | None
    kind: str | None
    capped: str | None
    error: str | None


def read(body: bytes, chunk: int) -> Read:
    """Read ``body`` in chunks of ``chunk`` bytes."""
    reader = SitemapReader(URL, LIMITS)
    entries: list[Entry] = []
    refusal = None
    try:
        for at in range(0, len(body), chunk):
            entries += reader.feed(body[at : at + chunk])
            if reader.finished:
                break
        entries += reader.close()
    except SitemapRefused as refused:
        hold(refused.code in REFUSALS, "an unknown refusal code", refused.code)
        hold(len(refused.reason) < 300, "a reason that is too long", refused.reason)
        refusal = refused.code
    hold(reader.urls == len(entries), "the URL counter is wrong", (reader.urls, len(entries)))
    hold(len(entries) <= LIMITS.urls, "more entries than the limit", len(entries))
    return Read(tuple(entries), refusal, reader.kind and reader.kind.value, reader.capped, reader.error)


def check(body: bytes) -> None:
    """Read a sitemap; the first byte selects the chunk size."""
    chunk, body = (body[0] % 64 + 1 if body else 1), body[1:]
    whole = read(body, 65_536)
    for entry in whole.entries:
        hold(entry.url.isascii() and len(entry.url) <= 2_048, "a URL that is not normalised", entry.url)
        hold(normalise_url(entry.url) == entry.url, "a URL that changes when normalised again", entry.url)
        hold(entry.last_modified is None or entry.last_modified.tzinfo is not None, "a date without a time zone", entry)
        if entry.last_modified:
            hold(1969 <= entry.last_modified.year <= 9999, "a date that cannot be stored", entry.last_modified)
        hold(entry.priority is None or 0 <= entry.priority <= 1, "a priority out of range", entry.priority)
        for language, url in (entry.alternates or {}).items():
            storable = "\0" not in language and not any("\ud800" <= letter <= "\udfff" for letter in language)
            hold(storable, "a language that cannot be stored", language)
            hold(normalise_url(url) == url, "an alternate URL that is not normalised", url)
    if len(body) <= 20_000:
        hold(read(body, chunk) == whole, "the result depends on the chunks", chunk)


def seeds() -> Iterable[bytes]:
    """Yield real sitemaps and a small one of each format."""
    for body in sitemaps():
        yield b"\x07" + body


TARGET = Target(
    name="sitemaps",
    about="the sitemap reader, including gzip and decoding",
    check=check,
    seeds=seeds,
    words=tuple(
        b"<url> </url> <loc> </loc> <urlset> </urlset> <sitemapindex> <sitemap> <rss> <channel> <item> <link> <feed> <entry>"
        b" <![CDATA[ ]]> <!-- --> <!DOCTYPE <!ENTITY <?xml ?> &amp; &#0; &#x1F600; &nbsp; & < > \x1f\x8b\x08 \xff\xfe \xfe\xff"
        b" \xef\xbb\xbf encoding='utf-16' encoding='shift_jis' xmlns:image= <image:image>"
        b" <xhtml:link hreflang='x' href='//a.b/'/>"
        b" <lastmod>2024-02-30T25:61Z</lastmod> https://example.com/ //a.test/b ../ \r\n \x00 \xed\xa0\x80 <URL> sm:".split(
            b" "
        )
    ),
)
