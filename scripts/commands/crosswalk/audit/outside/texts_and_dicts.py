"""Methods of texts, dicts and dumped models."""

import ast
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    HOLE,
    UNKNOWN,
    AnyOf,
    Anything,
    Const,
    Listing,
    Mapping,
    Pattern,
    Values,
    join,
    one,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Arguments

LETTERS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "capitalize": str.capitalize,
    "casefold": str.casefold,
    "strip": str.strip,
}
DUMPS = frozenset({"model_dump", "dict", "asdict", "to_dict", "model_dump_json", "_asdict"})


def some_fields(dumped: Values, given: "Arguments") -> Values:
    """``model_dump(exclude={"status"})``, ``dict(include={"title"})``."""
    left_out, taken = (_keys(given.get(-1, word)) for word in ("exclude", "include"))
    if not left_out and not taken:
        return dumped
    return Values(
        Mapping(tuple(
            (key, value)
            for key, value in atom.items
            if text_of(key) not in left_out and (not taken or text_of(key) in taken)
        ))
        if isinstance(atom, Mapping)
        else atom
        for atom in dumped
    )  # fmt: skip


def _keys(values: Values) -> set[str]:
    listed = [item for atom in values if isinstance(atom, Listing) for item in atom.items]
    listed += [key for atom in values if isinstance(atom, Mapping) for key, _ in atom.items]
    return {word for item in listed for word in texts(item)}


def parts(text: str, call: "Call") -> Values:
    """``"Domain.status".partition(".")`` and its like."""
    words = [word for value in call.arguments.all() if (word := text_of(value)) is not None]
    parts: Iterable[str] = getattr(text, call.name)(*words)
    return one(Listing(tuple(one(Const(part)) for part in parts)))


def in_letters(owners: Values, name: str) -> Values:
    """``text.lower()``: of a literal another literal, of a choice of the request another choice."""
    from scripts.commands.crosswalk.audit.attributes import words_of_choice  # noqa: PLC0415

    changed = LETTERS[name]
    found: list[Values] = []
    for atom in owners:
        words = words_of_choice(atom)
        if isinstance(atom, Const) and isinstance(atom.value, str):
            found.append(one(Const(changed(atom.value))))
        else:
            found.append(one(AnyOf(frozenset(map(changed, words)))) if words is not None else one(atom))
    return join(*found)


def entry(mapping: Mapping, key: Values) -> Values:
    """A dict's entry."""
    from scripts.commands.crosswalk.audit.expressions import entry_of  # noqa: PLC0415

    return entry_of(mapping, key)


def items(owners: Values) -> Values:
    """``mapping.items()``; of a dict from the request, names and values are the client's."""
    if any(isinstance(atom, Anything) for atom in owners):
        return one(Listing((one(Listing((one(Anything()), one(Anything())))),)))
    return one(Listing(tuple(
        one(Listing((key, value))) for atom in owners if isinstance(atom, Mapping) for key, value in atom.items
    )))  # fmt: skip


def formatted(call: "Call") -> Values:
    """``text.format(…)``, with holes where the arguments go."""
    text = next(
        (a.value if isinstance(a, Const) else a.text for a in call.owners if isinstance(a, Const | Pattern)), ""
    )
    if call.name == "join" or not isinstance(text, str):
        return UNKNOWN
    holes = tuple(ast.unparse(node) for node in call.arguments.nodes)
    return one(Pattern(re.sub(r"\{[^}]*\}", HOLE, text), holes))
