"""A cut before the parser where a page would take it minutes.

Danger: HTML's own algorithm is quadratic in the depth of nesting, in the attributes of one tag and in repeated body
tags (each merges its attributes into the first). Measured: a page of 100 KB of ``<div>`` takes 0.4 s, one of 5 MB ten
minutes, in C, where no deadline can interrupt it. Browsers cut nesting as well, at 512.
"""

import re

MAX_DEPTH = 1_500
"""Elements open at once."""

MAX_ATTRIBUTES = 500
"""Attributes of one tag."""

MAX_ROOTS = 10
"""``<html>`` and ``<body>`` tags."""

_TAG = re.compile(r"<(?:(?P<comment>!--)|(?P<close>/)?(?P<name>[a-zA-Z][^\s/>]{0,30}))")
_UNQUOTED = re.compile(r"""[^>"']*""")
_WORDS = re.compile(r"[^\s=/]+")
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style")}
_FOREIGN = frozenset(("svg", "math"))
_CLOSED_BY_THE_NEXT = frozenset(str.split("p li dt dd td th tr tbody thead tfoot colgroup rt rp"))
_EMPTY = frozenset(str.split("area base br col embed hr img input link meta param source track wbr"))


def cut_where_too_complex(html: str) -> str:
    """``html``, or as much of its beginning as a parser can read in linear time. One pass, linear itself."""
    position = depth = roots = foreign = 0
    while tag := _TAG.search(html, position):
        opens, name = not tag["close"], (tag["name"] or "").lower()
        if not name:
            end_of_comment = _COMMENT_END.search(html, tag.start() + 2)  # "<!-->" is a whole comment
            if end_of_comment is None:
                break
            position = end_of_comment.end()
            continue
        position, attributes = _end_of_tag(html, tag.end())
        if name in ("html", "body"):
            roots += opens
        elif name not in _CLOSED_BY_THE_NEXT and name not in _EMPTY:
            depth = max(0, depth + (1 if opens else -1))
        if depth > MAX_DEPTH or attributes > MAX_ATTRIBUTES or roots > MAX_ROOTS:
            return html[: tag.start()]
        if name in _FOREIGN:
            foreign = max(0, foreign + (1 if opens else -1))
        # Scripts are full of "<" that open nothing; but inside svg their content is parsed.
        if opens and name in _RAW_END and not foreign:
            raw_end = _RAW_END[name].search(html, position)
            if raw_end is None:
                break
            position = raw_end.start()
    return html


def _end_of_tag(html: str, position: int) -> tuple[int, int]:
    """Where the tag that is open at ``position`` ends, and about how many attributes it has until then."""
    attributes = 0
    while True:
        plain = _UNQUOTED.match(html, position)
        assert plain is not None  # the pattern matches the empty string
        if plain.end() - plain.start() > 1:
            attributes += len(_WORDS.findall(plain[0]))
        position = plain.end()
        if position >= len(html) or html[position] == ">":
            return min(position + 1, len(html)), attributes
        quoted_until = html.find(html[position], position + 1)
        if quoted_until < 0:
            return len(html), attributes
        position = quoted_until + 1
