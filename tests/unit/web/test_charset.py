"""How a page's bytes become text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.charset import _ENCODINGS, decode, encoding_of


@pytest.mark.parametrize(("name", "codec"), [(name, codec) for name, (codec, _) in _ENCODINGS.items()])
def test_every_encoding_of_the_table_has_a_codec(name: str, codec: str) -> None:
    assert codecs.lookup(codec)
    assert encoding_of(name) == name


def test_a_byte_order_mark_wins_over_the_header() -> None:
    assert decode("\ufeffé".encode(), "text/html; charset=iso-8859-1").text == "é"
    assert decode(codecs.BOM_UTF16_LE + "Müller".encode("utf-16-le"), "text/html; charset=utf-8").text == "Müller"
    assert decode(codecs.BOM_UTF16_BE + "Müller".encode("utf-16-be")).encoding == "utf-16be"


def test_the_header_wins_over_the_page() -> None:
    body = "<meta charset=utf-8>Привет".encode("cp1251")
    assert decode(body, 'text/html; Charset = "Windows-1251"').text.endswith("Привет")


@pytest.mark.parametrize(
    "declaration",
    [
        "<meta charset=koi8-r>",
        "<META\nCHARSET = 'KOI8-R' >",
        '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
        '<meta content="text/html; charset=koi8-r" http-equiv=content-type>',
        '<?xml version="1.0" encoding="koi8-r"?>',
        "<!-- <meta charset=utf-8> --><meta charset=koi8_r>",
        "<meta charset=no-such-thing><meta charset=koi8-r>",
    ],
)
def test_the_page_may_declare_its_encoding(declaration: str) -> None:
    decoded = decode((declaration + "<p>Привет").encode("koi8-r"), "text/html")
    assert decoded.encoding == "koi8-r"
    assert decoded.text.endswith("Привет")


def test_a_declaration_beyond_the_first_kilobyte_does_not_count() -> None:
    assert decode(b" " * 1_024 + b"<meta charset=koi8-r>" + "é".encode()).text.endswith("é")


def test_a_late_declaration_counts_where_the_bytes_are_no_utf_8() -> None:
    late = b" " * 5_000 + b"<meta charset=koi8-r>"
    assert decode(late + "Привет".encode("koi8-r")).text.endswith("Привет")
    assert decode(late + "Привет".encode()).text.endswith("Привет")


@pytest.mark.parametrize(
    "tag",
    [
        "<meta name=x content='?charset=koi8-r'>",
        "<meta content=/?charset=koi8-r name=x>",
        "<meta content='charset=koi8-r>",
    ],
)
def test_an_address_with_a_charset_in_it_declares_nothing(tag: str) -> None:
    assert decode(f"{tag}<meta charset=windows-1251>Привет".encode("cp1251")).encoding == "windows-1251"


def test_a_page_that_says_utf_16_in_ascii_is_utf_8() -> None:
    assert decode("<meta charset=utf-16>é".encode()).text.endswith("é")


def test_latin_1_means_windows_1252() -> None:
    assert decode(b"\x80", "text/html; charset=iso-8859-1").text == "€"


def test_without_any_declaration_valid_utf_8_is_utf_8_and_the_rest_is_windows_1252() -> None:
    assert decode("Dénia".encode()).encoding == "utf-8"
    assert decode("Dénia “x”".encode("cp1252")).text == "Dénia “x”"


def test_a_utf_8_page_cut_inside_a_character_stays_utf_8() -> None:
    assert decode("Dénia é".encode()[:-1]).text == "Dénia \ufffd"


@pytest.mark.parametrize("label", ["hz-gb-2312", "iso-2022-kr", "nonsense", "", "utf-7"])
def test_an_unsafe_or_unknown_label_is_no_encoding(label: str) -> None:
    assert encoding_of(label) is None


@given(st.binary(), st.none() | st.text() | st.sampled_from(sorted(_ENCODINGS)).map("text/html; charset={}".format))
def test_any_bytes_can_be_decoded(body: bytes, content_type: str | None) -> None:
    decoded = decode(body, content_type)
    assert decoded.encoding in _ENCODINGS


@given(st.binary(max_size=200))
def test_any_start_of_a_page_can_be_decoded(body: bytes) -> None:
    decode(b"<!--" + body + b"<meta charset=" + body + b"<?xml encoding='" + body)
