"""The spool of a sitemap's pages."""

import tracemalloc
from urllib.parse import urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from scrapersky.web.sitemaps import Entry
from scrapersky.web.urls import NormalUrl, host_and_path, normalise_url
from sitemap_import_scheduler.spool import Spool


def peak_of(number: int) -> int:
    spool = Spool("shop.test")
    tracemalloc.start()
    spool.add(
        Entry(NormalUrl(f"https://shop.test/category/page-{each}.html"), alternates={"de": NormalUrl("x" * 100)})
        for each in range(number)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spool.listed == number
    return peak


def test_memory_does_not_grow_with_the_number_of_pages() -> None:
    assert peak_of(10_000) < 1.5 * peak_of(1_000) < 1_000_000


@given(st.from_regex(r"https?://[a-z0-9.-]{1,9}(:\d{1,4})?/[!-~]{0,12}(/[a-z?/#:@]{0,6})?", fullmatch=True))
def test_a_normalised_url_is_split_as_by_urlsplit(text: str) -> None:
    url = normalise_url(text)
    assume(url is not None)
    assert url is not None
    parts = urlsplit(url)
    assert host_and_path(url) == (parts.hostname, parts.path)


@given(st.text(max_size=60), st.sampled_from(["https://shop.test/", "https://shop.test/?", "https://", ""]))
def test_no_normalised_url_contains_a_character_that_copy_interprets(text: str, start: str) -> None:
    url = normalise_url(start + text, base="https://shop.test/") or ""
    assert not set(url) & set("\\\t\n\r")
