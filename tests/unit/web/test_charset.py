"""Decoding a page: the encoding that is chosen, and the text."""

import codecs

import pytest
import webencodings.labels
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.charset import codec_of, decode, encoding_of

LABELS = sorted(webencodings.labels.LABELS)
ENCODINGS = {name for name in map(encoding_of, LABELS) if name is not None}


def test_the_encodings_of_the_whatwg_standard_are_known() -> None:
    assert len(ENCODINGS) == 36


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_every_encoding_has_a_codec_and_is_its_own_label(name: str) -> None:
    assert codecs.lookup(codec_of(name))
    assert encoding_of(name) == name


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("shift_jis", "cp932"),
        ("big5", "big5hkscs"),
        ("gb2312", "gb18030"),
        ("gbk", "gb18030"),
        ("euc-kr", "cp949"),
        ("iso-8859-1", "cp1252"),
        ("iso-8859-8-i", "iso8859-8"),
        ("x-user-defined", "cp1252"),
        ("unicode11utf8", "utf-8"),
        (" UTF8 ", "utf-8"),
    ],
)
def test_a_label_selects_the_codec_that_browsers_use(label: str, codec: str) -> None:
    name = encoding_of(label)
    assert name is not None
    assert codecs.lookup(codec_of(name)).name == codecs.lookup(codec).name


def test_a_byte_order_mark_takes_precedence_over_the_header() -> None:
    assert decode("\ufeffé".encode(), "text/html; charset=iso-8859-1").text == "é"
    assert decode(codecs.BOM_UTF16_LE + "Müller".encode("utf-16-le"), "text/html; charset=utf-8").text == "Müller"
    assert decode(codecs.BOM_UTF16_BE + "Müller".encode("utf-16-be")).encoding == "utf-16be"


def test_the_header_takes_precedence_over_the_page() -> None:
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
def test_a_page_can_declare_its_encoding(declaration: str) -> None:
    decoded = decode((declaration + "<p>Привет").encode("koi8-r"), "text/html")
    assert decoded.encoding == "koi8-r"
    assert decoded.text.endswith("Привет")


def test_a_declaration_beyond_the_first_kilobyte_is_ignored_if_the_bytes_are_utf_8() -> None:
    assert decode(b" " * 1_024 + b"<meta charset=koi8-r>" + "é".encode()).text.endswith("é")


def test_a_late_declaration_counts_if_the_bytes_are_not_utf_8() -> None:
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
def test_a_url_with_charset_in_it_is_not_a_declaration(tag: str) -> None:
    assert decode(f"{tag}<meta charset=windows-1251>Привет".encode("cp1251")).encoding == "windows-1251"


def test_a_page_that_declares_utf_16_in_ascii_is_utf_8() -> None:
    assert decode("<meta charset=utf-16>é".encode()).text.endswith("é")


def test_latin_1_means_windows_1252() -> None:
    assert decode(b"\x80", "text/html; charset=iso-8859-1").text == "€"


def test_an_undeclared_page_is_utf_8_if_valid_and_windows_1252_otherwise() -> None:
    assert decode("Dénia".encode()).encoding == "utf-8"
    assert decode("Dénia “x”".encode("cp1252")).text == "Dénia “x”"


def test_only_a_page_known_to_be_truncated_may_end_inside_a_character() -> None:
    assert decode("Dénia é".encode()[:-1], truncated=True).text == "Dénia \ufffd"
    assert decode("Dénia é".encode()[:-1]).encoding == "windows-1252"
    assert decode("Dénia é".encode()[:-2] + b"e", truncated=True).encoding == "utf-8"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Größe".encode() + b" Gr\xf6\xdfe, caf\xe9!", "Größe Größe, café!"),
        (b"\x93Tea\x94 \x96 5\xa0\x80", "“Tea” – 5\xa0€"),
        (b"d\xe9j\xe0 vu", "déjà vu"),
        (b"\x81 and \xc3 x", "\ufffd and Ã x"),
        ("Привет".encode("cp1251") + b"!", "\ufffd" * 6 + "!"),
        (b"caf\xc3", "caf\ufffd"),
    ],
)
def test_single_bytes_of_windows_1252_in_utf_8_are_read_as_such(body: bytes, text: str) -> None:
    assert decode(body, "text/html; charset=utf-8").text == text


def test_a_stray_byte_does_not_change_the_encoding_of_an_undeclared_page() -> None:
    assert decode("Café Größe – ".encode() + b"\xe9t\xe9.").text == "Café Größe – été."
    assert decode("é ".encode() + b"caf\xe9 d\xe9j\xe0").encoding == "windows-1252"


def test_bytes_that_are_invalid_in_another_encoding_are_replaced() -> None:
    assert "\ufffd" in decode(b"\x81\x20\xfd", "text/html; charset=shift_jis").text


@pytest.mark.parametrize(
    "label", ["hz-gb-2312", "iso-2022-kr", "replacement", "nonsense", "", "utf-7", "\u212aoi8-r", "\ud800"]
)
def test_an_unsafe_or_unknown_label_selects_no_encoding(label: str) -> None:
    assert encoding_of(label) is None


@given(st.binary(), st.none() | st.text() | st.sampled_from(LABELS).map("text/html; charset={}".format))
def test_any_bytes_can_be_decoded(body: bytes, content_type: str | None) -> None:
    decoded = decode(body, content_type)
    assert decoded.encoding in ENCODINGS


@given(st.binary(max_size=200))
def test_any_start_of_a_page_can_be_decoded(body: bytes) -> None:
    decode(b"<!--" + body + b"<meta charset=" + body + b"<?xml encoding='" + body)
