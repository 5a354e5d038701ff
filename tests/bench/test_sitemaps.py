"""The bench of sitemaps, as small as it goes, with our own contenders; and the rule by which its file is made."""

import json
from pathlib import Path

from scrapersky.web.sitemaps import SitemapReader
from scripts.commands.bench.sitemaps import sitemap
from scripts.commands.bench.sitemaps.__main__ import main
from scripts.commands.bench.sitemaps.readers import BASE, READERS


def test_the_sitemap_that_is_measured_is_read_alike_by_ours_and_by_plain_expat(tmp_path: Path) -> None:
    file = sitemap.write(tmp_path / "sitemap.xml", 500)
    reader = SitemapReader(BASE)
    entries = [*reader.feed(file.read_bytes()), *reader.close()]
    assert (len(entries), reader.with_lastmod, reader.with_images) == (500, 500, 50)
    assert reader.error is None
    assert [entry.url for entry in entries] == list(READERS["expat, values"]()(file))


def test_the_bench_of_sitemaps_writes_its_result_and_its_tables(tmp_path: Path) -> None:
    places = ("machine", "reading", "reading-chart", "memory", "storing", "storing-chart")
    (tmp_path / "sitemaps.md").write_text("".join(f"<!-- {name} -->\nOLD TEXT\n<!-- /{name} -->\n" for name in places))

    ways = ["--ways", "ours: parse, COPY, upsert", "bare COPY of ready rows"]
    small = ["--urls=300", "--largest=0", "--rounds=1", "--own-only", "--without-durability", *ways]
    assert main([*small, "--output", str(tmp_path)]) == 0

    result = json.loads((tmp_path / "sitemaps.json").read_text())
    assert all(one["same"] for one in result["reading"].values())
    assert result["storing"]["ours: parse, COPY, upsert"]["seconds"]["median"] > 0
    assert "OLD TEXT" not in (tmp_path / "sitemaps.md").read_text()
