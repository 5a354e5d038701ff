"""The visible text of a page, one line per block: ``<td>1<td>2`` is "1" and "2", never "12"."""

import re
import unicodedata

from selectolax.lexbor import LexborNode

MAX_NODES = 400_000
"""Nodes read of one page; a longer page is cut there."""

_DIGITS = {
    zero + digit: str(digit)
    for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50)  # Arabic, Persian, Devanagari, Bengali, Thai
    for digit in range(10)
}
_FULLWIDTH = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF01, 0xFF5F)}
_PLAIN: dict[int, str] = _DIGITS | _FULLWIDTH
"""Digits of other scripts, and East Asia's full-width forms of ASCII (``ＴＥＬ　０３``)."""

_HIDES = re.compile(r"display\s{0,9}:\s{0,9}none", re.IGNORECASE)
_UNSEEN = frozenset(
    str.split("head script style noscript template svg math iframe object canvas audio video map select")
)
_INLINE = frozenset(
    str.split(
        "abbr b bdi bdo big cite code data dfn em font i ins kbd label mark q s samp small span strong sub sup time tt u "
        "var wbr"
    )
)
_BLANKS: dict[int, str | None] = {**_PLAIN, **{code: " " for code in range(0x3001) if chr(code).isspace()}}
_BLANKS |= dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))  # invisible


def visible_text(root: LexborNode, limit: int) -> str:
    """Return the text below ``root``, at most ``limit`` characters: one line per block, runs of blanks collapsed.

    Iterative, because the nesting of a page is unbounded. A link counts as a block: the text beside it is not part of
    it.
    """
    parts: list[str] = []
    length = 0
    node: LexborNode | None = root
    for _ in range(MAX_NODES):
        if node is None or length > limit:
            break
        tag = node.tag
        if tag == "-text":
            text = _collapsed((node.text_content or "")[:limit])
            parts.append(text)
            length += len(text)
        elif tag not in _INLINE:
            parts.append("\n" if tag != "-comment" else "")
        elif node.prev is not None and node.prev.tag != "-text":
            parts.append(" ")  # <small>E-mail</small><strong>jo@…: two words
        inside = None if tag is None or tag in _UNSEEN or _is_hidden(node, tag) else node.first_child
        node = inside or _next_after(node, root, parts)
    text = "".join(parts)
    parts.clear()
    lines = (_single_spaced(line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[:limit]


def _is_hidden(node: LexborNode, tag: str) -> bool:
    """Return whether an inline element is hidden: ``jo@<span style="display:none">no-spam-</span>shop.com``."""
    if tag not in _INLINE:  # a hidden block is often opened by a click
        return False
    style = node.attributes.get("style")
    return bool(style) and _HIDES.search(style or "") is not None


def plain(text: str) -> str:
    """Return ``text`` with other scripts' digits and full-width characters replaced by ASCII."""
    return text if text.isascii() else text.translate(_PLAIN)


def _collapsed(text: str) -> str:
    """Return ``text`` in plain characters, each run of white space replaced by one blank.

    Makes no object per word: hostile pages have millions.
    """
    return _single_spaced(text.translate(_BLANKS))


def _single_spaced(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _next_after(node: LexborNode, root: LexborNode, parts: list[str]) -> LexborNode | None:
    """Return the node that follows ``node`` and its descendants; end the blocks that close between the two."""
    here: LexborNode | None = node
    while here is not None and here.mem_id != root.mem_id:
        if here.tag not in _INLINE and here.tag not in ("-text", "-comment"):
            parts.append("\n")
        if (following := here.next) is not None:
            return following
        here = here.parent
    return None
