"""Pages that try to exhaust a parser of HTML: the kinds of attack that are known, combined at random from a seed."""

from collections.abc import Callable, Iterator
from random import Random

MAX_BYTES = 2_000_000
"""Bytes of the largest page, which is as much as the web client keeps of one."""

_BLOCKS = (
    "div",
    "p",
    "section",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "center",
    "form",
    "fieldset",
    "h1",
    "address",
)
_FORMATTING = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
_RAW = ("title", "textarea", "style", "script", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext")
_TABLE = ("table", "tbody", "thead", "tr", "td", "th", "caption", "colgroup", "col")
_FOREIGN = ("svg", "math", "g", "mi", "mo", "mtext", "foreignObject", "desc", "annotation-xml", "mglyph", "path")
_END_TAGS_THAT_CREATE = ("</p>", "</br>", "</p x>", "</br/>")

Kind = Callable[[Random, int], str]
"""Returns markup of about ``size`` characters."""


def _repeated(random: Random, size: int, *units: str) -> str:
    unit = "".join(random.sample(units, len(units)) if random.random() < 0.3 else units)
    return unit * max(1, size // max(1, len(unit)))


def nesting(random: Random, size: int) -> str:
    """Open elements that are never closed."""
    return _repeated(random, size, *(f"<{random.choice(_BLOCKS)}>" for _ in range(random.randint(1, 4))))


def formatting(random: Random, size: int) -> str:
    """Formatting elements that every following block has to reconstruct (the list of active formatting elements)."""
    count = random.choice((3, 30, 500))
    opened = "".join(f"<p><{random.choice(_FORMATTING)} x={number}>" for number in range(count))
    return opened + _repeated(random, size - len(opened), "<p>x")


def adoption_agency(random: Random, size: int) -> str:
    """Misnested end tags, for which the adoption agency algorithm clones elements."""
    first, second = random.sample(_FORMATTING, 2)
    block = random.choice(_BLOCKS)
    return _repeated(random, size, f"<{first}><{second}><{block}></{first}></{second}>")


def raw_text(random: Random, size: int) -> str:
    """An element whose content is text, opened inside another one, in front of an attack."""
    outer, inner = random.choice(_RAW), random.choice(_RAW)
    close = random.choice((f"</{outer}>", f"</{outer} x>", f"</{outer.upper()}/>", f"</{outer}", ""))
    return f"<{outer}><{inner}>{close}" + random.choice((nesting, formatting, end_tags))(random, size)


def foster_parenting(random: Random, size: int) -> str:
    """Text and elements in a table, which the parser moves in front of it."""
    return f"<{random.choice(_TABLE)}>" + _repeated(random, size, "x", f"<{random.choice(_FORMATTING)}>", "<tr>")


def tables(random: Random, size: int) -> str:
    """Nested tables and their parts in any order."""
    return _repeated(random, size, *(f"<{random.choice(_TABLE)}>" for _ in range(random.randint(2, 6))))


def select(random: Random, size: int) -> str:
    """Options and groups, and what a select does not allow."""
    return "<select>" + _repeated(
        random, size, "<option>", random.choice(("<optgroup>", "<select>", "<input>", "<hr>"))
    )


def foreign(random: Random, size: int) -> str:
    """SVG and MathML, integration points, and HTML that breaks out of them."""
    units = [f"<{random.choice(_FOREIGN)}>" for _ in range(random.randint(1, 5))]
    return random.choice(("<svg>", "<math>", "<math></svg>", "<svg></math>")) + _repeated(
        random, size, *units, random.choice(("", "<p>", "<![CDATA[", "</svg>", "<style>"))
    )


def templates(random: Random, size: int) -> str:
    """Nested templates, each with a document fragment of its own."""
    return _repeated(random, size, "<template>", random.choice(("", "<td>", "<col>", "x", "</template>")))


def attributes(random: Random, size: int) -> str:
    """Many attributes, long ones, and quotes in places where HTML does not take them for quotes."""
    opening = random.choice(("<p a=b'>", '<p x">', "</p '>", "<p a='", "<p =>", '<p a="b'))
    many = " ".join(f"a{number}={random.choice(('1', 'x' * 50))}" for number in range(random.choice((10, 5_000))))
    return (
        opening + f"<div {many}>" + random.choice((nesting, formatting))(random, size) + random.choice(("'>", '">', ""))
    )


def end_tags(random: Random, size: int) -> str:
    """End tags that create elements."""
    return _repeated(random, size, random.choice(_END_TAGS_THAT_CREATE), random.choice(("", "x", "<b>")))


def comments(random: Random, size: int) -> str:
    """Comments, declarations and processing instructions that never end or end oddly."""
    unit = random.choice(
        ("<!--", "<!-->", "<!--->", "<!---!>", "<!", "<?", "<!doctype ", "<![CDATA[", "<!--x--!>", "</ ")
    )
    return _repeated(random, size, unit, random.choice(("", "x", "-", ">")))


def document_merges(random: Random, size: int) -> str:
    """Repeated html and body elements, whose attributes are merged, and framesets."""
    return "".join(f"<{random.choice(('html', 'body'))} a{number}=1>" for number in range(size // 14)) + "<frameset>"


def text(random: Random, size: int) -> str:
    """Text that is expensive to read: entities, NUL, digits, addresses, JSON-LD, ideographs."""
    unit = random.choice(
        (
            "&nbsp;",
            "&#x1F600;",
            "&ampx",
            "\0",
            "1 2-3.(4)",
            "a@b.c ",
            "info at x dot com ",
            "+49 30 1234567 ",
            "漢字",
            "\n<br>",
        )
    )
    if random.random() < 0.3:
        inner = random.choice(('{"a":', "[", '{"@graph":[', '"')) * (size // 12)
        return f'<script type="application/ld+json">{inner}</script>'
    return _repeated(random, size, unit)


KINDS: tuple[Kind, ...] = (
    nesting,
    formatting,
    adoption_agency,
    raw_text,
    foster_parenting,
    tables,
    select,
    foreign,
    templates,
    attributes,
    end_tags,
    comments,
    document_merges,
    text,
)


def adversarial_page(random: Random, kind: Kind | None = None) -> bytes:
    """Return a page of one to three kinds of attack, of 10 KB to 2 MB, with a title that a reader should find."""
    kinds = [kind or random.choice(KINDS), *(random.choice(KINDS) for _ in range(random.choice((0, 0, 1, 2))))]
    size = random.choice((10_000, 50_000, 200_000, 500_000, MAX_BYTES)) // len(kinds)
    head = random.choice(("", "<title>Shop</title>", "<!doctype html><html><head><title>Shop</title></head><body>"))
    return (head + "".join(each(random, size) for each in kinds)).encode("utf-8", errors="replace")[:MAX_BYTES]


def adversarial_pages(seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` pages: every kind in turn, the rest of each page at random."""
    random = Random(seed)
    for number in range(count):
        yield adversarial_page(random, KINDS[number % len(KINDS)])
