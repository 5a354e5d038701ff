"""Hostile inputs 86 to 90: sitemaps with the errors of real ones, and entries that must not be stored unchanged.

A server serves each of them; the client and the reader read it, and so does the job.
"""

import asyncio
import codecs
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapersky.web.sitemaps import Entry, Limits, read_entries, reader_of
from tests.hostile.running import NO_INTERVAL, outcome_in
from tests.hostile.server import Answer, answer, hostile_internet, raw, reset

URL = "http://shop.example/maps/sitemap.xml"
A, B = "https://shop.example/a", "https://shop.example/b"
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Imported:
    """The outcome code of the job, and the entries of the reader."""

    code: str
    entries: list[Entry]
    skipped: int

    @property
    def urls(self) -> list[str]:
        """The URLs of the entries."""
        return [entry.url for entry in self.entries]


def imported(home: Answer, directory: Path) -> Imported:
    """Read the sitemap that ``home`` serves, with the job and with the reader."""

    async def go() -> Imported:
        sites = {"shop.example": {"/maps/sitemap.xml": home}}
        async with hostile_internet(sites, directory, on_tls_port=reset) as internet:
            settings = {"web_loopback_internet": internet.settings.web_loopback_internet, **NO_INTERVAL}
            outcome = await outcome_in("import", "shop.example", "/maps/sitemap.xml", settings)
            entries: list[Entry] = []
            async with (
                internet.client() as web,
                web.stream(URL, truncate=True) as response,
            ):
                reader = reader_of(response, Limits())
                async for batch in read_entries(reader, response):
                    entries += batch
            return Imported(outcome.code, entries, reader.skipped)

    return asyncio.run(go())


def xml(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return answer(200, body, {"Content-Type": "application/xml", **(headers or {})})


def urlset(*locs: str, more: str = "") -> str:
    urls = "".join(f"<url><loc>{loc}</loc>{more}</url>" for loc in locs)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


PLAIN = urlset(A, B)
BOTH = [A, B]
PACKED = gzip.compress(urlset(*(f"https://shop.example/{n}" for n in range(3_000))).encode())

MALFORMED: dict[str, tuple[Answer, str, list[str]]] = {
    "text": (xml(f"{A}\n{B}\n".encode()), "imported", BOTH),
    "text-bom-crlf": (xml(codecs.BOM_UTF8 + f"{A}\r\n{B}\r\n".encode()), "imported", BOTH),
    "rss": (xml(f"<rss><channel><link>/</link><item><link>{A}</link></item></channel></rss>".encode()), "imported", [A]),
    "atom": (xml(f"<feed><link href='/'/><entry><link href='{A}'/></entry></feed>".encode()), "imported", [A]),
    "gzip": (xml(gzip.compress(PLAIN.encode())), "imported", BOTH),
    "gzip-in-gzip": (xml(gzip.compress(gzip.compress(PLAIN.encode()))), "imported", BOTH),
    "gzip-encoded-twice": (
        xml(gzip.compress(gzip.compress(PLAIN.encode())), {"Content-Encoding": "gzip"}), "imported", BOTH,
    ),
    "truncated-gzip": (xml(PACKED[: len(PACKED) // 2]), "partial", []),
    "truncated-on-the-way": (raw(OK + b"Content-Length: 9999\r\n\r\n" + PLAIN[:-40].encode()), "partial", [A]),
    "utf-16": (xml(PLAIN.replace("UTF-8", "UTF-16").encode("utf-16")), "imported", BOTH),
    "utf-16-without-bom": (xml(PLAIN.replace("UTF-8", "UTF-16").encode("utf-16-le")), "imported", BOTH),
    "latin-1": (
        xml(urlset(f"{A}/é").replace("UTF-8", "ISO-8859-1").encode("latin-1")), "imported", [f"{A}/%C3%A9"],
    ),
    "windows-1251": (
        xml(urlset(f"{A}/я").replace("UTF-8", "windows-1251").encode("cp1251")), "imported", [f"{A}/%D1%8F"],
    ),
    "lying-utf-8": (xml(urlset(f"{A}/é", B).encode("latin-1")), "imported", [f"{A}/%C3%A9", B]),
    "lying-utf-16": (xml(PLAIN.replace("UTF-8", "UTF-16").encode()), "imported", BOTH),
    "lying-header": (xml(PLAIN.encode(), {"Content-Type": "text/html; charset=koi8-r"}), "imported", BOTH),
    "truncated-mid-loc": (xml(PLAIN[: PLAIN.index("/b")].encode()), "partial", [A]),
    "no-end": (xml(PLAIN.removesuffix("</urlset>").encode()), "partial", BOTH),
    "junk-behind-the-root": (xml(PLAIN.encode() + b"\n<!-- cache --><script>1 < 2 && x</script>"), "imported", BOTH),
    "undeclared-prefix": (
        xml(urlset(*BOTH, more="<image:image><image:loc>/i</image:loc></image:image>").encode()), "imported", BOTH,
    ),
    "raw-ampersand": (xml(urlset(f"{A}?x=1&y=2").encode()), "imported", [f"{A}?x=1&y=2"]),
    "entity-of-html": (xml(urlset(f"&nbsp;{A}&nbsp;").encode()), "imported", [A]),
    "escaped-twice": (xml(urlset(f"{A}?x=1&amp;amp;y=2").encode()), "imported", [f"{A}?x=1&y=2"]),
    "leading-blank-lines": (xml(b"\r\n\n \t" + PLAIN.encode()), "imported", BOTH),
    "php-notice": (xml(b"<br />\n<b>Notice</b>: Undefined index in <b>/x.php</b><br />\n" + PLAIN.encode()), "imported", BOTH),
    "uppercase": (xml(PLAIN.replace("url", "URL").replace("loc>", "LOC>").encode()), "imported", BOTH),
    "whitespace": (xml(urlset(f"\n\t {A}\n ", B).encode()), "imported", BOTH),
    "relative": (xml(urlset("/a", "../b").encode()), "imported", ["http://shop.example/a", "http://shop.example/b"]),
    "protocol-relative": (xml(urlset("//shop.example/a").encode()), "imported", ["http://shop.example/a"]),
    "control-characters": (xml(urlset(f"{A}\x0b", f"\x00{B}").encode()), "imported", BOTH),
    "doctype": (xml(PLAIN.replace("<urlset", "<!DOCTYPE urlset><urlset").encode()), "imported", BOTH),
    "prefixed": (
        xml(f"<sm:urlset xmlns:sm='x'><sm:url><sm:loc>{A}</sm:loc></sm:url></sm:urlset>".encode()), "imported", [A],
    ),
    "cdata": (xml(urlset(f"<![CDATA[{A}?x&y]]>").encode()), "imported", [f"{A}?x&y"]),
    "comments": (xml(PLAIN.replace("<url>", "<!-- <loc>/no</loc> -- --><url>").encode()), "imported", BOTH),
    "processing-instructions": (xml(PLAIN.replace("<url>", "<?x y?><url>").encode()), "imported", BOTH),
    "no-namespace": (xml(PLAIN.replace(' xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"', "").encode()), "imported", BOTH),
}  # fmt: skip


@pytest.mark.parametrize(("home", "code", "urls"), MALFORMED.values(), ids=[f"86-{name}" for name in MALFORMED])
def test_a_malformed_sitemap_gives_its_entries(home: Answer, code: str, urls: list[str], tmp_path: Path) -> None:
    result = imported(home, tmp_path)
    assert result.code == code
    assert result.urls == urls or (not urls and 0 < len(result.urls) < 3_000)


ELSEWHERE = ["http://127.0.0.1/admin", "http://169.254.169.254/latest/meta-data/", "https://other.example/x"]
NOWHERE = [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://shop.example/x",
    "mailto:a@shop.example",
]


def test_87_a_loc_on_another_host_is_kept_and_one_that_is_not_a_web_url_is_skipped(tmp_path: Path) -> None:
    result = imported(xml(urlset(A, *ELSEWHERE, *NOWHERE).encode()), tmp_path)
    assert (result.code, result.urls, result.skipped) == ("imported", [A, *ELSEWHERE], len(NOWHERE))


@pytest.mark.parametrize(
    "loc",
    ["https://shop.example/" + "x" * 2_028, "https://shop.example/" + "é" * 400, "https://" + "x" * 10_000],
    ids=["88", "88-once-encoded", "88-host"],
)
def test_a_loc_of_more_than_2048_characters_is_skipped(loc: str, tmp_path: Path) -> None:
    result = imported(xml(urlset(loc, A).encode()), tmp_path)
    assert (result.code, result.urls, result.skipped) == ("imported", [A], 1)


@pytest.mark.parametrize(
    "loc",
    [f"{A}\0", f"{A}&#0;", f"{A}&#xD800;", f"{A}\ud800", f"{A}&#xFFFF;\x7f", f"{A}%00", f"{A}\ufeff"],
    ids=["89-nul", "89-nul-reference", "89-surrogate-reference", "89-surrogate", "89-others", "89-encoded", "89-bom"],
)
def test_characters_that_postgres_rejects_reach_no_entry(loc: str, tmp_path: Path) -> None:
    result = imported(xml(urlset(loc, B).encode("utf-8", "surrogatepass")), tmp_path)
    assert result.code == "imported"
    assert result.urls[-1] == B
    assert all(url.isascii() and url.isprintable() and url.startswith(A) for url in result.urls[:-1])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0000-00-00", None),
        ("0001-01-01T00:00:00Z", None),
        ("99999-01-01", None),
        ("2024-02-30", None),
        ("2024-01-01T25:00:00Z", None),
        ("2024-01-01T00:00:00+99:99", None),
        ("", None),
        ("yesterday", None),
        ("9" * 5_000, None),
        ("2099-12-31", datetime(2099, 12, 31, tzinfo=UTC)),
        ("9999-12-31T23:59:59-12:00", None),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
    ids=["90-zero", "90-one", "90-99999", "90-february", "90-hour", "90-zone", "90-empty", "90-word", "90-long", "90-future",
         "90-last", "90-first"],
)  # fmt: skip
def test_an_invalid_date_is_dropped_and_the_entry_kept(text: str, moment: datetime | None, tmp_path: Path) -> None:
    result = imported(xml(urlset(A, more=f"<lastmod>{text}</lastmod>").encode()), tmp_path)
    assert (result.code, result.urls) == ("imported", [A])
    assert result.entries[0].last_modified == moment
