"""The benchmark of sitemaps in its smallest form, with our own contenders; and the sitemap that it reads."""

import json
from pathlib import Path

from scrapersky.web.sitemaps import SitemapReader
from scripts.commands.bench.sitemaps import sitemap
from scripts.commands.bench.sitemaps.__main__ import main
from scripts.commands.bench.sitemaps.readers import BASE, READERS


def test_our_reader_and_plain_expat_read_the_same_from_the_measured_sitemap(tmp_path: Path) -> None:
    file = sitemap.write(tmp_path / "sitemap.xml", 500)
    reader = SitemapReader(BASE)
    entries = [*reader.feed(file.read_bytes()), *reader.close()]
    assert (len(entries), reader.with_lastmod, reader.with_images) == (500, 500, 50)
    assert reader.error is None
    assert [entry.url for entry in entries] == list(READERS["expat, values"]()(file))


def test_a_run_prints_its_tables_and_fills_its_page(tmp_path: Path) -> None:
    page, result = tmp_path / "sitemaps.md", tmp_path / "result.json"
    page.write_text("<!-- results -->\nOLD TEXT\n<!-- /results -->\n")
    ways = ["--ways", "ours: parse, COPY, upsert", "bare COPY of ready rows"]
    small = ["--urls=300", "--largest=0", "--rounds=1", "--own-only", "--without-durability", *ways]
    assert main([*small, "--publish", str(tmp_path), "--json", str(result)]) == 0

    measured = json.loads(result.read_text())
    assert all(one["same"] for one in measured["reading"].values())
    assert measured["storing"]["ours: parse, COPY, upsert"]["seconds"]["median"] > 0
    assert "OLD TEXT" not in page.read_text()
