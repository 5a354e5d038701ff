"""Pages on their way to the table take no memory to speak of."""

import tracemalloc

from scrapersky.web.sitemaps import Entry
from sitemap_import_scheduler.pages import Spool


def peak_of(number: int) -> int:
    spool = Spool("shop.test")
    tracemalloc.start()
    spool.add(
        Entry(f"https://shop.test/category/page-{each}.html", alternates={"de": "x" * 100}) for each in range(number)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spool.listed == number
    return peak


def test_a_spool_takes_the_same_memory_for_ten_times_the_pages() -> None:
    assert peak_of(10_000) < 1.5 * peak_of(1_000) < 1_000_000
