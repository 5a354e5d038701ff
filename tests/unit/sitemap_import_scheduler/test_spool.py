"""Pages on their way to the table take no memory to speak of."""

import tracemalloc
from urllib.parse import urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from scrapersky.web.sitemaps import Entry
from scrapersky.web.urls import NormalUrl, host_and_path, normalise_url
from sitemap_import_scheduler.pages import Spool


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


def test_a_spool_takes_the_same_memory_for_ten_times_the_pages() -> None:
    assert peak_of(10_000) < 1.5 * peak_of(1_000) < 1_000_000


@given(st.from_regex(r"https?://[a-z0-9.-]{1,9}(:\d{1,4})?/[!-~]{0,12}(/[a-z?/#:@]{0,6})?", fullmatch=True))
def test_a_normalised_url_is_taken_apart_as_urlsplit_does(text: str) -> None:
    url = normalise_url(text)
    assume(url is not None)
    assert url is not None
    parts = urlsplit(url)
    assert host_and_path(url) == (parts.hostname, parts.path)


@given(st.text(max_size=60), st.sampled_from(["https://shop.test/", "https://shop.test/?", "https://", ""]))
def test_no_normalised_url_has_a_character_that_copy_would_take_for_another(text: str, start: str) -> None:
    url = normalise_url(start + text, base="https://shop.test/") or ""
    assert not set(url) & set("\\\t\n\r")
