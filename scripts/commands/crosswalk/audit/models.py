"""Models and enums: which words a status field takes, what a column declares, which members a value may be."""

import ast
import re

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.machine import Machine

ENUM_TYPES = frozenset({"Enum", "ENUM", "SQLEnum", "SAEnum", "PgEnum", "PGEnum", "SQLAlchemyEnum", "ChoiceType"})
COLUMN_MAKERS = frozenset({"Column", "mapped_column", "Field", "column_property", "deferred"})
RELATIONS = frozenset({"relationship", "Relationship", "relation", "backref"})


def vocabulary(run: Machine, cls: v.Class, field: str) -> tuple[str, ...]:  # noqa: C901
    """Return the texts that a status field takes; empty when it is free text or not known."""
    known = run.known.words_of(cls, field)
    if known:
        return known
    declared = cls.all_fields().get(field)
    if declared is None:
        return ()
    for atom in declared.value:
        if isinstance(atom, v.ColumnType):
            if atom.words:
                return tuple(sorted(atom.words))
            if atom.enum is not None:
                return _stored(atom.enum, names=atom.names)
    if declared.annotation is None:
        return ()
    for atom in run.promised(declared.annotation, cls.frame, request=False):
        match atom:
            case v.AnyMember(enum):
                return _stored(enum, names=is_mapped(declared) and not enum.is_text_enum)
            case v.AnyOf(words):
                return tuple(sorted(words))
    return ()


def is_mapped(declared: v.FieldOf) -> bool:
    """Return whether SQLAlchemy derives a column's type from its annotation."""
    note = v.source_of(declared.annotation) if declared.annotation is not None else ""
    return note.startswith("Mapped[") or any(isinstance(atom, v.ColumnType) for atom in declared.value)


def enum_of(run: Machine, cls: v.Class, field: str) -> v.Class | None:
    """Return the enum of a status field."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return None
    for atom in declared.value:
        if isinstance(atom, v.ColumnType) and atom.enum is not None:
            return atom.enum
    if declared.annotation is not None:
        for found in run.promised(declared.annotation, cls.frame, request=False):
            if isinstance(found, v.AnyMember):
                return found.cls
    return None


def initial(cls: v.Class, field: str) -> str:
    """Return the word that a new row has in a field that is free text, when the column says it."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return ""
    words = [atom.initial for atom in declared.value if isinstance(atom, v.ColumnType)]
    words += [atom.value for atom in declared.value if isinstance(atom, v.Const) and isinstance(atom.value, str)]
    return next(filter(None, words), "")


def is_flag(cls: v.Class, field: str) -> bool:
    """Return whether a column holds true or false, and no word."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return False
    noted = declared.annotation is not None and re.search(r"\bbool\b", v.source_of(declared.annotation))
    return bool(noted) or any(isinstance(atom, v.ColumnType) and atom.flag for atom in declared.value)


def implied(value: v.Values) -> tuple[str, ...]:
    """Return the words of the one enum whose members are written into a column that is free text."""
    enums = {id(atom.cls): atom.cls for atom in value if isinstance(atom, v.Member | v.AnyMember)}
    if len(enums) != 1:
        return ()
    (enum,) = enums.values()
    return _stored(enum, names=False)


def _stored(enum: v.Class, *, names: bool) -> tuple[str, ...]:
    members = members_of(enum)
    return tuple(members if names and not enum.is_text_enum else (_word(enum, name) for name in members))


def _word(enum: v.Class, member: str) -> str:
    """Return a member's value as text; its name when the value is a number or not known."""
    known = [atom.value for atom in value_of(enum, member) if isinstance(atom, v.Const)]
    return str(known[0]) if known and not isinstance(known[0], int) else member


def word_of(atom: v.Atom, enum: v.Class | None, *, names: bool) -> list[str]:
    """Return the words that an atom writes into a field of ``enum``; ``names`` when the database holds member names."""
    match atom:
        case v.Const(str(text)):
            return [text]
        case v.Const(int()) if enum is not None:
            return [name for name in members_of(enum) if v.one(atom) == value_of(enum, name)]
        case v.Member(cls, name):
            return [name if names and cls is enum and not cls.is_text_enum else _word(cls, name)]
        case v.AnyMember(cls, form):
            members = members_of_choice(atom)
            if form == "name" or (names and cls is enum and not cls.is_text_enum and form == ""):
                return members
            return [_word(cls, name) for name in members]
        case v.AnyOf(words):
            return sorted(words)
        case _:
            return []


def is_open(values: v.Values) -> bool:
    """Return whether the value is not known, or free text from the request."""
    return values == v.UNKNOWN or any(isinstance(atom, v.Anything | v.Pattern | v.External | v.Made) for atom in values)


def value_of(cls: v.Class, member: str) -> v.Values:
    """Return the value of an enum's member."""
    value = cls.frame.names.get(member, v.UNKNOWN)
    if any(isinstance(atom, v.External | v.Made) and atom.name.endswith("auto") for atom in value):
        return v.one(v.Const(member.lower() if cls.is_text_enum else member, named=True))
    return v.Values(v.Const(atom.value, named=True) for atom in value if isinstance(atom, v.Const))


def members_of(cls: v.Class) -> list[str]:
    """Return the names of an enum's members."""
    found = []
    for ancestor in cls.ancestry():
        for name, value in ancestor.frame.names.items():
            if not name.startswith("_") and not any(
                isinstance(atom, v.Func | v.ClassRef | v.ModuleRef) for atom in value
            ):
                found.append(name)
    return found


def members_of_choice(choice: v.AnyMember) -> list[str]:
    """Return the names that an :class:`AnyMember` may have."""
    return [name for name in members_of(choice.cls) if choice.among is None or name in choice.among]


def words_of_choice(atom: v.Atom) -> frozenset[str] | None:
    """Return the texts that the request may choose among; None when it is no choice of texts."""
    match atom:
        case v.AnyMember(_, "name"):
            return frozenset(members_of_choice(atom))
        case v.AnyMember(cls, form) if form == "value" or cls.is_text_enum:
            return frozenset(t for name in members_of_choice(atom) for t in v.texts(value_of(cls, name)))
        case v.AnyOf(words):
            return words
        case _:
            return None


def members_named(cls: v.Class, key: v.Values) -> v.Values:
    """Evaluate ``Enum[key]``."""
    names = [name for name in v.texts(key) if name in cls.frame.names]
    chosen = [words for atom in key if (words := words_of_choice(atom)) is not None]
    if chosen and len(chosen) == len(key):
        return _chosen(cls, [name for name in members_of(cls) if any(name in words for words in chosen)])
    return v.Values(v.Member(cls, name) for name in names) or v.one(v.AnyMember(cls))


def members_valued(cls: v.Class, value: v.Values) -> v.Values:
    """Evaluate ``Enum(value)``: the member with that value; any when the value is not known."""
    found: dict[v.Atom, None] = {}
    for atom in value:
        match atom:
            case v.Const(text):
                found |= {
                    v.Member(cls, name): None for name in members_of(cls) if v.one(v.Const(text)) == value_of(cls, name)
                }
            case v.Member(other, name):
                found |= dict.fromkeys(members_valued(cls, value_of(other, name)))
            case _ if (words := words_of_choice(atom)) is not None:
                fitting = [name for name in members_of(cls) if set(v.texts(value_of(cls, name))) & words]
                found |= dict.fromkeys(_chosen(cls, fitting))
            case v.Anything():
                return v.one(v.AnyMember(cls))
            case _:
                return v.UNKNOWN  # nothing says that the request chooses it
    return v.Values(found)


def _chosen(cls: v.Class, names: list[str]) -> v.Values:
    """Return what the request may choose, through an enum of its own."""
    if not names or len(names) == len(members_of(cls)):
        return v.one(v.AnyMember(cls))
    return v.one(v.AnyMember(cls, "", frozenset(names)))


def enum_type(call: v.Call) -> v.Values:
    """Evaluate ``Enum(State)``, ``Enum("new", "done")``: what the type lets in."""
    given = call.arguments
    for value in given.positional:
        for atom in value:
            if isinstance(atom, v.ClassRef) and atom.cls.is_enum:
                return v.one(v.ColumnType(enum=atom.cls, names="values_callable" not in given.keywords))
    listed = [
        item for value in given.positional for atom in value if isinstance(atom, v.Listing) for item in atom.items
    ]
    return v.one(
        v.ColumnType(words=frozenset(word for value in (*given.positional, *listed) for word in v.texts(value)) or None)
    )


def column(call: v.Call) -> v.ColumnType:
    """Return a column's type, or the word it starts with."""
    for value in call.arguments.all():
        for atom in value:
            if isinstance(atom, v.ColumnType) and (atom.enum or atom.words):
                return atom
    flag = any(
        name.rsplit(".", 1)[-1].lower() == "boolean" for value in call.arguments.all() for name in v.names_of(value)
    )
    return v.ColumnType(flag=flag, initial=_initial(call.arguments.get(-1, "default", "server_default")))


def core_table(run: Machine, name: str, call: v.Call, frame: v.Frame) -> v.Class:
    """Evaluate ``Table("jobs", metadata, Column("status", …))``: stands for a model."""
    cls = run.known.table(name, frame)
    for node, value in zip(call.node.args[2:], call.arguments.positional[2:], strict=False):
        match node:
            case ast.Call(args=[ast.Constant(value=str(column)), *_]):
                cls.fields[column] = v.FieldOf(None, value, node)
    return cls


def mapped(run: Machine, given: v.Arguments) -> v.Values:
    """Evaluate ``registry.map_imperatively(Job, jobs)``: a plain class becomes the model of a table."""
    classes, tables = ([atom.cls for atom in given.get(at) if isinstance(atom, v.ClassRef)] for at in (0, 1))
    for cls, table in zip(classes, tables, strict=False):
        cls.table, cls.fields = table.table, {**table.fields, **cls.fields}
        run.known.model(cls)
    return given.get(0)


def _initial(default: v.Values) -> str:
    """Return the word that ``default="pending"`` or ``default=State.PENDING`` gives a new row."""
    words = [
        word for atom in default if isinstance(atom, v.Const | v.Member) for word in word_of(atom, None, names=False)
    ]
    return words[0] if len(words) == 1 else ""


def relation(run: Machine, first: v.Values) -> v.Values:
    """Evaluate ``relationship("Order")``: what it leads to."""
    found = v.models_in(first)
    for name in v.texts(first):
        if cls := run.known.model_named(name.rsplit(".", 1)[-1]):
            found.append(cls)
    return v.one(v.ColumnType(target=found[0])) if found else v.one(v.ColumnType())
