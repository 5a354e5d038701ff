"""Attributes: columns, enum members, members of modules, fields of schemas, names from outside."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    About,
    AnyMember,
    AnyOf,
    Anything,
    Atom,
    ClassRef,
    ColumnRef,
    ColumnType,
    Const,
    Dependency,
    External,
    Func,
    Instance,
    Made,
    Member,
    ModuleRef,
    Router,
    Values,
    join,
    one,
    texts,
)  # fmt: skip
from scripts.commands.crosswalk.audit.scope import Class, Frame, Function

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter


QUERY_STEPS = frozenset(
    [
        "query",
        "filter",
        "filter_by",
        "where",
        "join",
        "outerjoin",
        "options",
        "order_by",
        "group_by",
        "limit",
        "offset",
        "distinct",
        "with_for_update",
        "execution_options",
        "populate_existing",
        "select_from",
    ]
)
"""What gives a query of a session, a model's ``query`` or a query."""
QUERY_METHODS = QUERY_STEPS | {"all", "count", "delete", "exists", "first", "get", "insert", "one", "scalar", "update"}


def of(run: "Interpreter", owners: Values, node: ast.Attribute, frame: Frame) -> Values:
    """``owner.name`` for whatever the owner may be."""
    return join(*(_one(run, owner, node.attr, frame) for owner in owners))


def _one(run: "Interpreter", owner: Atom, name: str, frame: Frame) -> Values:  # noqa: C901, PLR0912
    match owner:
        case ModuleRef(module):
            return run.member_of(module, name)
        case External(dotted):
            return run.known.named(dotted, name)
        case Router() if name == "state":
            return one(Made("app.state"))
        case Made(dotted, _) if dotted.endswith("app.state") and name in run.state:
            return run.settled(run.state[name])
        case Made(dotted, detail):
            return one(Made(f"{dotted}.{name}", detail))
        case ClassRef(cls):
            return of_class(run, cls, name)
        case ColumnRef(cls, field) if name in ("key", "name"):
            return one(Const(field))
        case ColumnRef(cls) if name in ("class_", "parent"):
            return one(ClassRef(cls))
        case AnyMember(cls, "", among) if name in ("value", "name"):
            return one(AnyMember(cls, name, among))
        case AnyMember(_, "value" | "name") | Anything() | AnyOf():
            return one(owner) if name == "value" else UNKNOWN
        case Member(cls, member):
            return value_of(cls, member) if name == "value" else one(Const(member)) if name == "name" else UNKNOWN
        case About(_, query=True) if name in QUERY_METHODS:
            return UNKNOWN  # SQLAlchemy's, whatever methods the model has
        case About():
            return _of_row(run, owner, name, frame)
        case Instance(cls):
            return _of_instance(run, owner, cls, name, frame)
        case Func(function) if name in ("delay", "apply_async"):
            return one(Func(function))
        case _:
            return UNKNOWN


def of_class(run: "Interpreter", cls: Class, name: str) -> Values:
    """``Class.name``."""
    if cls.is_enum and name in cls.frame.names and not any(isinstance(a, Func) for a in cls.frame.names[name]):
        return one(Member(cls, name))
    if cls.is_enum and not cls.lookup(name) and not name.startswith("_") and name != "mro":
        return one(Member(cls, name))  # which it does not have: an AttributeError when it runs
    if cls.is_model:
        if name in cls.all_fields():
            return one(ColumnRef(cls, name))
        if name in ("query", "objects"):
            return one(About(cls, query=True))
    if found := run.settled(cls.lookup(name)):
        return Values(
            Func(atom.function, ClassRef(cls) if "classmethod" in atom.function.decorators else None)
            if isinstance(atom, Func)
            else atom
            for atom in found
        )
    return one(ColumnRef(cls, name)) if cls.is_model and not name.startswith("_") else UNKNOWN


def _of_row(run: "Interpreter", row: About, name: str, frame: Frame) -> Values:
    """Return an attribute of a row: a relationship leads to another model; a column's content is not known."""
    cls = row.cls
    declared = cls.all_fields().get(name)
    if declared is not None:
        found = [One.target for One in declared.value if isinstance(One, ColumnType) and One.target]
        if found:
            return Values(About(target, guessed=row.guessed) for target in found)
        return relation(run, declared.annotation, cls)
    return _bound(run, one(row), cls, name, frame)


def relation(run: "Interpreter", annotation: ast.expr | None, cls: Class) -> Values:
    """The model that ``Mapped["Domain"]`` leads to."""
    from scripts.commands.crosswalk.audit.atoms import models_in  # noqa: PLC0415
    from scripts.commands.crosswalk.audit.binding import promised  # noqa: PLC0415

    if annotation is None:
        return UNKNOWN
    return Values(About(model) for model in models_in(promised(run, annotation, cls.frame, request=False)))


def _of_instance(run: "Interpreter", owner: Instance, cls: Class, name: str, frame: Frame) -> Values:
    from scripts.commands.crosswalk.audit.binding import promised  # noqa: PLC0415

    if assigned := run.attribute(owner, name):
        return run.settled(assigned)
    if injected := [atom for atom in cls.lookup(name) if isinstance(atom, Dependency)]:
        return _injected(run, cls, name, injected, frame)
    schema = cls_is_schema(cls)
    if not schema and (given := cls.lookup(name)) and not any(isinstance(atom, Func) for atom in given):
        return run.settled(given)
    if (declared := cls.all_fields().get(name)) is not None:
        if declared.annotation is not None:
            value = promised(run, declared.annotation, cls.frame, request=schema)
            if value:
                return value
        return declared.value
    return _bound(run, one(owner), cls, name, frame)


def _injected(run: "Interpreter", cls: Class, name: str, found: list[Dependency], frame: Frame) -> Values:
    """``bus: Bus = Depends(make_bus)`` in the body of a class-based view: what the framework injects."""
    from scripts.commands.crosswalk.audit.binding import Bound, resolve  # noqa: PLC0415

    declared, bound = cls.all_fields().get(name), Bound()
    nothing = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Constant(None))
    holder = Function("<class>", frame.module, nothing, cls.frame)
    values = [resolve(run, atom, declared.annotation if declared else None, holder, bound) for atom in found]
    frame.effects += bound.effects
    return join(*values)


def _bound(run: "Interpreter", receiver: Values, cls: Class, name: str, frame: Frame) -> Values:
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415

    found: list[Values] = []
    (atom,) = receiver
    for value in run.settled(cls.lookup(name)):
        if not isinstance(value, Func):
            found.append(one(value))
        elif value.function.decorators & {"property", "cached_property", "hybrid_property"}:
            summary = run.call(value.function, receiver, Arguments())
            found.append(run.absorb(summary, value.function.qualified, frame))
        elif "staticmethod" in value.function.decorators:
            found.append(one(value))
        else:
            found.append(one(Func(value.function, atom)))
    return join(*found)


def cls_is_schema(cls: Class) -> bool:
    """Whether objects of ``cls`` carry what a request said: pydantic models, dataclasses, typed dicts."""
    return bool(cls.outside_bases() & {"BaseModel", "SQLModel", "TypedDict", "GenericModel", "Schema", "RootModel"})


def value_of(cls: Class, member: str) -> Values:
    """The value of an enum's member."""
    value = cls.frame.names.get(member, UNKNOWN)
    if any(isinstance(atom, External | Made) and atom.name.endswith("auto") for atom in value):
        return one(Const(member.lower() if cls.is_text_enum else member))
    return Values(atom for atom in value if isinstance(atom, Const))


def members_of(cls: Class) -> list[str]:
    """The names of an enum's members."""
    found = []
    for ancestor in cls.ancestry():
        for name, value in ancestor.frame.names.items():
            if not name.startswith("_") and not any(isinstance(atom, Func | ClassRef | ModuleRef) for atom in value):
                found.append(name)
    return found


def members_of_choice(choice: AnyMember) -> list[str]:
    """The names that an :class:`AnyMember` may have."""
    return [name for name in members_of(choice.cls) if choice.among is None or name in choice.among]


def words_of_choice(atom: Atom) -> frozenset[str] | None:
    """The texts that the request may choose among; None when it is no choice of texts."""
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
    """``Enum[key]``."""
    names = [name for name in texts(key) if name in cls.frame.names]
    chosen = [words for atom in key if (words := words_of_choice(atom)) is not None]
    if chosen and len(chosen) == len(key):
        return _chosen(cls, [name for name in members_of(cls) if any(name in words for words in chosen)])
    return Values(Member(cls, name) for name in names) or one(AnyMember(cls))


def members_valued(cls: Class, value: Values) -> Values:
    """``Enum(value)``: the member with that value; any when the value is not known."""
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
    """What the request may choose, through an enum of its own."""
    if not names or len(names) == len(members_of(cls)):
        return one(AnyMember(cls))
    return one(AnyMember(cls, "", frozenset(names)))


def function_in(values: Values) -> list[Function]:
    """The functions among ``values``."""
    return [atom.function for atom in values if isinstance(atom, Func)]
