"""A cut before the parser where a page would take it minutes, or all the memory there is.

Danger: HTML's own algorithm is quadratic in the depth of nesting, in the attributes of one tag and in repeated body
tags (each merges its attributes into the first). Measured: a page of 100 KB of ``<div>`` takes 0.4 s, one of 5 MB ten
minutes, in C, where no deadline can interrupt it. Browsers cut nesting as well, at 512.

A node takes some 170 bytes: 5 MB of ``<p>x`` are 400 MB. And formatting elements that are left open are made anew in
every block that follows: 25 KB of ``<p><font a=1><font a=2>…</p>``, then ``<p>x</p>`` again and again, are 500 MB.
"""

import re

MAX_DEPTH = 1_500
"""Elements open at once."""

MAX_ATTRIBUTES = 500
"""Attributes of one tag."""

MAX_ROOTS = 10
"""``<html>`` and ``<body>`` tags."""

MAX_NODES = 75_000
"""About the elements, texts, comments and attributes of a page: some 15 MB. Large real pages have 10,000."""

MAX_FORMATTING = 100
"""Formatting elements (``<b>``, ``<font>``, …) open at once."""

_TAG = re.compile(
    r"<(?:(?P<comment>!--)"
    r"|(?P<close>/)?(?P<name>[a-zA-Z][^\s/>]{0,30})(?P<inside>(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)(?P<end>>)?"
    r"|[!?/])"
)
"""A tag with all that is in it, found by the pattern alone: a page has a thousand, and each step of ours costs. Possessive,
so that what does not fit is not tried in other ways."""
_QUOTED_OR_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|([^\s=/\"']+)")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style")}
_FOREIGN = frozenset(("svg", "math"))
_CLOSED_BY_THE_NEXT = frozenset(str.split("p li dt dd td th tr tbody thead tfoot colgroup rt rp"))
_FORMATTING = frozenset(str.split("a b big code em font i nobr s small strike strong tt u"))
_ONE_AT_A_TIME = frozenset(("a", "nobr"))  # the next one ends the one before
_SAME_AT_ONCE = 3  # of equal ones the parser remembers no more ("Noah's Ark clause")
_NODES_A_TAG = 3  # the element, a text in it and a text behind it
_EMPTY = frozenset(str.split("area base br col embed hr img input link meta param source track wbr"))
_SHALLOW = _CLOSED_BY_THE_NEXT | _ONE_AT_A_TIME | _EMPTY


def cut_where_too_complex(html: str) -> str:
    """``html``, or as much of its beginning as a parser can read in linear time and memory. One pass, linear itself."""
    position = foreign = 0
    tally = _Tally()
    while tag := _TAG.search(html, position):
        _, close, name, inside, closed = tag.groups("")
        end: int | None
        if not name:
            end = _end_of_comment(html, tag)
            too_much = tally.counts_comment()
        else:
            name = name.lower()
            end = tag.end() if closed else len(html)
            too_much = tally.counts(name, not close, _attributes_in(inside), tag)
        if too_much:
            return html[: tag.start()]
        if name in _FOREIGN:
            foreign = max(0, foreign + (-1 if close else 1))
        # Scripts are full of "<" that open nothing; but inside svg their content is parsed.
        if name in _RAW_END and not (close or foreign):
            raw_end = _RAW_END[name].search(html, tag.end())
            end = raw_end.start() if raw_end else None
        if end is None:
            break
        position = end
    return html


class _Tally:
    """What a page has cost so far. What counts answers whether that is too much."""

    def __init__(self) -> None:
        self._nodes = self._depth = self._roots = 0
        self._formatting = Formatting()

    def counts_comment(self) -> bool:
        self._nodes += 1
        return self._nodes > MAX_NODES

    def counts(self, name: str, opens: bool, attributes: int, tag: re.Match[str]) -> bool:
        formatting = self._formatting
        self._nodes += (_NODES_A_TAG if opens else 0) + attributes + formatting.copies
        if name in _FORMATTING:
            formatting.meets(name, opens, tag[0], attributes)
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
    """HTML's list of active formatting elements, near enough: never shorter than the parser's."""

    def __init__(self) -> None:
        self.open: list[tuple[str, str, int]] = []
        """(name, tag, nodes of a copy) of those that no end tag has closed, the last one last."""
        self.copies = 0
        """Nodes that the next tag may cost beside its own: what is open is made anew in the block that it starts or ends."""

    def meets(self, name: str, opens: bool, tag: str, attributes: int) -> None:
        """A tag of a formatting element."""
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
    """Where a comment or what browsers take for one (``<?x>``, ``<!x>``, ``</>``) ends; None if it does not."""
    if start["comment"]:
        end = _COMMENT_END.search(html, start.start() + 2)  # "<!-->" is a whole comment
        return end.end() if end else None
    closed = html.find(">", start.end())
    return closed + 1 if closed >= 0 else None


def _attributes_in(inside: str) -> int:
    """About how many attributes stand between a tag's name and its end."""
    if not inside:
        return 0
    words = _QUOTED_OR_WORD.findall(inside)
    return len(words) - words.count("")
