"""The child process that reads pages: every generated hostile page is read or too complex, and the next page is read."""

import asyncio
from collections.abc import Iterable
from functools import cache
from random import Random

from scrapersky.errors import Permanent
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.reading.reader import PageReader
from tests.fuzz.runner import Target, hold
from tests.hostile.adversarial_pages import KINDS, adversarial_page

FUNCTION = "domain_scheduler.home_page:read_home_page"
URL = "https://shop.example.com/"


@cache
def page_reader() -> PageReader:
    """Return the reader of this process."""
    return PageReader(Settings(), [FUNCTION])


def check(seed: bytes) -> None:
    """Read the hostile page that is generated from ``seed``, then a harmless one."""
    try:
        result = _read(adversarial_page(Random(seed)))
        hold(result.keys() <= {"rejected", "redirect", "facts"}, "an unknown result", result)
    except Permanent as error:
        hold(error.code == "too_complex", "another error than too_complex", error)
    hold("facts" in _read(b"<title>Shop</title><p>Open all day"), "a harmless page is not read after a hostile one")


def _read(body: bytes) -> dict[str, object]:
    fetched = Fetched(200, URL, URL, (), Headers([("Content-Type", "text/html")]), body, False, len(body))
    return asyncio.run(page_reader().read(FUNCTION, fetched, host="shop.example.com", follow=True, limits={}))


def seeds() -> Iterable[bytes]:
    """Yield one seed for each kind of attack."""
    for kind in KINDS:
        yield kind.__name__.encode()


TARGET = Target(
    name="reader",
    about="hostile pages, generated from the input, in the child process with its limits",
    check=check,
    seeds=seeds,
    words=(b"more",),
)
