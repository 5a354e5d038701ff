"""A sitemap is decoded correctly whether or not its declared encoding is true."""

import pytest

from tests.unit.sitemaps.reading import NAMESPACE, read

CAFE, SHOP = "https://example.com/caf%C3%A9", "https://example.com/%D0%BC%D0%B0%D0%B3%D0%B0%D0%B7%D0%B8%D0%BD"


def document(declared: str | None, *locs: str) -> str:
    head = "" if declared is None else f'<?xml version="1.0" encoding="{declared}"?>\n'
    return head + f"<urlset {NAMESPACE}>" + "".join(f"<url><loc>{loc}</loc></url>" for loc in locs) + "</urlset>"


CASES = {
    "UTF-8, declared": (document("UTF-8", "/café").encode(), CAFE),
    "UTF-8, undeclared": (document(None, "/café").encode(), CAFE),
    "UTF-8 with BOM": (b"\xef\xbb\xbf" + document("utf-8", "/café").encode(), CAFE),
    "UTF-16 LE with BOM": (b"\xff\xfe" + document("UTF-16", "/café").encode("utf-16-le"), CAFE),
    "UTF-16 BE with BOM": (b"\xfe\xff" + document("UTF-16", "/café").encode("utf-16-be"), CAFE),
    "UTF-16 LE without BOM": (document("UTF-16", "/café").encode("utf-16-le"), CAFE),
    "UTF-16 BE without BOM": (document(None, "/café").encode("utf-16-be"), CAFE),
    "UTF-16 text without BOM": ("https://example.com/café\n".encode("utf-16-le"), CAFE),
    "declares UTF-16, is UTF-8": (document("UTF-16", "/café").encode(), CAFE),
    "ISO-8859-1": (document("ISO-8859-1", "/café").encode("latin-1"), CAFE),
    "windows-1252": (document("windows-1252", "/caf\u00e9").encode("cp1252"), CAFE),
    "windows-1251": (document("windows-1251", "/магазин").encode("cp1251"), SHOP),
    "KOI8-R": (document("koi8-r", "/магазин").encode("koi8-r"), SHOP),
    "Shift_JIS": (document("Shift_JIS", "/店").encode("shift_jis"), "https://example.com/%E5%BA%97"),
    "GB2312": (document("gb2312", "/店").encode("gb2312"), "https://example.com/%E5%BA%97"),
    "an unknown encoding": (document("klingon", "/café").encode(), CAFE),
    "declares UTF-8, is Latin-1": (document("UTF-8", "/café").encode("latin-1"), CAFE),
    "undeclared Latin-1": (document(None, "/café").encode("latin-1"), CAFE),
    "a BOM outweighs the declaration": (b"\xef\xbb\xbf" + document("windows-1251", "/café").encode(), CAFE),
}


@pytest.mark.parametrize(("body", "url"), CASES.values(), ids=CASES)
def test_a_sitemap_is_decoded(body: bytes, url: str) -> None:
    assert read(body).urls == [url]
    assert read(body, chunk=1).urls == [url]


def test_utf8_with_one_latin1_line_keeps_both() -> None:
    body = document("UTF-8", "/café", "/caf\udce9").encode("utf-8", "surrogateescape")
    assert read(body).urls == [CAFE, CAFE]


def test_an_undecodable_line_affects_no_other_line() -> None:
    body = document("Shift_JIS", "/a", "/\ue000", "/b").encode("utf-8")
    urls = read(body).urls
    assert (len(urls), urls[0], urls[2]) == (3, "https://example.com/a", "https://example.com/b")
