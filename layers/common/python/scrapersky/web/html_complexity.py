"""Truncates a page before the point where parsing it would take minutes or exhaust the memory.

Warning: the HTML algorithm is quadratic in the depth of nesting, in the attributes of one tag and in repeated body tags
(each merges its attributes into the first). Measured: 100 KB of ``<div>`` take 0.4 s, 5 MB ten minutes, in C code that no
deadline can interrupt. Browsers limit nesting as well, to 512.

A node takes about 170 bytes: 5 MB of ``<p>x`` are 400 MB. Open formatting elements are created again in every following
block: 25 KB of ``<p><font a=1><font a=2>…</p>``, followed by many ``<p>x</p>``, are 500 MB.
"""

import re

MAX_DEPTH = 1_500
"""Elements open at once."""

MAX_ATTRIBUTES = 500
"""Attributes of one tag."""

MAX_ROOTS = 10
"""``<html>`` and ``<body>`` tags."""

MAX_NODES = 75_000
"""Elements, texts, comments and attributes of a page, counted approximately: about 15 MB. Large real pages have 10,000."""

MAX_FORMATTING = 100
"""Formatting elements (``<b>``, ``<font>``, …) open at once."""

_TAG = re.compile(
    r"<(?:(?P<comment>!--)"
    r"|(?P<close>/)?(?P<name>[a-zA-Z][^\s/>]{0,30})(?P<inside>(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)(?P<end>>)?"
    r"|[!?/])"
)
"""A whole tag, matched by the expression alone, because a page has thousands and each step in Python costs time.
Possessive, so that a mismatch is not tried in other ways."""
_QUOTED_OR_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|([^\s=/\"']+)")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style")}
_FOREIGN = frozenset(("svg", "math"))
_CLOSED_BY_THE_NEXT = frozenset(str.split("p li dt dd td th tr tbody thead tfoot colgroup rt rp"))
_FORMATTING = frozenset(str.split("a b big code em font i nobr s small strike strong tt u"))
_ONE_AT_A_TIME = frozenset(("a", "nobr"))  # the next one closes the previous one
_SAME_AT_ONCE = 3  # the parser keeps no more than three equal ones ("Noah's Ark clause")
_NODES_A_TAG = 3  # the element, a text in it and a text after it
_EMPTY = frozenset(str.split("area base br col embed hr img input link meta param source track wbr"))
_SHALLOW = _CLOSED_BY_THE_NEXT | _ONE_AT_A_TIME | _EMPTY


def cut_where_too_complex(html: str) -> str:
    """Return ``html``, or as much of its start as can be parsed in linear time and memory. Linear itself, in one pass."""
    position = foreign = 0
    counters = _Counters()
    while tag := _TAG.search(html, position):
        _, close, name, inside, closed = tag.groups("")
        end: int | None
        if not name:
            end = _end_of_comment(html, tag)
            exceeded = counters.add_comment()
        else:
            name = name.lower()
            end = tag.end() if closed else len(html)
            exceeded = counters.add_tag(name, not close, _attributes_in(inside), tag)
        if exceeded:
            return html[: tag.start()]
        if name in _FOREIGN:
            foreign = max(0, foreign + (-1 if close else 1))
        # Scripts are full of "<" that open nothing; inside svg, however, their content is parsed.
        if name in _RAW_END and not (close or foreign):
            raw_end = _RAW_END[name].search(html, tag.end())
            end = raw_end.start() if raw_end else None
        if end is None:
            break
        position = end
    return html


class _Counters:
    """The cost of a page so far. The methods count, and return whether a limit is exceeded."""

    def __init__(self) -> None:
        self._nodes = self._depth = self._roots = 0
        self._formatting = Formatting()

    def add_comment(self) -> bool:
        self._nodes += 1
        return self._nodes > MAX_NODES

    def add_tag(self, name: str, opens: bool, attributes: int, tag: re.Match[str]) -> bool:
        formatting = self._formatting
        self._nodes += (_NODES_A_TAG if opens else 0) + attributes + formatting.copies
        if name in _FORMATTING:
            formatting.add(name, opens, tag[0], attributes)
        elif name in ("html", "body"):
            self._roots += opens
        if name not in _SHALLOW and name not in ("html", "body"):
            self._depth = max(0, self._depth + (1 if opens else -1))
        return (
            self._nodes > MAX_NODES
            or self._depth > MAX_DEPTH
            or attributes > MAX_ATTRIBUTES
            or self._roots > MAX_ROOTS
            or len(formatting.open) > MAX_FORMATTING
        )


class Formatting:
    """An approximation of HTML's list of active formatting elements; never shorter than the parser's."""

    def __init__(self) -> None:
        self.open: list[tuple[str, str, int]] = []
        """(name, tag, nodes of a copy) of the elements that no end tag has closed, oldest first."""
        self.copies = 0
        """Nodes that the next tag may add besides its own, because the open elements are created again in the next block."""

    def add(self, name: str, opens: bool, tag: str, attributes: int) -> None:
        """Count a tag of a formatting element."""
        if not opens or name in _ONE_AT_A_TIME:
            self._close(name)
        element = (name, tag, 1 + attributes)
        if opens and self.open.count(element) < _SAME_AT_ONCE:
            self.open.append(element)
            self.copies += element[2]

    def _close(self, name: str) -> None:
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == name:
                self.copies -= self.open[at][2]
                del self.open[at]
                return


def _end_of_comment(html: str, start: re.Match[str]) -> int | None:
    """Return the end of a comment, or of what browsers read as one (``<?x>``, ``<!x>``, ``</>``); None without an end."""
    if start["comment"]:
        end = _COMMENT_END.search(html, start.start() + 2)  # "<!-->" is a whole comment
        return end.end() if end else None
    closed = html.find(">", start.end())
    return closed + 1 if closed >= 0 else None


def _attributes_in(inside: str) -> int:
    """Return the approximate number of attributes between the name and the end of a tag."""
    if not inside:
        return 0
    words = _QUOTED_OR_WORD.findall(inside)
    return len(words) - words.count("")
