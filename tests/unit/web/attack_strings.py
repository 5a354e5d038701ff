"""Strings on which a regular expression that is not linear takes longest, made from the expression itself.

For every part that repeats: what precedes it and the part many times, with an end that does not match; and the start of a
match many times, each of which scans to the end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Any

parser: Any = re._parser  # type: ignore[attr-defined]

CANDIDATES = "a1 -.,:/@<>\"'=\n\té漢A0_;&#()[]{}+*?!|\\\x00"
ENDING = "\n\x00<"
"""What few expressions match, so that one which has scanned to the end must go back."""
MANY = 8
"""A part that repeats at most this often takes the same time for every input."""


def attack_strings(pattern: re.Pattern[str] | re.Pattern[bytes]) -> list[str]:
    """Return pieces with a ``…`` behind which the rest is to be repeated, as ``head…piece`` or ``head…piece…end``."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(text, pattern.flags)
    found: dict[str, None] = {}
    for prefix, body in repeats(tree, "", {}):
        found[f"{prefix}…{body}…{ENDING}"] = None
        found[f"…{prefix}{body}…{ENDING}"] = None
    for whole in islice(samples(tree, {}), 3):
        found[f"…{whole}…"] = None
        found[f"…{whole[:-1]}…"] = None
    return [each for each in found if each.split("…")[1]]


def of_size(attack: str, size: int) -> str:
    """Return ``attack`` with its middle part repeated up to ``size`` characters."""
    head, piece, end = attack.split("…")
    return head + piece * (size // len(piece)) + end


def repeats(tree: Iterable[Any], prefix: str, groups: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Yield (what precedes a repeated part, one match of the part) for every part that can repeat often."""
    for code, argument in tree:
        name = str(code)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, most, inner = argument
            if most > MANY:
                yield from ((prefix, body) for body in islice(samples(inner, groups), 2) if body)
            yield from repeats(inner, prefix, groups)
        elif name == "BRANCH":
            for alternative in argument[1]:
                yield from repeats(alternative, prefix, groups)
        elif name == "SUBPATTERN":
            yield from repeats(argument[3], prefix, groups)
        elif name in ("ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"):
            yield from repeats(argument if name == "ATOMIC_GROUP" else argument[1], prefix, groups)
        prefix += next(samples([(code, argument)], groups), "")


def samples(tree: Iterable[Any], groups: dict[int, str]) -> Iterator[str]:
    """Yield texts that ``tree`` matches, apart from conditions on what surrounds them."""
    parts = [list(islice(_samples_of(str(code), argument, groups), 3)) for code, argument in tree]
    yield from ("".join(chosen) for chosen in islice(product(*parts), 30))


def _samples_of(name: str, argument: Any, groups: dict[int, str]) -> Iterator[str]:
    if name == "LITERAL":
        yield chr(argument)
    elif name in ("NOT_LITERAL", "ANY", "IN"):
        items = argument if name == "IN" else [("NEGATE", None), ("LITERAL", argument if argument is not None else 10)]
        yield from (character for character in _named(items) + CANDIDATES if _is_in(items, character))
    elif name == "BRANCH":
        yield from (next(samples(alternative, groups), "") for alternative in argument[1])
    elif name == "SUBPATTERN":
        for text in samples(argument[3], groups):
            groups[argument[0]] = text
            yield text
    elif name == "ATOMIC_GROUP":
        yield from samples(argument, groups)
    elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = argument
        yield from (text * max(least, min(most, 1)) for text in samples(inner, groups))
    elif name == "GROUPREF":
        yield groups.get(argument, "")
    else:
        yield ""  # a condition on the place: AT, ASSERT, ASSERT_NOT


def _named(items: Sequence[Any]) -> str:
    """Return the characters that a class names: its single ones and the first of each range."""
    return "".join(
        chr(argument if str(code) == "LITERAL" else argument[0])
        for code, argument in items
        if str(code) in ("LITERAL", "RANGE")
    )


def _is_in(items: Sequence[Any], character: str) -> bool:
    is_negated, is_listed = False, False
    for code, argument in items:
        match str(code):
            case "NEGATE":
                is_negated = True
            case "LITERAL":
                is_listed |= ord(character) == argument
            case "RANGE":
                is_listed |= argument[0] <= ord(character) <= argument[1]
            case "CATEGORY":
                is_listed |= _is_of_category(str(argument), character)
    return is_listed is not is_negated


def _is_of_category(category: str, character: str) -> bool:
    letter = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[category.rpartition("_")[2]]
    return (re.match(letter, character) is not None) is ("_NOT_" not in category)
