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
_ADDRESS_FIRST = re.compile(r"[A-Za-z0-9][\w.+\-]{0,63}@[\w\-]")
_WORD_LAST = re.compile(r"[^\W\d_]{2}\Z")
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
    previous: str | None = None  # the tag of the sibling before ``node``
    open_elements: list[tuple[LexborNode, str | None]] = []
    for _ in range(MAX_NODES):
        if node is None or length > limit:
            break
        tag = node.tag
        inside = None
        if tag == "-text":
            text = (node.text_content or "")[:limit]
            text = " " if text.isspace() else _collapsed(text)
            if "@" in text and _ADDRESS_FIRST.match(text) and _follows_label(node, previous, parts):
                parts.append(" ")
            parts.append(text)
            length += len(text)
        elif tag in _INLINE:
            if previous is not None and previous != "-text":
                parts.append(" ")  # <small>E-mail</small><strong>jo@…: two words
            inside = None if _is_hidden(node) else node.first_child
        elif tag != "-comment":
            parts.append("\n")
            inside = None if tag is None or tag in _UNSEEN else node.first_child
        if inside is not None:
            open_elements.append((node, tag))
            node, previous = inside, None
        else:
            node, previous = _next_after(node, tag, open_elements, parts)
    text = "".join(parts)
    parts.clear()
    lines = (_single_spaced(line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[:limit]


def _follows_label(node: LexborNode, previous: str | None, parts: list[str]) -> bool:
    """Return whether the address that the text ``node`` starts with stands behind a word in or before an element.

    ``<b>Mail</b>info@…``; but a hidden element, a comment or ``<wbr>`` is part of the address.
    """
    if previous is not None:
        sibling = node.prev
        is_apart = previous in _INLINE and previous != "wbr" and sibling is not None and not _is_hidden(sibling)
    else:
        parent = node.parent
        is_apart = parent is not None and parent.tag in _INLINE and parent.prev is not None
    last = next((part for part in reversed(parts[-5:]) if part), "")
    return is_apart and _WORD_LAST.search(last[-10:]) is not None


def _is_hidden(node: LexborNode) -> bool:
    """Return whether an inline element is hidden: ``jo@<span style="display:none">no-spam-</span>shop.com``.

    A hidden block is often opened by a click.
    """
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


def _next_after(
    node: LexborNode, tag: str | None, open_elements: list[tuple[LexborNode, str | None]], parts: list[str]
) -> tuple[LexborNode | None, str | None]:
    """Return the node behind ``node`` and its descendants, and the tag before it; end the blocks that close there."""
    while open_elements:
        if tag not in _INLINE and tag not in ("-text", "-comment"):
            parts.append("\n")
        if (following := node.next) is not None:
            return following, tag
        node, tag = open_elements.pop()
    return None, None
