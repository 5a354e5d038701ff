"""Parameters: what an argument, a default, a dependency or an annotation gives them."""

import ast
from dataclasses import dataclass, field

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit import writes
from scripts.commands.crosswalk.audit.effects import Effect
from scripts.commands.crosswalk.audit.machine import Machine

TRANSPARENT = v.word_set("Optional Union Annotated Mapped Awaitable Final ClassVar DynamicMapped FromDishka Injected")
MANY = v.word_set(
    "list List Sequence Iterable set Set tuple Tuple AsyncIterator Iterator Generator AsyncGenerator Collection"
)


@dataclass
class Bound:
    """A function's parameters, and what finding them out did (dependencies run)."""

    values: dict[str, v.Values] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)


def bind(run: Machine, function: v.Function, receiver: v.Values, arguments: v.Arguments, *, endpoint: bool) -> Bound:
    """Return the parameters of a call of ``function``."""
    spec = function.node.args
    bound = Bound()
    named = [*spec.posonlyargs, *spec.args]
    positional = list(arguments.positional)
    takes_self = bool(receiver) or (function.cls is not None and "staticmethod" not in function.decorators)
    if takes_self and named:
        bound.values[named[0].arg] = receiver or (v.one(v.Instance(function.cls)) if function.cls else v.UNKNOWN)
        named = named[1:]
    defaults = dict(zip([a.arg for a in [*spec.posonlyargs, *spec.args]][::-1], spec.defaults[::-1], strict=False))
    defaults |= {a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
    for index, parameter in enumerate([*named, *spec.kwonlyargs]):
        value = v.UNKNOWN
        if index < len(positional) and index < len(named):
            value = positional[index]
        elif parameter.arg in arguments.keywords:
            value = arguments.keywords[parameter.arg]
        elif parameter.arg in defaults and not arguments.open:
            value = _default(run, function, parameter, defaults[parameter.arg], bound, endpoint=endpoint)
        if not value:
            value = _annotated(run, function, parameter, bound, endpoint=endpoint)
        bound.values[parameter.arg] = value
    if spec.vararg:
        bound.values[spec.vararg.arg] = v.one(v.Listing(tuple(positional[len(named):])))  # fmt: skip
    if spec.kwarg:
        taken = {p.arg for p in [*named, *spec.kwonlyargs]}
        extra = {name: value for name, value in arguments.keywords.items() if name not in taken}
        bound.values[spec.kwarg.arg] = v.one(
            v.Mapping(tuple((v.one(v.Const(name)), value) for name, value in extra.items()))
        )
    return bound


def _default(
    run: Machine, function: v.Function, parameter: ast.arg, default: ast.expr, bound: Bound, *, endpoint: bool
) -> v.Values:
    value = run.evaluate(default, function.closure)
    dependencies = [atom for atom in value if isinstance(atom, v.Dependency)]
    if dependencies:
        return _injected(run, dependencies, function, parameter, bound)
    if endpoint or not value:
        # The default of a request's parameter says little: the request decides.
        return v.UNKNOWN if parameter.annotation is not None else value
    return value


def _annotated(run: Machine, function: v.Function, parameter: ast.arg, bound: Bound, *, endpoint: bool) -> v.Values:
    if parameter.annotation is None:
        return v.UNKNOWN
    if endpoint and (found := dependencies_of(run, parameter.annotation, function.closure)):
        return _injected(run, found[:1], function, parameter, bound)
    value = promised(run, parameter.annotation, function.closure, request=endpoint)
    for atom in value if endpoint else ():
        if isinstance(atom, v.About) and atom.cls.is_schema:
            _sent(run, atom.cls, function, parameter, bound)
    return value


def _sent(run: Machine, cls: v.Class, function: v.Function, parameter: ast.arg, bound: Bound) -> None:
    """Record that a request sets the status of a row: of a table that is its own schema (SQLModel)."""
    frame = v.Frame(function.module, {})
    for name, declared in cls.all_fields().items():
        if run.known.vocabulary.is_status(name) and declared.annotation is not None:
            value = promised(run, declared.annotation, cls.frame, request=True)
            writes.field(run, cls, name, value, frame, parameter, "constructor")
    bound.effects += frame.effects


def _injected(
    run: Machine, dependencies: list[v.Dependency], function: v.Function, parameter: ast.arg, bound: Bound
) -> v.Values:
    note = parameter.annotation
    fallback = v.UNKNOWN if note is None else promised(run, note, function.closure, request=False)
    return v.join(*(resolve(run, atom, fallback, bound.effects) for atom in dependencies))


def dependencies_of(run: Machine, annotation: ast.expr, frame: v.Frame) -> list[v.Dependency]:
    """Return the ``Depends`` of an annotation, also of an alias: ``Db = Annotated[Session, Depends(f)]``."""
    if isinstance(annotation, ast.Subscript) and v.last_name(annotation.value) == "Annotated":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        found = [atom for part in parts[1:] for atom in run.evaluate(part, frame) if isinstance(atom, v.Dependency)]
        return found or [d for part in parts[:1] for d in dependencies_of(run, part, frame)]
    if isinstance(annotation, ast.Name | ast.Attribute):
        return [atom for atom in run.evaluate(annotation, frame) if isinstance(atom, v.Dependency)]
    return []


def resolve(run: Machine, dependency: v.Dependency, fallback: v.Values, effects: list[Effect]) -> v.Values:
    """Run a dependency as the framework does; give what the parameter gets, ``fallback`` when that is not known."""
    classes = v.Values(v.ClassRef(atom.cls) for atom in fallback if isinstance(atom, v.Instance))
    found: list[v.Values] = []
    for atom in dependency.target or classes:
        made = v.one(v.Instance(atom.cls)) if isinstance(atom, v.ClassRef) else v.UNKNOWN
        match atom:
            case v.Func(function, receiver):
                functions, given = [function], v.one(receiver) if receiver else v.UNKNOWN
            case v.ClassRef(cls) | v.Instance(cls):
                functions = v.function_in(cls.lookup("__init__" if made else "__call__"))[:1]
                given = made or v.one(atom)
                made = made if functions else given
            case v.External(dotted):
                functions, made = [], v.one(v.Made(dotted))
            case v.Dependency():  # Depends(Provide[Container.service])
                functions, made = [], resolve(run, atom, fallback, effects)
            case _:
                continue
        for function in functions:
            if function in run.resolving:  # def key(key=Depends(key)): the inner one is of another module
                continue
            run.resolving.append(function)
            try:
                summary = run.call(function, given, v.Arguments(), endpoint=True)
            finally:
                run.resolving.pop()
            effects.extend(effect.by_way_of(function.qualified, None) for effect in summary.effects)
            made = made or summary.value
        found.append(made)
    return v.join(*found) or fallback


def promised(run: Machine, annotation: ast.expr, frame: v.Frame, *, request: bool) -> v.Values:
    """Return what an annotation says a value is. ``request``: the request decides the value."""
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                return promised(run, ast.parse(text, mode="eval").body, frame, request=request)
            except (SyntaxError, ValueError):
                return v.UNKNOWN
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return v.join(promised(run, left, frame, request=request), promised(run, right, frame, request=request))
        case ast.Subscript(value=value, slice=inner):
            return _generic(run, value, inner, frame, request=request)
        case ast.Constant():
            return v.UNKNOWN
        case _:
            return v.join(*(_of_class(atom, request=request) for atom in run.evaluate(annotation, frame)))


def _generic(run: Machine, value: ast.expr, inner: ast.expr, frame: v.Frame, *, request: bool) -> v.Values:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    name = v.last_name(value)
    if name == "Literal":
        words = frozenset(
            part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        return v.one(v.AnyOf(words)) if words else v.UNKNOWN
    if name == "Annotated":
        return promised(run, parts[0], frame, request=request)
    if name in TRANSPARENT:
        return v.join(*(promised(run, part, frame, request=request) for part in parts))
    if name in MANY:
        return v.one(v.Listing((promised(run, parts[0], frame, request=request),)))
    return promised(run, value, frame, request=request)


def _of_class(atom: object, *, request: bool) -> v.Values:
    match atom:
        case v.ClassRef(cls):
            made_by_request = request and cls.is_schema and not cls.is_model
            return v.one(v.Instance(cls, v.FROM_REQUEST)) if made_by_request else v.object_of(cls)
        case v.External("str" | "builtins.str" | "dict" | "builtins.dict" | "typing.Dict"):
            return v.one(v.Anything()) if request else v.UNKNOWN
        case v.External(name):
            return (
                v.UNKNOWN
                if name.split(".")[-1] in {"Any", "int", "bool", "float", "dict", "None"}
                else v.one(v.Made(name))
            )
        case v.Made() | v.AnyOf() | v.About() | v.Listing() | v.AnyMember() | v.Anything() | v.Instance():
            return v.one(atom)  # an alias of a type, already promised
    return v.UNKNOWN
