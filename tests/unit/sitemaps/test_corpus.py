"""The sitemaps of real websites: the reader finds exactly the URLs of each file."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scrapersky.web.sitemaps import SitemapRefused
from scrapersky.web.sitemaps.entry import page_url
from tests.unit.sitemaps.reading import read

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"
ABSENT = f"the corpus of real websites is not at {CORPUS}"
KINDS = {"urlset": "urlset", "index": "index", "txt": "text", "rss": "rss"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@cache
def true_locs(domain: str) -> dict[str, list[str]]:
    path = CORPUS / "truth_locs" / f"{domain}.jsonl.gz"
    text = gzip.decompress(path.read_bytes()).decode() if path.exists() else ""
    return {file["path"]: file["locs"] for file in map(json.loads, text.splitlines())}


SITE_FILES = [
    pytest.param(site["domain"], site["dir"], file, id=f"{site['domain']}/{file['path']}")
    for site in lines(CORPUS / "truth.jsonl")
    for file in site["sitemaps"]
]
EXTRA_FILES = [pytest.param(file, id=file["file"]) for file in lines(CORPUS / "sitemaps_extra" / "index.jsonl")]
ABSENCE = [pytest.param(None, None, None, marks=pytest.mark.skip(reason=ABSENT))]


@pytest.mark.parametrize(("domain", "folder", "file"), SITE_FILES or ABSENCE)
def test_the_sitemap_of_a_site_gives_exactly_its_urls(domain: str, folder: str, file: dict[str, Any]) -> None:
    reading = read((CORPUS / "sites" / folder / file["path"]).read_bytes(), url=file["url"])
    if file["kind"] == "other:br":  # a PHP warning before the prolog, where the reference parsers failed
        assert len(reading.urls) == file["n_loc_regex"]
        return
    assert str(reading.reader.kind) == KINDS[file["kind"]]
    # Four locs of one file contain the following markup, behind a CDATA section whose end a tool has encoded.
    locs = [loc.partition("</loc>")[0] for loc in true_locs(domain)[file["path"]]]
    assert len(reading.urls) == (len(locs) if file["n_loc_regex"] is None else file["n_loc_regex"])
    assert set(reading.urls) == {page_url(loc, file["url"]) for loc in locs}
    assert reading.reader.skipped == 0
    assert reading.reader.error is None


@pytest.mark.parametrize("file", EXTRA_FILES or [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))])
def test_an_extra_sitemap_gives_one_url_per_loc(file: dict[str, Any]) -> None:
    body = (CORPUS / "sitemaps_extra" / file["file"]).read_bytes()
    if file["kind"] in ("html", "unreadable", "other:site"):
        with pytest.raises(SitemapRefused) as refusal:
            read(body)
        assert refusal.value.code == ("not_a_sitemap" if file["kind"] == "other:site" else "not_xml")
        return
    reading = read(body)
    in_xml = file["kind"] in ("urlset", "index", "other:br")
    assert len(reading.urls) == (file["n_loc_regex"] if in_xml else file["n_loc_lxml_recover"])
    assert reading.urls[: len(file["first"])] == [
        page_url(loc, None) or page_url(loc, reading_url) for loc in file["first"]
    ]


reading_url = "https://example.com/maps/sitemap.xml"
