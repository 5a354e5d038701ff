"""Python's own functions: ``setattr``, ``dict``, ``zip``."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import writes
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    AnyMember,
    Const,
    Listing,
    Mapping,
    Values,
    join,
    one,
    texts,
)
from scripts.commands.crosswalk.audit.scope import Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Arguments, Interpreter

PASSED_ON = frozenset(["list", "tuple", "set", "sorted", "reversed", "iter", "filter", "frozenset"])


def builtin(run: "Interpreter", name: str, call: "Call", frame: Frame) -> Values:
    """A function of Python's own."""
    given = call.arguments
    first = given.get(0)
    if name == "setattr" and call.node.args:
        writes.by_name(run, first, call.node.args[0], given.get(1), given.get(2), frame, call.node)
        return UNKNOWN
    if name == "getattr" and call.node.args:
        found = []
        from scripts.commands.crosswalk.audit import attributes  # noqa: PLC0415

        for attribute in texts(given.get(1)):
            made = ast.Attribute(call.node.args[0], attribute, ast.Load(), lineno=call.node.lineno, col_offset=0)
            found.append(attributes.of(run, first, made, frame))
        return join(*found)
    if name == "dict":
        entries = [entry for atom in first if isinstance(atom, Mapping) for entry in atom.items]
        return one(Mapping((*entries, *((one(Const(word)), value) for word, value in given.keywords.items()))))
    if name == "str":
        return Values(
            AnyMember(a.cls, "value", a.among) if isinstance(a, AnyMember) and a.cls.is_text_enum else a for a in first
        )
    if name == "enumerate":
        return Values(
            Listing(tuple(one(Listing((UNKNOWN, item))) for item in atom.items)) if isinstance(atom, Listing) else atom
            for atom in first
        )
    if name in ("zip", "map"):
        return _mapped(run, given, frame) if name == "map" else _zipped(given)
    if name == "next":
        return join(*(join(*atom.items) if isinstance(atom, Listing) else one(atom) for atom in first), given.get(1))
    if name in ("list", "set", "tuple", "frozenset") and not given.positional:
        return one(Listing(()))
    return first if name in PASSED_ON else UNKNOWN


def _mapped(run: "Interpreter", given: "Arguments", frame: Frame) -> Values:
    """``map(function, items)``, with one list."""
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415
    from scripts.commands.crosswalk.audit.starts.recording import applied  # noqa: PLC0415
    from scripts.commands.crosswalk.audit.statements import items_of  # noqa: PLC0415

    items = items_of(given.get(1)) if len(given.positional) == 2 else [UNKNOWN]
    return one(Listing(tuple(applied(run, given.get(0), Arguments([item]), frame) for item in items)))


def _zipped(given: "Arguments") -> Values:
    columns = [next((a.items for a in value if isinstance(a, Listing)), (value,)) for value in given.positional]
    return one(Listing(tuple(one(Listing(row)) for row in zip(*columns, strict=False))))
