"""Models: which of their fields are statuses, and which words such a field knows."""

from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    AnyMember,
    AnyOf,
    Anything,
    Atom,
    ColumnType,
    Const,
    External,
    Made,
    Member,
    Pattern,
    Values,
)  # fmt: skip
from scripts.commands.crosswalk.audit.attributes import members_of, members_of_choice, value_of
from scripts.commands.crosswalk.audit.scope import Class

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter


def is_router_class(cls: Class) -> str:
    """The framework when ``cls`` is the tree's own kind of router."""
    from scripts.commands.crosswalk.audit.registration import framework_of  # noqa: PLC0415

    for ancestor in cls.ancestry():
        for base in ancestor.bases:
            for atom in base:
                if isinstance(atom, External | Made) and (kind := framework_of(atom.name)):
                    return kind
    return ""


def vocabulary(run: "Interpreter", cls: Class, field: str) -> tuple[str, ...]:  # noqa: C901
    """The texts that a status field takes; empty when it is free text or not known."""
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
    from scripts.commands.crosswalk.audit.binding import promised  # noqa: PLC0415

    for atom in promised(run, declared.annotation, cls.frame, request=False):
        match atom:
            case AnyMember(enum):
                is_plain = any(isinstance(a, ColumnType) for a in declared.value) and not enum.is_text_enum
                return _stored(enum, names=is_plain)
            case AnyOf(words):
                return tuple(sorted(words))
            case _:
                pass
    return ()


def enum_of(run: "Interpreter", cls: Class, field: str) -> Class | None:
    """The enum of a status field."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return None
    for atom in declared.value:
        if isinstance(atom, ColumnType) and atom.enum is not None:
            return atom.enum
    if declared.annotation is not None:
        from scripts.commands.crosswalk.audit.binding import promised  # noqa: PLC0415

        for found in promised(run, declared.annotation, cls.frame, request=False):
            if isinstance(found, AnyMember):
                return found.cls
    return None


def initial(cls: Class, field: str) -> str:
    """The word that a new row has in a field that is free text, when the column says it."""
    declared = cls.all_fields().get(field)
    if declared is None:
        return ""
    words = [atom.initial for atom in declared.value if isinstance(atom, ColumnType)]
    words += [atom.value for atom in declared.value if isinstance(atom, Const) and isinstance(atom.value, str)]
    return next(filter(None, words), "")


def implied(value: Values) -> tuple[str, ...]:
    """The words of the one enum whose members are written into a column that is free text."""
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
    """The words that an atom writes into a field of ``enum``; ``names`` when the database holds member names."""
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
    """Whether the value is not known, or free text from the request."""
    return values == UNKNOWN or any(isinstance(atom, Anything | Pattern | External | Made) for atom in values)
