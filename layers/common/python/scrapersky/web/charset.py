"""From a page's bytes to its text, as browsers do it: never fails, whatever the bytes.

Order of evidence (WHATWG HTML, "determining the character encoding"): byte order mark, the HTTP header's charset, a
declaration in the first 1,024 bytes, bytes that are valid UTF-8, a later declaration, windows-1252.
"""

import codecs
import re
from dataclasses import dataclass
from operator import itemgetter

PRESCAN_BYTES = 1_024
"""How far into a page a declaration counts (WHATWG)."""

LATE_BYTES = 65_536
"""How far it counts where nothing else is known: a browser that meets one later starts the page again."""

_ENCODINGS = {
    "utf-8": ("utf_8", "unicode-1-1-utf-8 utf-8 utf8"),
    "ibm866": ("cp866", "866 cp866 csibm866 ibm866"),
    "iso-8859-2": (
        "iso8859_2",
        "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    ),
    "iso-8859-3": (
        "iso8859_3",
        "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    ),
    "iso-8859-4": (
        "iso8859_4",
        "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    ),
    "iso-8859-5": (
        "iso8859_5",
        "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    ),
    "iso-8859-6": (
        "iso8859_6",
        "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i "
        "iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    ),
    "iso-8859-7": (
        "iso8859_7",
        "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
        "iso_8859-7:1987 sun_eu_greek",
    ),
    "iso-8859-8": (
        "iso8859_8",
        "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
        "iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    ),
    "iso-8859-10": ("iso8859_10", "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"),
    "iso-8859-13": ("iso8859_13", "iso-8859-13 iso8859-13 iso885913"),
    "iso-8859-14": ("iso8859_14", "iso-8859-14 iso8859-14 iso885914"),
    "iso-8859-15": ("iso8859_15", "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9"),
    "iso-8859-16": ("iso8859_16", "iso-8859-16"),
    "koi8-r": ("koi8_r", "cskoi8r koi koi8 koi8-r koi8_r"),
    "koi8-u": ("koi8_u", "koi8-ru koi8-u"),
    "macintosh": ("mac_roman", "csmacintosh mac macintosh x-mac-roman"),
    "windows-874": ("cp874", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"),
    "windows-1250": ("cp1250", "cp1250 windows-1250 x-cp1250"),
    "windows-1251": ("cp1251", "cp1251 windows-1251 x-cp1251"),
    "windows-1252": (
        "cp1252",
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
        "iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 x-user-defined",
    ),
    "windows-1253": ("cp1253", "cp1253 windows-1253 x-cp1253"),
    "windows-1254": (
        "cp1254",
        "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 "
        "windows-1254 x-cp1254",
    ),
    "windows-1255": ("cp1255", "cp1255 windows-1255 x-cp1255"),
    "windows-1256": ("cp1256", "cp1256 windows-1256 x-cp1256"),
    "windows-1257": ("cp1257", "cp1257 windows-1257 x-cp1257"),
    "windows-1258": ("cp1258", "cp1258 windows-1258 x-cp1258"),
    "x-mac-cyrillic": ("mac_cyrillic", "x-mac-cyrillic x-mac-ukrainian"),
    "gb18030": (
        "gb18030",
        "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    ),
    "big5": ("big5hkscs", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"),
    "euc-jp": ("euc_jp", "cseucpkdfmtjapanese euc-jp x-euc-jp"),
    "iso-2022-jp": ("iso2022_jp", "csiso2022jp iso-2022-jp"),
    "shift_jis": ("cp932", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"),
    "euc-kr": (
        "cp949",
        "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    ),
    "utf-16be": ("utf_16_be", "unicodefffe utf-16be"),
    "utf-16le": ("utf_16_le", "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le"),
}
"""WHATWG's encodings (the Encoding Standard, "Names and labels"): name → (Python's codec, labels).

Where Python's codec of the same name knows less, its superset stands: windows-31j for shift_jis, HKSCS for big5,
gb18030 for gbk, windows-949 for euc-kr, windows-1252 for latin-1. The labels of "replacement" are left out on purpose.
"""

_BY_LABEL = {label: name for name, (_, labels) in _ENCODINGS.items() for label in labels.split()}
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16be"), (codecs.BOM_UTF16_LE, "utf-16le"))

_IN_HEADER = re.compile(r"""charset\s{0,8}=\s{0,8}["']?([^\s"';,]{1,40})""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]{0,1024}", re.IGNORECASE)
_CONTENT = re.compile(rb"""\bcontent\s{0,8}=\s{0,8}(?:"[^"]*"?|'[^']*'?|[^\s>]*)""", re.IGNORECASE)
_IN_META = re.compile(rb"""charset\s{0,8}=\s{0,8}["']?\s{0,8}([^\s"'/>;]{1,40})""", re.IGNORECASE)
_XML = re.compile(rb"""\s{0,64}<\?xml[^>]{0,256}?encoding\s{0,8}=\s{0,8}["']([^"'>]{1,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body's ``text`` without byte order mark, and the WHATWG name of the ``encoding`` that it was read by."""

    text: str
    encoding: str


def decode(body: bytes, content_type: str | None = None) -> Decoded:
    """The text of ``body``, sent with the header ``Content-Type: content_type``; bytes of no meaning become U+FFFD."""
    for mark, marked in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], marked)
    name = _from_header(content_type or "") or _declared(body[:PRESCAN_BYTES])
    if name is not None:
        return _decoded(body, name)
    try:
        return Decoded(body.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        # A body cut at the size cap may end inside a character: that alone does not make it another encoding.
        cut = error.reason == "unexpected end of data" and error.end == len(body)
        return _decoded(body, "utf-8" if cut else _declared(body[:LATE_BYTES]) or "windows-1252")


def encoding_of(label: str) -> str | None:
    """The WHATWG name of the encoding that a declared ``label`` means (``latin1`` → ``windows-1252``), or None."""
    return _BY_LABEL.get(label.strip().lower())


def charset_in(content_type: str) -> str | None:
    """The label that a ``Content-Type`` header's charset gives, as it is written there."""
    found = _IN_HEADER.search(content_type[:1_024])
    return found[1] if found else None


def codec_of(name: str) -> str:
    """Python's codec for the WHATWG encoding ``name``, as :func:`encoding_of` gives it."""
    return _ENCODINGS[name][0]


def _decoded(body: bytes, name: str) -> Decoded:
    return Decoded(body.decode(_ENCODINGS[name][0], errors="replace"), name)


def _from_header(content_type: str) -> str | None:
    label = charset_in(content_type)
    return encoding_of(label) if label else None


def _declared(start: bytes) -> str | None:
    """What the page itself says. It says so in ASCII, so a claim of UTF-16 can only mean UTF-8."""
    xml = _XML.match(start)
    labels = [xml[1]] if xml else []
    for meta in map(itemgetter(0), _META.finditer(_COMMENT.sub(b"", start))):
        # In content, charset= means something only beside http-equiv; elsewhere it may be part of an address.
        told = _IN_META.search(meta if b"http-equiv" in meta.lower() else _CONTENT.sub(b"", meta))
        labels += [told[1]] if told else []
    for label in labels:
        name = encoding_of(label.decode("ascii", errors="replace"))
        if name is not None:
            return "utf-8" if name.startswith("utf-16") else name
    return None
