"""The bytes of a page without the images and fonts that are embedded in it."""

import random

import pytest

from scrapersky.web.body import PageBytes

PIXELS = b"iVBORw0KGgo" * 5_000 + b"/+=="


def kept(page: bytes, limit: int = 100_000, size: int = 65_536) -> bytes:
    taken = PageBytes(limit)
    for start in range(0, len(page), size):
        taken.feed(page[start : start + size])
    return taken.end()


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (b"<p>Hello", b"<p>Hello"),
        (b"", b""),
        (b"<img src='data:image/png;base64," + PIXELS + b"'><p>Hello", b"<img src='data:image/png;base64,'><p>Hello"),
        (b"url(data:font/woff2;charset=utf-8;base64," + PIXELS + b")", b"url(data:font/woff2;charset=utf-8;base64,)"),
        (b"a data:x/y;base64,QQ== b data:x/y;base64,QUI= c", b"a data:x/y;base64, b data:x/y;base64, c"),
        (b"data:image/png;base64," + PIXELS, b"data:image/png;base64,"),
        (b"<a href='data:text/html,<p>Hi'>data: is kept", b"<a href='data:text/html,<p>Hi'>data: is kept"),
        (b"data:" * 1_000, b"data:" * 1_000),
    ],
)
def test_the_content_of_data_urls_is_dropped_and_all_else_is_kept(page: bytes, left: bytes) -> None:
    assert kept(page) == left


def test_the_kept_bytes_do_not_depend_on_the_pieces() -> None:
    rng = random.Random(7)
    parts = [b"data:", b"image/png;", b";base64,", b"data:a/b;base64,", b"QUJD" * 40, b"'>", b"<p>x", b"data"]
    for _ in range(50):
        page = b"".join(rng.choices(parts, k=60))
        assert {kept(page, size=size) for size in (1, 3, 64, 199, 1_000)} == {kept(page)}


def test_a_page_is_full_only_when_the_kept_bytes_exceed_the_limit() -> None:
    page = PageBytes(1_000)
    page.feed(b"data:image/png;base64," + PIXELS)
    assert not page.full
    page.feed(b"<p>" * 1_000)
    assert page.full
    assert len(page.end()) == 1_000
