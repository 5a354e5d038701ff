"""A broken entry of any kind costs at most itself: the entries around it are read."""

import pytest

from tests.unit.sitemaps.broken_entries import DATES, LOCS, broken_entries
from tests.unit.sitemaps.reading import read

GOOD = ["https://example.com/a", "https://example.com/b", "https://example.com/c"]


def assert_kept(body: str) -> None:
    found = read(body.encode("utf-8", "surrogatepass")).urls
    assert [url for url in found if url in GOOD] == GOOD


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "with attributes"])
def test_the_neighbours_of_a_broken_entry_of_a_urlset_are_read(plain: bool) -> None:
    opener = "<url>" if plain else "<url x='y'>"  # entries with attributes are read by expat
    first, second, third = (f"{opener}<loc>{url}</loc></url>\n" for url in GOOD)
    for broken in broken_entries():
        assert_kept(f"<urlset>{first}{broken}{second}{third}</urlset>")


@pytest.mark.parametrize(
    ("start", "entry", "end"),
    [
        ("<sitemapindex>", "<sitemap><loc>{}</loc><lastmod>{}</lastmod></sitemap>", "</sitemapindex>"),
        ("<rss><channel>", "<item><link>{}</link><pubDate>{}</pubDate></item>", "</channel></rss>"),
        ("<feed>", "<entry><id>{}</id><updated>{}</updated></entry>", "</feed>"),
        ("", "{} {}\n", ""),
    ],
    ids=["index", "RSS", "Atom", "text"],
)
def test_the_neighbours_of_a_broken_entry_of_another_format_are_read(start: str, entry: str, end: str) -> None:
    first, second, third = (entry.format(url, "2024-01-01") for url in GOOD)
    for broken in [*(entry.format(loc, "2024-01-01") for loc in LOCS), *(entry.format("/bad", date) for date in DATES)]:
        assert_kept(start + first + broken + second + third + end)
