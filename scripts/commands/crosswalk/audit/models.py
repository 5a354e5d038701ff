"""Models and enums: which words a status field takes, what a column declares, which members a value may be."""

import ast

from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.values import (
    UNKNOWN,
    AnyMember,
    AnyOf,
    Anything,
    Atom,
    Call,
    Class,
    ClassRef,
    ColumnType,
    Const,
    External,
    FieldOf,
    Frame,
    Func,
    Listing,
    Made,
    Member,
    ModuleRef,
    Pattern,
    Values,
    models_in,
    one,
    texts,
)

ENUM_TYPES = frozenset({"Enum", "ENUM", "SQLEnum", "SAEnum", "PgEnum", "PGEnum", "SQLAlchemyEnum", "ChoiceType"})
COLUMN_MAKERS = frozenset({"Column", "mapped_column", "Field", "column_property", "deferred"})
RELATIONS = frozenset({"relationship", "Relationship", "relation", "backref"})


def vocabulary(run: Machine, cls: Class, field: str) -> tuple[str, ...]:  # noqa: C901
    """Return the texts that a status field takes; empty when it is free text or not known."""
    known = run.known.words_of(cls, field)
    if known:
        return known
    declared = cls.all_fields().get(field)
    if declared is None:
        return ()
    for atom in declared.value:
        if isinstance(atom, ColumnType):
            if atom.words:
                return tuple(sorted(atom.words))
            if atom.enum is not None:
                return _stored(atom.enum, names=atom.names)
    if declared.annotation is None:
        return ()
    for atom in run.promised(declared.annotation, cls.frame, request=False):
        match atom:
            case AnyMember(enum):
                is_plain = any(isinstance(a, ColumnType) for a in declared.value) and not enum.is_text_enum
                return _stored(enum, names=is_plain)
            case AnyOf(words):
                return tuple(sorted(words))
            case _:
                pass
    return ()


def enum_of(run: Machine, cls: Class, field: str) -> Class | None:
    """Return the enum of a status field."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return None
    for atom in declared.value:
        if isinstance(atom, ColumnType) and atom.enum is not None:
            return atom.enum
    if declared.annotation is not None:
        for found in run.promised(declared.annotation, cls.frame, request=False):
            if isinstance(found, AnyMember):
                return found.cls
    return None


def initial(cls: Class, field: str) -> str:
    """Return the word that a new row has in a field that is free text, when the column says it."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return ""
    words = [atom.initial for atom in declared.value if isinstance(atom, ColumnType)]
    words += [atom.value for atom in declared.value if isinstance(atom, Const) and isinstance(atom.value, str)]
    return next(filter(None, words), "")


def implied(value: Values) -> tuple[str, ...]:
    """Return the words of the one enum whose members are written into a column that is free text."""
    enums = {id(atom.cls): atom.cls for atom in value if isinstance(atom, Member | AnyMember)}
    if len(enums) != 1:
        return ()
    (enum,) = enums.values()
    return _stored(enum, names=False)


def _stored(enum: Class, *, names: bool) -> tuple[str, ...]:
    members = members_of(enum)
    worth = [str(atom.value) for name in members for atom in value_of(enum, name) if isinstance(atom, Const)]
    return tuple(members) if names and not enum.is_text_enum else tuple(worth)


def word_of(atom: Atom, enum: Class | None, *, names: bool) -> list[str]:
    """Return the words that an atom writes into a field of ``enum``; ``names`` when the database holds member names."""
    match atom:
        case Const(str(text)):
            return [text]
        case Member(cls, name):
            if names and cls is enum and not cls.is_text_enum:
                return [name]
            return [str(a.value) for a in value_of(cls, name) if isinstance(a, Const)] or [name]
        case AnyMember(cls, form):
            members = members_of_choice(atom)
            if form == "name" or (names and cls is enum and not cls.is_text_enum and form == ""):
                return members
            return [str(a.value) for name in members for a in value_of(cls, name) if isinstance(a, Const)]
        case AnyOf(words):
            return sorted(words)
        case _:
            return []


def is_open(values: Values) -> bool:
    """Return whether the value is not known, or free text from the request."""
    return values == UNKNOWN or any(isinstance(atom, Anything | Pattern | External | Made) for atom in values)


def value_of(cls: Class, member: str) -> Values:
    """Return the value of an enum's member."""
    value = cls.frame.names.get(member, UNKNOWN)
    if any(isinstance(atom, External | Made) and atom.name.endswith("auto") for atom in value):
        return one(Const(member.lower() if cls.is_text_enum else member))
    return Values(atom for atom in value if isinstance(atom, Const))


def members_of(cls: Class) -> list[str]:
    """Return the names of an enum's members."""
    found = []
    for ancestor in cls.ancestry():
        for name, value in ancestor.frame.names.items():
            if not name.startswith("_") and not any(isinstance(atom, Func | ClassRef | ModuleRef) for atom in value):
                found.append(name)
    return found


def members_of_choice(choice: AnyMember) -> list[str]:
    """Return the names that an :class:`AnyMember` may have."""
    return [name for name in members_of(choice.cls) if choice.among is None or name in choice.among]


def words_of_choice(atom: Atom) -> frozenset[str] | None:
    """Return the texts that the request may choose among; None when it is no choice of texts."""
    match atom:
        case AnyMember(_, "name"):
            return frozenset(members_of_choice(atom))
        case AnyMember(cls, form) if form == "value" or cls.is_text_enum:
            return frozenset(t for name in members_of_choice(atom) for t in texts(value_of(cls, name)))
        case AnyOf(words):
            return words
        case _:
            return None


def members_named(cls: Class, key: Values) -> Values:
    """Evaluate ``Enum[key]``."""
    names = [name for name in texts(key) if name in cls.frame.names]
    chosen = [words for atom in key if (words := words_of_choice(atom)) is not None]
    if chosen and len(chosen) == len(key):
        return _chosen(cls, [name for name in members_of(cls) if any(name in words for words in chosen)])
    return Values(Member(cls, name) for name in names) or one(AnyMember(cls))


def members_valued(cls: Class, value: Values) -> Values:
    """Evaluate ``Enum(value)``: the member with that value; any when the value is not known."""
    found: dict[Atom, None] = {}
    for atom in value:
        match atom:
            case Const(text):
                found |= {
                    Member(cls, name): None for name in members_of(cls) if one(Const(text)) == value_of(cls, name)
                }
            case Member(other, name):
                found |= dict.fromkeys(members_valued(cls, value_of(other, name)))
            case _ if (words := words_of_choice(atom)) is not None:
                fitting = [name for name in members_of(cls) if set(texts(value_of(cls, name))) & words]
                found |= dict.fromkeys(_chosen(cls, fitting))
            case Anything():
                return one(AnyMember(cls))
            case _:
                return UNKNOWN  # nothing says that the request chooses it
    return Values(found)


def _chosen(cls: Class, names: list[str]) -> Values:
    """Return what the request may choose, through an enum of its own."""
    if not names or len(names) == len(members_of(cls)):
        return one(AnyMember(cls))
    return one(AnyMember(cls, "", frozenset(names)))


def enum_type(call: Call) -> Values:
    """Evaluate ``Enum(State)``, ``Enum("new", "done")``: what the type lets in."""
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


def column(call: Call) -> ColumnType:
    """Return a column's type, or the word it starts with."""
    for value in call.arguments.all():
        for atom in value:
            if isinstance(atom, ColumnType) and (atom.enum or atom.words):
                return atom
    return ColumnType(initial=_initial(call.arguments.get(-1, "default", "server_default")))


def core_table(run: Machine, name: str, call: Call, frame: Frame) -> Class:
    """Evaluate ``Table("jobs", metadata, Column("status", …))``: stands for a model."""
    cls = run.known.table(name, frame)
    for node, value in zip(call.node.args[2:], call.arguments.positional[2:], strict=False):
        match node:
            case ast.Call(args=[ast.Constant(value=str(column)), *_]):
                cls.fields[column] = FieldOf(None, value, node)
            case _:
                pass
    return cls


def _initial(default: Values) -> str:
    """Return the word that ``default="pending"`` or ``default=State.PENDING`` gives a new row."""
    words = [word for atom in default if isinstance(atom, Const | Member) for word in word_of(atom, None, names=False)]
    return words[0] if len(words) == 1 else ""


def relation(run: Machine, first: Values) -> Values:
    """Evaluate ``relationship("Order")``: what it leads to."""
    found = models_in(first)
    for name in texts(first):
        if cls := run.known.model_named(name.rsplit(".", 1)[-1]):
            found.append(cls)
    return one(ColumnType(target=found[0])) if found else one(ColumnType())
