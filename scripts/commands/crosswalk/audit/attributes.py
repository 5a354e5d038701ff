"""Attributes: columns, enum members, members of modules, fields of schemas, names from outside."""

import ast

from scripts.commands.crosswalk.audit.binding import Bound, resolve
from scripts.commands.crosswalk.audit.effects import Ended
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.models import value_of
from scripts.commands.crosswalk.audit.outside import QUERY_STEPS
from scripts.commands.crosswalk.audit.values import (
    METHODS,
    UNKNOWN,
    About,
    AnyMember,
    AnyOf,
    Anything,
    Arguments,
    Atom,
    Class,
    ClassRef,
    ColumnRef,
    ColumnType,
    Const,
    Dependency,
    External,
    Frame,
    Func,
    Function,
    Instance,
    Made,
    Member,
    ModuleRef,
    Router,
    RouterMethod,
    Values,
    function_in,
    join,
    models_in,
    one,
)

QUERY_METHODS = QUERY_STEPS | {"all", "count", "delete", "exists", "first", "get", "insert", "one", "scalar", "update"}


def of(run: Machine, owners: Values, name: str, frame: Frame) -> Values:
    """Evaluate ``owner.name`` for whatever the owner may be."""
    return join(*(_one(run, owner, name, frame) for owner in owners))


def _one(run: Machine, owner: Atom, name: str, frame: Frame) -> Values:  # noqa: C901, PLR0912
    match owner:
        case ModuleRef(module):
            return run.member_of(module, name)
        case External(dotted):
            return run.known.named(dotted, name)
        case Router() if name == "state":
            return one(Made("app.state"))
        case Router(key) if name in METHODS:
            return one(RouterMethod(key, name))
        case Made("threading.Thread", place) if name in ("stdout", "stderr"):
            frame.effects.append(Ended(run.place(ast.Pass(), frame), start=place))
            return one(Made("threading.Thread.stdout"))
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


def of_class(run: Machine, cls: Class, name: str) -> Values:
    """Evaluate ``Class.name``."""
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


def _of_row(run: Machine, row: About, name: str, frame: Frame) -> Values:
    """Return an attribute of a row: a relationship leads to another model; a column's content is not known."""
    cls = row.cls
    declared = cls.all_fields().get(name)
    if declared is not None:
        found = [One.target for One in declared.value if isinstance(One, ColumnType) and One.target]
        if found:
            return Values(About(target, guessed=row.guessed) for target in found)
        return relation(run, declared.annotation, cls)
    return _bound(run, one(row), cls, name, frame)


def relation(run: Machine, annotation: ast.expr | None, cls: Class) -> Values:
    """Return the model that ``Mapped["Domain"]`` leads to."""
    if annotation is None:
        return UNKNOWN
    return Values(About(model) for model in models_in(run.promised(annotation, cls.frame, request=False)))


def _of_instance(run: Machine, owner: Instance, cls: Class, name: str, frame: Frame) -> Values:
    if assigned := run.attribute(owner, name) or _promised_to_constructor(run, owner, name):
        return run.settled(assigned)
    if injected := [atom for atom in cls.lookup(name) if isinstance(atom, Dependency)]:
        return _injected(run, cls, name, injected, frame)
    schema = cls_is_schema(cls)
    if not schema and (given := cls.lookup(name)) and not any(isinstance(atom, Func) for atom in given):
        return run.settled(given)
    if (declared := cls.all_fields().get(name)) is not None:
        if declared.annotation is not None:
            value = run.promised(declared.annotation, cls.frame, request=schema)
            if value:
                return value
        return declared.value
    return _bound(run, one(owner), cls, name, frame)


def _promised_to_constructor(run: Machine, owner: Instance, name: str) -> Values:
    """Return what ``__init__`` assigns when a container calls it with what its annotations promise."""
    cls = owner.cls
    if owner.key or id(cls) in run.constructed or cls.all_fields().get(name) or cls.lookup(name):
        return UNKNOWN
    run.constructed.add(id(cls))
    for function in function_in(cls.lookup("__init__")):
        run.call(function, one(owner), Arguments(open=True))
    return run.attribute(owner, name)


def _injected(run: Machine, cls: Class, name: str, found: list[Dependency], frame: Frame) -> Values:
    """Evaluate ``bus: Bus = Depends(make_bus)`` in the body of a class-based view: what the framework injects."""
    declared, bound = cls.all_fields().get(name), Bound()
    nothing = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Constant(None))
    holder = Function("<class>", frame.module, nothing, cls.frame)
    values = [resolve(run, atom, declared.annotation if declared else None, holder, bound) for atom in found]
    frame.effects += bound.effects
    return join(*values)


def _bound(run: Machine, receiver: Values, cls: Class, name: str, frame: Frame) -> Values:
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
    """Return whether objects of ``cls`` carry what a request contained: pydantic models, dataclasses, typed dicts."""
    return bool(cls.outside_bases() & {"BaseModel", "SQLModel", "TypedDict", "GenericModel", "Schema", "RootModel"})
