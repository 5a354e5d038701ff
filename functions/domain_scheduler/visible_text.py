"""What a person would read on a page, with its lines kept apart: ``<td>1<td>2`` is "1" and "2", never "12"."""

import re

from selectolax.lexbor import LexborNode

from domain_scheduler.characters import PLAIN

MAX_NODES = 400_000
"""Nodes looked at in one page; a page with more is cut there."""

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
_BLANKS: dict[int, str | None] = {**PLAIN, **{code: " " for code in range(0x3001) if chr(code).isspace()}}
_BLANKS |= dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))  # nobody sees them


def visible_text(root: LexborNode, limit: int) -> str:
    """The text below ``root``, at most about ``limit`` characters: one line a block, blanks collapsed.

    Iterative, as pages nest as deep as they like. Links count as blocks: what stands beside one is not part of it.
    """
    parts: list[str] = []
    length = 0
    node: LexborNode | None = root
    for _ in range(MAX_NODES):
        if node is None or length > limit:
            break
        tag = node.tag
        if tag == "-text":
            text = collapsed((node.text_content or "")[:limit])
            parts.append(text)
            length += len(text)
        elif tag not in _INLINE:
            parts.append("\n" if tag != "-comment" else "")
        elif node.prev is not None and node.prev.tag != "-text":
            parts.append(" ")  # <small>E-mail</small><strong>jo@…: styled apart, so meant apart
        inside = None if tag is None or tag in _UNSEEN or _is_hidden(node, tag) else node.first_child
        node = inside or _next_after(node, root, parts)
    text = "".join(parts)
    parts.clear()
    lines = (_single_spaced(line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[:limit]


def _is_hidden(node: LexborNode, tag: str) -> bool:
    """Whether an inline element hides what it holds: ``jo@<span style="display:none">no-spam-</span>shop.com``."""
    if tag not in _INLINE:  # a hidden block is often shown by a click
        return False
    style = node.attributes.get("style")
    return bool(style) and _HIDES.search(style or "") is not None


def collapsed(text: str) -> str:
    """``text`` in plain characters, each run of white space made one blank.

    Without an object a word, of which hostile pages have millions.
    """
    return _single_spaced(text.translate(_BLANKS))


def _single_spaced(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _next_after(node: LexborNode, root: LexborNode, parts: list[str]) -> LexborNode | None:
    """The node that follows ``node`` and all inside it, closing the blocks that end between the two."""
    here: LexborNode | None = node
    while here is not None and here.mem_id != root.mem_id:
        if here.tag not in _INLINE and here.tag not in ("-text", "-comment"):
            parts.append("\n")
        if (following := here.next) is not None:
            return following
        here = here.parent
    return None
