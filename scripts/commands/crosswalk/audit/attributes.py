"""Attributes: columns, enum members, members of modules, fields of schemas, names from outside."""

import ast

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.binding import resolve
from scripts.commands.crosswalk.audit.effects import Ended
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.models import value_of
from scripts.commands.crosswalk.audit.outside import QUERY_STEPS, in_code
from scripts.commands.crosswalk.audit.syntax import is_abstract

QUERY_METHODS = QUERY_STEPS | {"all", "count", "delete", "exists", "first", "get", "insert", "one", "scalar", "update"}


def of(run: Machine, owners: v.Values, name: str, frame: v.Frame) -> v.Values:
    """Evaluate ``owner.name`` for whatever the owner may be."""
    return v.join(*(_one(run, owner, name, frame) for owner in owners))


def _one(run: Machine, owner: v.Atom, name: str, frame: v.Frame) -> v.Values:  # noqa: C901, PLR0912
    match owner:
        case v.ModuleRef(module):
            return run.member_of(module, name)
        case v.External("flask_login.current_user"):
            return of(run, run.users(), name, frame)
        case v.Router() | v.External("flask.current_app") if name in run.state:
            return run.settled(run.state[name])
        case v.External(dotted):
            return run.known.named(dotted, name)
        case v.Router() if name == "state":
            return v.one(v.Made("app.state"))
        case v.Router(key) if name in v.METHODS:
            return v.one(v.RouterMethod(key, name))
        case v.Router(_, cls) if cls is not None:
            declared = cls.all_fields().get(name)
            note = declared.annotation if declared else None
            return run.promised(note, cls.frame, request=False) if note else _bound(run, v.one(owner), cls, name, frame)
        case v.Made("threading.Thread", place) if name in ("stdout", "stderr"):
            frame.effects.append(Ended(run.place(ast.Pass(), frame), start=place))
            return v.one(v.Made("threading.Thread.stdout"))
        case v.Made(dotted, _) if dotted.endswith(("app.state", "Request.app")) and name in run.state:
            return run.settled(run.state[name])
        case v.Made(dotted, detail):
            return v.one(v.Made(f"{dotted}.{name}", detail))
        case v.ClassRef(cls) if name in ("__name__", "__qualname__"):
            return v.one(v.Const(cls.name))
        case v.Instance(cls) | v.About(cls) if name == "__class__":
            return v.one(v.ClassRef(cls))
        case v.ClassRef(cls):
            return of_class(run, cls, name)
        case v.ColumnRef(cls, field) if name in ("key", "name"):
            return v.one(v.Const(field))
        case v.ColumnRef(cls) if name in ("class_", "parent"):
            return v.one(v.ClassRef(cls))
        case v.AnyMember(cls, "", among) if name in ("value", "name"):
            return v.one(v.AnyMember(cls, name, among))
        case v.AnyMember(_, "value" | "name") | v.Anything() | v.AnyOf():
            return v.one(owner) if name == "value" else v.UNKNOWN
        case v.Member(cls, member):
            if name == "name":
                return v.one(v.Const(member, named=True))
            # A number says less than the member whose value it is.
            is_number = any(isinstance(atom, v.Const) and isinstance(atom.value, int) for atom in value_of(cls, member))
            return v.one(owner) if is_number else value_of(cls, member) if name == "value" else v.UNKNOWN
        case v.About(_, query=True) if name in QUERY_METHODS:
            return v.UNKNOWN  # SQLAlchemy's, whatever methods the model has
        case v.About():
            return _of_row(run, owner, name, frame)
        case v.Instance(cls):
            return _of_instance(run, owner, cls, name, frame)
        case v.Func(function) if name in ("delay", "apply_async"):
            return v.one(v.Func(function))
        case _:
            return v.UNKNOWN


def of_class(run: Machine, cls: v.Class, name: str) -> v.Values:
    """Evaluate ``Class.name``."""
    if cls.is_enum and name in cls.frame.names and not any(isinstance(a, v.Func) for a in cls.frame.names[name]):
        return v.one(v.Member(cls, name))
    if cls.is_enum and not cls.lookup(name) and not name.startswith("_") and name != "mro":
        return v.one(v.Member(cls, name))  # which it does not have: an AttributeError when it runs
    if cls.is_model:
        if name in cls.all_fields():
            return v.one(v.ColumnRef(cls, name))
        if name in ("query", "objects"):
            return v.one(v.About(cls, query=True))
        if name == "__table__" and not cls.lookup(name):
            return v.one(v.ClassRef(cls))
    if found := run.settled(cls.lookup(name)):
        return v.Values(
            v.Func(atom.function, v.ClassRef(cls) if "classmethod" in atom.function.decorators else None)
            if isinstance(atom, v.Func)
            else atom
            for atom in found
        )
    return v.one(v.ColumnRef(cls, name)) if cls.is_model and not name.startswith("_") else v.UNKNOWN


def _of_row(run: Machine, row: v.About, name: str, frame: v.Frame) -> v.Values:
    """Return an attribute of a row: a relationship leads to another model; a column's content is not known."""
    cls = row.cls
    declared = cls.all_fields().get(name)
    if declared is not None:
        found = [One.target for One in declared.value if isinstance(One, v.ColumnType) and One.target]
        if found:
            return v.Values(v.About(target, guessed=row.guessed) for target in found)
        return relation(run, declared.annotation, cls)
    if name == "items" and not cls.lookup(name):  # of a page of rows
        return v.one(row)
    return _bound(run, v.one(row), cls, name, frame)


def relation(run: Machine, annotation: ast.expr | None, cls: v.Class) -> v.Values:
    """Return the model that ``Mapped["Domain"]`` leads to."""
    if annotation is None:
        return v.UNKNOWN
    return v.Values(v.About(model) for model in v.models_in(run.promised(annotation, cls.frame, request=False)))


def _of_instance(run: Machine, owner: v.Instance, cls: v.Class, name: str, frame: v.Frame) -> v.Values:
    if assigned := run.attribute(owner, name) or _promised_to_constructor(run, owner, name):
        return run.settled(assigned)
    if injected := [atom for atom in cls.lookup(name) if isinstance(atom, v.Dependency)]:
        return _injected(run, cls, name, injected, frame)
    schema = cls.is_schema
    if not schema and (given := cls.lookup(name)) and not any(isinstance(atom, v.Func) for atom in given):
        return run.settled(given)
    if (declared := cls.all_fields().get(name)) is not None:
        own = in_code(run, owner, name) if schema else None
        if not own and declared.annotation is not None:
            value = run.promised(declared.annotation, cls.frame, request=schema and own is None)
            value = value if own is None else v.Values(a for a in value if not isinstance(a, v.AnyMember | v.AnyOf))
            if value:
                return value
        return declared.value if own is None else own
    return _bound(run, v.one(owner), cls, name, frame)


def _promised_to_constructor(run: Machine, owner: v.Instance, name: str) -> v.Values:
    """Return what ``__init__`` assigns when a container calls it with what its annotations promise."""
    cls = owner.cls
    if owner.key or id(cls) in run.constructed or cls.all_fields().get(name) or cls.lookup(name):
        return v.UNKNOWN
    run.constructed.add(id(cls))
    for function in v.function_in(cls.lookup("__init__")):
        run.call(function, v.one(owner), v.Arguments(open=True))
    return run.attribute(owner, name)


def _injected(run: Machine, cls: v.Class, name: str, found: list[v.Dependency], frame: v.Frame) -> v.Values:
    """Evaluate ``bus: Bus = Depends(make_bus)`` in the body of a class-based view: what the framework injects."""
    declared = cls.all_fields().get(name)
    note = declared.annotation if declared else None
    fallback = v.UNKNOWN if note is None else run.promised(note, cls.frame, request=False)
    return v.join(*(resolve(run, atom, fallback, frame.effects) for atom in found))


def _bound(run: Machine, receiver: v.Values, cls: v.Class, name: str, frame: v.Frame) -> v.Values:
    found: list[v.Values] = []
    (atom,) = receiver
    for value in run.settled(cls.lookup(name)):
        if not isinstance(value, v.Func):
            found.append(v.one(value))
        elif value.function.decorators & {"property", "cached_property", "hybrid_property"}:
            summary = run.call(value.function, receiver, v.Arguments())
            found.append(run.absorb(summary, value.function.qualified, frame))
        elif "staticmethod" in value.function.decorators:
            found.append(v.one(value))
        else:
            others = run.implementations(cls, name) if is_abstract(value.function.node) and _is_promised(atom) else ()
            found.append(v.Values(others) or v.one(v.Func(value.function, atom)))
    return v.join(*found)


def _is_promised(atom: v.Atom) -> bool:
    """Return whether only an annotation names the class of an object, which may be of a subclass."""
    return isinstance(atom, v.Instance) and atom.key == 0
