"""Decodes the bytes of a sitemap piece by piece. Never fails, whatever the bytes are and whatever they declare.

Order of evidence: byte order mark, UTF-16 recognisable in the first four bytes, the XML declaration, the charset of the
HTTP header, UTF-8. Bytes that are not valid UTF-8 are decoded as windows-1252, one by one: a file that declares UTF-8 and
has a Latin-1 line in it keeps both.
"""

import codecs
import re

from scrapersky.web.charset import codec_of, encoding_of

_PRESCAN_BYTES = 1_024
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_SHAPES = ((b"<\0", "utf-16le"), (b"\0<", "utf-16be"), (b"h\0t\0", "utf-16le"), (b"\0h\0t", "utf-16be"))
_DECLARED = re.compile(rb"""<\?xml[^>]{0,256}?\sencoding\s{0,8}=\s{0,8}["']\s{0,8}([\w.:-]{1,40})""", re.IGNORECASE)
_LENIENT = "scrapersky.lenient"


class Decoder:
    """An incremental decoder that selects its ``encoding`` (WHATWG name) from the first 1,024 bytes."""

    def __init__(self, charset: str | None = None) -> None:
        self.encoding: str | None = None
        self._charset = charset
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Return the text that ``data`` adds."""
        if self._decoder is None:
            self._start += data
            if len(self._start) < _PRESCAN_BYTES and not final:
                return ""
            data, self._start = self._start, b""
            data = self._choose(data)
        assert self._decoder is not None
        return self._decoder.decode(data, final)

    def _choose(self, start: bytes) -> bytes:
        """Select the encoding; return ``start`` without its byte order mark."""
        mark, self.encoding = self._marked(start)
        self._decoder = codecs.getincrementaldecoder(codec_of(self.encoding))(errors=_LENIENT)
        return start[len(mark) :]

    def _marked(self, start: bytes) -> tuple[bytes, str]:
        for mark, name in _MARKS:
            if start.startswith(mark):
                return mark, name
        for shape, name in _SHAPES:
            if start.startswith(shape):
                return b"", name
        declared = _DECLARED.search(start[:_PRESCAN_BYTES])
        for label in (declared[1].decode("ascii") if declared else "", self._charset or ""):
            meant = encoding_of(label)
            # A declaration that is readable as ASCII cannot be UTF-16.
            if meant is not None and not meant.startswith("utf-16"):
                return b"", meant
        return b"", "utf-8"


def _lenient(error: UnicodeError) -> tuple[str, int]:
    """Decode invalid bytes: as windows-1252 in UTF-8, otherwise as U+FFFD."""
    assert isinstance(error, UnicodeDecodeError)
    invalid = error.object[error.start : error.end]
    if error.encoding.lower().replace("_", "-") != "utf-8":
        return "\ufffd", error.end
    return "".join(bytes([byte]).decode("cp1252", "replace") for byte in invalid), error.end


codecs.register_error(_LENIENT, _lenient)
