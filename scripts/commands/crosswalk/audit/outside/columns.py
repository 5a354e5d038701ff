"""What SQLAlchemy's and SQLModel's declarations say of a column: its enum, its words, what it starts with."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    ClassRef,
    ColumnType,
    Const,
    Listing,
    Member,
    Values,
    models_in,
    one,
    texts,
)
from scripts.commands.crosswalk.audit.scope import Class, FieldOf, Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

ENUM_TYPES = frozenset({"Enum", "ENUM", "SQLEnum", "SAEnum", "PgEnum", "PGEnum", "SQLAlchemyEnum", "ChoiceType"})
COLUMN_MAKERS = frozenset({"Column", "mapped_column", "Field", "column_property", "deferred"})
RELATIONS = frozenset({"relationship", "Relationship", "relation", "backref"})


def enum_type(call: "Call") -> Values:
    """``Enum(State)``, ``Enum("new", "done")``: what the type lets in."""
    given = call.arguments
    for value in given.positional:
        for atom in value:
            if isinstance(atom, ClassRef) and atom.cls.is_enum:
                return one(ColumnType(enum=atom.cls, names="values_callable" not in given.keywords))
    words = frozenset(word for value in given.positional for word in texts(value))
    listed = frozenset(
        w for v in given.positional for a in v if isinstance(a, Listing) for i in a.items for w in texts(i)
    )
    return one(ColumnType(words=words | listed or None))


def column(call: "Call") -> ColumnType:
    """A column's type, or the word it starts with."""
    for value in call.arguments.all():
        for atom in value:
            if isinstance(atom, ColumnType) and (atom.enum or atom.words):
                return atom
    return ColumnType(initial=_initial(call.arguments.get(-1, "default", "server_default")))


def core_table(run: "Interpreter", name: str, call: "Call", frame: Frame) -> Class:
    """``Table("jobs", metadata, Column("status", …))``: stands for a model."""
    cls = run.known.table(name, frame)
    for node, value in zip(call.node.args[2:], call.arguments.positional[2:], strict=False):
        match node:
            case ast.Call(args=[ast.Constant(value=str(column)), *_]):
                cls.fields[column] = FieldOf(None, value, node)
            case _:
                pass
    return cls


def _initial(default: Values) -> str:
    """The word that ``default="pending"`` or ``default=State.PENDING`` gives a new row."""
    from scripts.commands.crosswalk.audit.models import word_of  # noqa: PLC0415

    words = [word for atom in default if isinstance(atom, Const | Member) for word in word_of(atom, None, names=False)]
    return words[0] if len(words) == 1 else ""


def relation(run: "Interpreter", first: Values) -> Values:
    """``relationship("Order")``: what it leads to."""
    found = models_in(first)
    for name in texts(first):
        if cls := run.known.model_named(name.rsplit(".", 1)[-1]):
            found.append(cls)
    return one(ColumnType(target=found[0])) if found else one(ColumnType())
