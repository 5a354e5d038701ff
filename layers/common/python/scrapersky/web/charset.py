"""Decodes a page as browsers do. Never fails, whatever the bytes are.

Order of evidence (WHATWG HTML, "determining the character encoding"): byte order mark, charset of the HTTP header, a
declaration in the first 1,024 bytes, bytes that are UTF-8, a later declaration, windows-1252. Unlike browsers, a few
bytes that are not UTF-8 do not change the encoding, and single bytes of windows-1252 in UTF-8 are read as such.
"""

import codecs
import re
from dataclasses import dataclass
from operator import itemgetter

import webencodings

from scrapersky.web.fetched import Fetched

PRESCAN_BYTES = 1_024
"""Start of a page in which a declaration always counts (WHATWG)."""

LATE_BYTES = 65_536
"""Start of a page in which it counts without other evidence: a browser that meets one later reloads the page."""

_DECODED_AS = {"gbk": "gb18030", "iso-8859-8-i": "iso-8859-8", "x-user-defined": "windows-1252"}
"""Encodings that are decoded as another one: a superset, one that differs in direction only, and WHATWG's own rule."""

_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16be"), (codecs.BOM_UTF16_LE, "utf-16le"))

LENIENT = "scrapersky.lenient_page"
"""The error handler of codecs for pages: single bytes of windows-1252 in UTF-8 are read as such.

So is a pair (``Größe``). More high bytes in a row are another encoding, and become U+FFFD like other invalid bytes, and
like a character that the end of the page cuts off.
"""

_HIGH_BYTES = re.compile(rb"[\x80-\xff]{3}")
_IN_HEADER = re.compile(r"""charset\s{0,8}=\s{0,8}["']?([^\s"';,]{1,40})""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]{0,1024}", re.IGNORECASE)
_CONTENT = re.compile(rb"""\bcontent\s{0,8}=\s{0,8}(?:"[^"]*"?|'[^']*'?|[^\s>]*)""", re.IGNORECASE)
_IN_META = re.compile(rb"""charset\s{0,8}=\s{0,8}["']?\s{0,8}([^\s"'/>;]{1,40})""", re.IGNORECASE)
_XML = re.compile(rb"""\s{0,64}<\?xml[^>]{0,256}?encoding\s{0,8}=\s{0,8}["']([^"'>]{1,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The ``text`` of a body without byte order mark, and the WHATWG name of the ``encoding`` used."""

    text: str
    encoding: str


def decode(body: bytes, content_type: str | None = None, *, truncated: bool = False) -> Decoded:
    """Decode ``body``, sent with the header ``Content-Type: content_type``; it may end inside a character if ``truncated``.

    Bytes that are invalid in the encoding become U+FFFD, except those that :data:`LENIENT` reads.
    """
    for mark, marked in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], marked)
    name = _from_header(content_type or "") or _declared(body[:PRESCAN_BYTES])
    if name is not None:
        return _decoded(body, name)
    try:
        return Decoded(body.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        is_cut = truncated and error.reason == "unexpected end of data" and error.end == len(body)
        is_utf_8 = is_cut or _is_mostly_utf_8(body)
        return _decoded(body, "utf-8" if is_utf_8 else _declared(body[:LATE_BYTES]) or "windows-1252")


def decode_page(fetched: Fetched) -> Decoded:
    """Decode the body of an answer by its header and its content."""
    return decode(fetched.body, fetched.headers.get("content-type"), truncated=fetched.truncated)


def encoding_of(label: str) -> str | None:
    """Return the WHATWG name of the encoding for a declared ``label`` (``latin1`` → ``windows-1252``), or None.

    None also for the labels of WHATWG's "replacement" encoding, which are unsafe.
    """
    found = webencodings.lookup(label) if label.isascii() else None
    if found is None or found.name == "replacement":
        return None
    name = str(found.name)
    return _DECODED_AS.get(name, name)


def charset_in(content_type: str) -> str | None:
    """Return the charset label of a ``Content-Type`` header, as written; None if it has none."""
    found = _IN_HEADER.search(content_type[:1_024])
    return found[1] if found else None


def codec_of(name: str) -> str:
    """Return Python's codec for the WHATWG encoding ``name``, a result of :func:`encoding_of`."""
    return str(webencodings.lookup(name).codec_info.name)


def load_codecs() -> None:
    """Import the codec of every encoding: for a process that will not be able to open files."""
    for name in set(webencodings.LABELS.values()) - {"replacement", "x-user-defined"}:
        b"\x81a".decode(codec_of(name), errors="replace")


def _is_mostly_utf_8(body: bytes) -> bool:
    """Return whether more characters beyond ASCII are valid UTF-8 than bytes are not: by chance hardly any would be."""
    valid = body.decode("utf-8", errors="ignore")
    characters = len(valid) - len(valid.encode("ascii", errors="ignore"))
    return characters > len(body) - len(valid.encode())


def _decoded(body: bytes, name: str) -> Decoded:
    return Decoded(body.decode(codec_of(name), errors=LENIENT), name)


def _lenient(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    body, start, end = error.object, error.start, error.end
    around = body[max(start - 2, 0) : start + 3]
    is_utf_8 = error.encoding.lower().replace("_", "-") == "utf-8"
    is_cut = error.reason == "unexpected end of data"
    if not is_utf_8 or is_cut or _HIGH_BYTES.search(around):
        return "\ufffd", end
    return body[start:end].decode("cp1252", "replace"), end


codecs.register_error(LENIENT, _lenient)


def _from_header(content_type: str) -> str | None:
    label = charset_in(content_type)
    return encoding_of(label) if label else None


def _declared(start: bytes) -> str | None:
    """Return the encoding that the page declares. The declaration is in ASCII, so UTF-16 can only mean UTF-8."""
    xml = _XML.match(start)
    labels = [xml[1]] if xml else []
    for meta in map(itemgetter(0), _META.finditer(_COMMENT.sub(b"", start))):
        # In content, charset= is a declaration only together with http-equiv; otherwise it may be part of a URL.
        declared = _IN_META.search(meta if b"http-equiv" in meta.lower() else _CONTENT.sub(b"", meta))
        labels += [declared[1]] if declared else []
    for label in labels:
        name = encoding_of(label.decode("ascii", errors="replace"))
        if name is not None:
            return "utf-8" if name.startswith("utf-16") else name
    return None
