"""Makes text that browsers and people would read as XML into text that expat reads as XML, piece by piece.

What is repaired: raw ``&`` and ``<``, HTML's named entities, references to characters that XML forbids, control
characters, ``]]>`` in text, XML declarations in the middle. Comments are dropped (``--`` inside one is common; one that
is never ended was meant to end at its ``>``) and CDATA becomes plain text; a section that is left open ends with its
field. Line ends stay where they were, so a line number found later is the file's.
"""

import re
from html.entities import html5
from io import StringIO

_NOT_A_TAG = r"<(?![^\x00-.0-9;-@\[-^`{-\x7f])"  # no letter, "_", ":" or "/" follows, nor anything beyond ASCII
_NOT_XMLS = r"&(?!(?:amp|lt|gt|quot|apos);)"
_SUSPECTS = [re.compile(pattern) for pattern in (_NOT_A_TAG, _NOT_XMLS, r"\]\]>")]
"""Where none of these is found, nothing is special. Each starts with one character: four times as fast as all in one."""
_SPECIAL = re.compile(
    _NOT_A_TAG + r"(?:!--|!\[[Cc][Dd][Aa][Tt][Aa]\[|\?[Xx][Mm][Ll](?=[\s?])|(?![!?]))"
    rf"|{_NOT_XMLS}" + r"(?:#?[0-9A-Za-z]{1,32};)?"
    r"|\]\]>"
)
MAX_COMMENT = 65_536
"""Characters in which a comment's end is looked for: what is commented out for longer is taken for a slip."""

_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r")
_LOOK_AHEAD = 40  # characters that decide what a "<" or "&" is
_COMMENT, _CDATA = "<!--", "<![CDATA["
_SLIP_END = re.compile(">")
_END = {
    _COMMENT: re.compile("-->"),
    # No url, date or number has a "<" in it: where its end tag comes first, the section's own end is missing.
    _CDATA: re.compile(
        r"\]\]>|(?=</(?:[\w.-]{1,16}:)?(?:loc|lastmod|changefreq|priority|link|guid|pubdate)\s{0,4}>)", re.IGNORECASE
    ),
}


class Sanitiser:
    """Text in, well-formed-at-the-character-level text out. The output does not depend on how the input is cut.

    After ``repairs`` repairs nothing more comes out: ``exhausted``.
    """

    def __init__(self, repairs: int) -> None:
        self._repairs_left = repairs
        self._held = ""
        self._inside: str | None = None
        self._end = dict(_END)
        self._comment = StringIO()  # what may be one, until its end is seen

    @property
    def inside_section(self) -> bool:
        """Whether what was fed so far ends within a comment or a CDATA section."""
        return self._inside is not None

    @property
    def exhausted(self) -> bool:
        """Whether there was more to repair than is done."""
        return self._repairs_left < 0

    def feed(self, text: str, *, final: bool = False) -> str:
        """The sanitised text that ``text`` adds; some characters wait for those that decide their meaning."""
        text = self._held + _without_controls(text)
        cut = len(text) if final else _undecided_from(text)
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
        """Goes through a comment or CDATA section from ``at``; returns what is to be read on, and from where."""
        assert self._inside is not None
        end = self._end[self._inside].search(text, at)
        body = text[at : end.start() if end else len(text)]
        if self._inside == _CDATA:
            out.append(_escaped(body))
        elif self._end[_COMMENT] is _SLIP_END:
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
        """All that was taken for a comment's, and ``rest``, to be read again: from here on a ``>`` ends every comment."""
        self._end[_COMMENT] = _SLIP_END
        return self._taken_comment() + rest

    def _taken_comment(self) -> str:
        text, self._comment = self._comment.getvalue(), StringIO()
        return text


def _without_controls(text: str) -> str:
    """``text`` without the characters that XML forbids: by way of its bytes, in a third of a pattern's time at most."""
    kept = text.encode("utf-8", "replace").translate(None, _CONTROLS).decode()
    return kept.replace("\ufffe", "").replace("\uffff", "")


def _undecided_from(text: str) -> int:
    """Where the end of ``text`` starts whose meaning depends on what comes next."""
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
    """What a reference stands for that is none of XML's five, as XML can say it; a lone ``&`` is text."""
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
    """Whether XML 1.0 allows the character (https://www.w3.org/TR/xml/#charsets)."""
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
