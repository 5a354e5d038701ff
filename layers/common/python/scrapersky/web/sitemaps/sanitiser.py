"""Repairs text that is almost XML, piece by piece, so that expat accepts it.

Repaired are: raw ``&`` and ``<``, named entities of HTML, references to characters that XML forbids, control characters,
``]]>`` in text, XML declarations in the middle. Comments are removed (``--`` inside one is common; a comment without an
end is read as ending at its ``>``). CDATA becomes plain text; a section without an end ends with its field or entry. Line
breaks are kept, so that line numbers are those of the file.
"""

import re
from html.entities import html5
from io import StringIO

_NOT_A_TAG = r"<(?![^\x00-.0-9;-@\[-^`{-\x7f])"  # no letter, "_", ":" or "/" follows, nor anything beyond ASCII
_NOT_XML_ENTITY = r"&(?!(?:amp|lt|gt|quot|apos);)"
_SUSPECTS = [re.compile(pattern) for pattern in (_NOT_A_TAG, _NOT_XML_ENTITY, r"\]\]>")]
"""Text without a match of these needs no repair. Three expressions, because each has a fixed first character: four times
as fast as one expression."""
_SPECIAL = re.compile(
    _NOT_A_TAG + r"(?:!--|!\[[Cc][Dd][Aa][Tt][Aa]\[|\?[Xx][Mm][Ll](?=[\s?])|(?![!?]))"
    rf"|{_NOT_XML_ENTITY}" + r"(?:#?[0-9A-Za-z]{1,32};)?"
    r"|\]\]>"
)
MAX_COMMENT = 65_536
"""Characters within which a comment must end; a longer one is read as a comment whose end is missing."""

_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r")
_LOOK_AHEAD = 40  # characters that decide the meaning of a "<" or "&"
_COMMENT, _CDATA = "<!--", "<![CDATA["
_TAG_END = re.compile(">")
_END = {
    _COMMENT: re.compile("-->"),
    # A URL, date or number has no "<" in it: if the end tag of its field comes first, or another entry, the end of the
    # section is missing.
    _CDATA: re.compile(
        r"\]\]>|(?=</(?:[\w.-]{1,16}:)?(?:loc|lastmod|changefreq|priority|link|guid|pubdate|id|updated|published)\s{0,4}>"
        r"|<(?:[\w.-]{1,16}:)?(?:url|sitemap|item|entry)[\s>])",
        re.IGNORECASE,
    ),
}


class Sanitiser:
    """Turns text into text whose characters and references are well-formed. The output does not depend on the pieces.

    After ``repairs`` repairs it returns no more text, and is ``exhausted``.
    """

    def __init__(self, repairs: int) -> None:
        self._repairs_left = repairs
        self._held = ""
        self._inside: str | None = None
        self._end = dict(_END)
        self._comment = StringIO()  # the text of a comment whose end has not been found yet

    @property
    def inside_section(self) -> bool:
        """Whether the text so far ends within a comment or a CDATA section."""
        return self._inside is not None

    @property
    def exhausted(self) -> bool:
        """Whether the text needs more repairs than allowed."""
        return self._repairs_left < 0

    def feed(self, text: str, *, final: bool = False) -> str:
        """Return the sanitised text that ``text`` adds. The last characters may be held back until the next piece."""
        text = self._held + _without_controls(text)
        cut = len(text) if final else _held_back_from(text)
        self._held = text[cut:]
        text = text[:cut]
        if self._inside is None and not any(suspect.search(text) for suspect in _SUSPECTS):
            return "" if self.exhausted else text
        out = self._sanitised(text)
        if final and self._comment.tell():
            out += self._sanitised(self._without_comment(""))
        return "".join(out)

    def _sanitised(self, text: str) -> list[str]:
        out: list[str] = []
        at = 0
        while at < len(text) and not self.exhausted:
            if self._inside is not None:
                text, at = self._section(text, at, out)
                continue
            special = _SPECIAL.search(text, at)
            if special is None:
                out.append(text[at:])
                break
            out.append(text[at : special.start()])
            self._repairs_left -= 1
            at = special.end()
            found = special[0]
            if (opener := found.upper()) in _END:
                self._inside = opener
            else:
                out.append(_repaired(found))
        return out

    def _section(self, text: str, at: int, out: list[str]) -> tuple[str, int]:
        """Process a comment or CDATA section from ``at``; return the text to continue with, and the index in it."""
        assert self._inside is not None
        end = self._end[self._inside].search(text, at)
        body = text[at : end.start() if end else len(text)]
        if self._inside == _CDATA:
            out.append(_escaped(body))
        elif self._end[_COMMENT] is _TAG_END:
            out.append("\n" * body.count("\n"))
        elif self._comment.tell() + self._comment.write(body) > MAX_COMMENT:
            return self._without_comment(text[at + len(body) :]), 0
        elif end is not None:
            out.append("\n" * self._taken_comment().count("\n"))
        if end is None:
            return "", 0
        self._inside = None
        return text, end.end()

    def _without_comment(self, rest: str) -> str:
        """Return the text of the supposed comment and ``rest``, to be read again; from now on ``>`` ends every comment."""
        self._end[_COMMENT] = _TAG_END
        return self._taken_comment() + rest

    def _taken_comment(self) -> str:
        text, self._comment = self._comment.getvalue(), StringIO()
        return text


def _without_controls(text: str) -> str:
    """Return ``text`` without characters that XML forbids; via its bytes, at least three times as fast as with ``re``."""
    kept = text.encode("utf-8", "replace").translate(None, _CONTROLS).decode()
    return kept.replace("\ufffe", "").replace("\uffff", "")


def _held_back_from(text: str) -> int:
    """Return the index from which ``text`` must be held back until more input arrives."""
    low = max(0, len(text) - _LOOK_AHEAD)
    start = max(text.rfind("<", low), text.rfind("&", low))
    if start >= 0:
        return start
    cut = len(text)
    while cut > 0 and len(text) - cut < 2 and text[cut - 1] in "]-":
        cut -= 1
    return cut


def _repaired(found: str) -> str:
    if found[0] == "&":
        return _reference(found)
    if found[0] == "<":
        return "<?x-xml" if len(found) > 1 else "&lt;"
    return "]]&gt;"


def _reference(found: str) -> str:
    """Return the XML for a reference that is not one of XML's five; a lone ``&`` is text."""
    name = found[1:-1]
    if not name:
        return "&amp;"
    if not name.startswith("#"):
        return _escaped(html5[name + ";"]) if name + ";" in html5 else "&amp;" + found[1:]
    digits = name[1:]
    try:
        code = int(digits[1:], 16) if digits[:1] in "xX" else int(digits)
    except ValueError:
        return "&amp;" + found[1:]
    return f"&#{code};" if _is_xml_character(code) else ""


def _is_xml_character(code: int) -> bool:
    """Return whether XML 1.0 allows the character (https://www.w3.org/TR/xml/#charsets)."""
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
