"""The contenders: each yields the urls of a sitemap file, one by one or all at once, as its library does.

``work`` times one of them over a file; ``digest`` returns what it found, so that all can be compared.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

BASE = "https://www.example.com/sitemap.xml"
PIECE = 65_536

Read = Callable[[Path], Iterator[str]]


def ours() -> Read:
    """Return our reader: bytes in pieces, sanitised, bounded, every url normalised and every date parsed."""
    from scrapersky.web.sitemaps import Limits, SitemapReader  # noqa: PLC0415 - each contender imports only itself

    def read(file: Path) -> Iterator[str]:
        reader = SitemapReader(BASE, Limits(urls=10_000_000, decoded_bytes=10_000_000_000))
        with file.open("rb") as body:
            while piece := body.read(PIECE):
                for entry in reader.feed(piece):
                    yield entry.url
        for entry in reader.close():
            yield entry.url

    return read


def expat_texts() -> Read:
    """Return the floor: expat alone, the four fields of each entry as text, for well-formed files only."""
    return lambda file: (entry["loc"] for entry in _expat(file))


def expat_values() -> Read:
    """Return the floor with our result for a well-formed file: normalised url, parsed date."""
    from scrapersky.web.urls import normalise_url  # noqa: PLC0415

    def read(file: Path) -> Iterator[str]:
        for entry in _expat(file):
            datetime.fromisoformat(entry["lastmod"])
            float(entry["priority"])
            yield normalise_url(entry["loc"], BASE) or ""

    return read


def _expat(file: Path) -> Iterator[dict[str, str]]:
    entries: list[dict[str, str]] = []
    entry: dict[str, str] = {}
    text: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal entry
        if name == "url":
            entry = {}
        text.clear()

    def end(name: str) -> None:
        if name == "url":
            entries.append(entry)
        elif name in {"loc", "lastmod", "changefreq", "priority"}:
            entry[name] = "".join(text).strip()

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    with file.open("rb") as body:
        while piece := body.read(PIECE):
            parser.Parse(piece, False)
            yield from entries
            entries.clear()
    parser.Parse(b"", True)


def ultimate_sitemap_parser() -> Read:
    """Return ultimate-sitemap-parser, which reads a string."""
    from usp.tree import sitemap_from_str  # type: ignore[import-not-found]  # noqa: PLC0415

    return lambda file: (page.url for page in sitemap_from_str(file.read_text()).all_pages())


def scrapy() -> Read:
    """Return scrapy's Sitemap, which reads bytes."""
    from scrapy.utils.sitemap import Sitemap  # type: ignore[import-not-found]  # noqa: PLC0415

    return lambda file: (entry["loc"] for entry in Sitemap(file.read_bytes()))


READERS: dict[str, Callable[[], Read]] = {
    "ours": ours,
    "expat, texts": expat_texts,
    "expat, values": expat_values,
    "ultimate-sitemap-parser": ultimate_sitemap_parser,
    "scrapy": scrapy,
}
OWN = ("ours", "expat, texts", "expat, values")


def work(name: str, file: str, go: Callable[[], None]) -> dict[str, Any]:
    """Return how many urls ``name`` finds, and the memory that this took beyond its imports, MB."""
    logging.disable(logging.CRITICAL)
    read = READERS[name]()
    go()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = _kilobytes("VmRSS")
    urls = sum(1 for _ in read(Path(file)))
    return {"urls": urls, "megabytes": max(0, _kilobytes("VmHWM") - before) / 1024}


def _kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def digest(name: str, file: str) -> dict[str, Any]:
    """Return what ``name`` finds, as a number and a hash of the sorted urls."""
    logging.disable(logging.CRITICAL)
    urls = sorted(READERS[name]()(Path(file)))
    return {"urls": len(urls), "sha256": hashlib.sha256("\n".join(urls).encode()).hexdigest()}
