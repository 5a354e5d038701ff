"""Evaluating expressions to what they may be; calls leave their effects in the frame."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import attributes, calls, conditions
from scripts.commands.crosswalk.audit.atoms import (
    HOLE,
    UNKNOWN,
    About,
    AnyMember,
    Anything,
    ClassRef,
    Const,
    Dependency,
    External,
    Func,
    Listing,
    Mapping,
    Member,
    Pattern,
    Sql,
    Values,
    join,
    one,
)  # fmt: skip
from scripts.commands.crosswalk.audit.scope import Frame, Function

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

BUILTINS = frozenset(
    [
        "str",
        "int",
        "float",
        "bool",
        "bytes",
        "dict",
        "list",
        "set",
        "tuple",
        "object",
        "type",
        "len",
        "print",
        "getattr",
        "setattr",
        "hasattr",
        "sorted",
        "reversed",
        "iter",
        "next",
        "enumerate",
        "zip",
        "map",
        "filter",
        "any",
        "all",
        "min",
        "max",
        "sum",
        "super",
        "isinstance",
        "property",
        "staticmethod",
        "classmethod",
        "frozenset",
        "vars",
        "range",
        "Exception",
        "ValueError",
    ]
)


def evaluate(run: "Interpreter", node: ast.expr, frame: Frame) -> Values:  # noqa: C901, PLR0912
    """What ``node`` may be."""
    match node:
        case ast.Constant(value=value):
            return one(Const(value))
        case ast.Name(id=name):
            return name_in(run, name, frame)
        case ast.Attribute():
            return attributes.of(run, evaluate(run, node.value, frame), node, frame)
        case ast.Call():
            return calls.evaluate_call(run, node, frame)
        case ast.Await(value=value):
            return evaluate(run, value, frame)
        case ast.Yield(value=value) | ast.YieldFrom(value=value):
            given = evaluate(run, value, frame) if value is not None else UNKNOWN
            frame.returned = join(frame.returned, given)
            return UNKNOWN
        case ast.IfExp(test=test, body=body, orelse=orelse):
            evaluate(run, test, frame)
            return join(evaluate(run, body, frame), evaluate(run, orelse, frame))
        case ast.BoolOp(op=op, values=values):
            parts = [evaluate(run, part, frame) for part in values]
            return join(*parts) if isinstance(op, ast.Or) else parts[-1]
        case ast.JoinedStr(values=values):
            return _joined([_part(run, part, frame) for part in values])
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(run, left, op, right, frame)
        case ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
            return one(Listing(tuple(_elements(run, elts, frame))))
        case ast.Dict():
            return _dict(run, node, frame)
        case ast.Subscript():
            return _item(run, node, frame)
        case ast.Starred(value=value):
            return evaluate(run, value, frame)
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            frame.names[name] = evaluate(run, value, frame)
            return frame.names[name]
        case ast.Lambda():
            return one(Func(run.function_at(node, frame, "<lambda>")))
        case (
            ast.ListComp(elt=elt, generators=clauses)
            | ast.SetComp(elt=elt, generators=clauses)
            | ast.GeneratorExp(elt=elt, generators=clauses)
        ):
            rounds = _rounds(run, clauses, frame)
            return one(Listing(tuple(evaluate(run, elt, inner) for inner in rounds)))
        case ast.DictComp(key=key, value=value, generators=clauses):
            rounds = _rounds(run, clauses, frame)
            return one(Mapping(tuple((evaluate(run, key, i), evaluate(run, value, i)) for i in rounds)))
        case ast.Compare(left=left, comparators=comparators):
            for part in (left, *comparators):
                evaluate(run, part, frame)
            return UNKNOWN
        case ast.UnaryOp(operand=operand):
            evaluate(run, operand, frame)
            return UNKNOWN
        case _:
            return UNKNOWN


def name_in(run: "Interpreter", name: str, frame: Frame) -> Values:
    """A name, looked up outwards from ``frame``, then in the module."""
    scope: Frame | None = frame
    while scope is not None:
        if name in scope.names and (scope.cls is None or scope is frame):
            return run.settled(scope.names[name])
        scope = scope.parent
    module = frame.module.frame
    if module is not None and name in module.names:
        return run.settled(module.names[name])
    return one(External(f"builtins.{name}")) if name in BUILTINS else UNKNOWN


def _elements(run: "Interpreter", elts: list[ast.expr], frame: Frame) -> list[Values]:
    found: list[Values] = []
    for part in elts:
        value = evaluate(run, part, frame)
        if isinstance(part, ast.Starred):
            spread = [item for atom in value if isinstance(atom, Listing) for item in atom.items]
            found.extend(spread or [UNKNOWN])
        else:
            found.append(value)
    return found


def _dict(run: "Interpreter", node: ast.Dict, frame: Frame) -> Values:
    entries: dict[Values, Values] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        given = evaluate(run, value, frame)
        if key is not None:
            entries[evaluate(run, key, frame)] = given
        else:
            for atom in given:
                if isinstance(atom, Mapping):
                    entries.update(atom.items)
    return one(Mapping(tuple(entries.items())))


def _item(run: "Interpreter", node: ast.Subscript, frame: Frame) -> Values:
    owners = evaluate(run, node.value, frame)
    if isinstance(node.slice, ast.Tuple) and any(
        isinstance(o, External) and o.name.endswith("Annotated") for o in owners
    ):
        parts = [evaluate(run, part, frame) for part in node.slice.elts]
        return join(parts[0], *(Values(a for a in part if isinstance(a, Dependency)) for part in parts[1:]))
    key = evaluate(run, node.slice, frame)
    found: list[Values] = []
    for atom in owners:
        match atom:
            case Mapping():
                found.append(entry_of(atom, key))
            case Listing(items):
                index = next((k.value for k in key if isinstance(k, Const) and isinstance(k.value, int)), None)
                exact = index is not None and -len(items) <= index < len(items)
                found.extend([items[index]] if exact and index is not None else items)
            case About() | Anything():
                found.append(one(atom))
            case ClassRef(cls) if cls.is_enum:
                found.append(attributes.members_named(cls, key))
            case ClassRef():
                found.append(one(atom))  # a generic class: Repository[Domain]
            case _:
                pass
    return join(*found)


def entry_of(mapping: Mapping, key: Values) -> Values:
    """A dict's entry for ``key``; any entry when the key is not known."""
    exact = [value for known, value in mapping.items if known & key]
    return join(*exact) if exact else UNKNOWN if any(isinstance(k, Const | Member | ClassRef | Func) for k in key) else join(
        *(value for _, value in mapping.items)
    )  # fmt: skip


def _rounds(run: "Interpreter", clauses: list[ast.comprehension], frame: Frame) -> list[Frame]:
    from scripts.commands.crosswalk.audit.statements import assign, items_of  # noqa: PLC0415

    rounds = [
        Frame(frame.module, {}, frame, frame.function, None, frame.effects, methods=frame.methods, depth=frame.depth)
    ]
    for clause in clauses:
        after = []
        for outer in rounds:
            given = evaluate(run, clause.iter, outer)
            for value in _members_that(run, given, clause, outer) or items_of(given):
                inner = Frame(
                    frame.module, dict(outer.names), frame, frame.function, None, frame.effects, methods=frame.methods
                )
                assign(run, clause.target, value, inner, ast.Pass(lineno=clause.target.lineno, col_offset=0))
                if all(conditions.is_possible(run, test, inner) for test in clause.ifs):
                    after.append(inner)
        rounds = after[:48]
    return rounds


def _members_that(run: "Interpreter", given: Values, clause: ast.comprehension, frame: Frame) -> list[Values]:
    """Over an enum: its members, or the one of them that the conditions let the request choose."""
    enums = [atom.cls for atom in given if isinstance(atom, ClassRef) and atom.cls.is_enum]
    if len(enums) != 1 or len(given) != 1 or not isinstance(clause.target, ast.Name):
        return []
    (enum,) = enums
    possible = []
    for name in attributes.members_of(enum):
        inner = Frame(frame.module, {clause.target.id: one(Member(enum, name))}, frame, frame.function)
        if all(conditions.is_possible(run, test, inner) for test in clause.ifs):
            possible.append(name)
    if clause.ifs:
        return [one(AnyMember(enum, "", frozenset(possible)))] if possible else []
    return [one(Member(enum, name)) for name in possible]


def _part(run: "Interpreter", node: ast.expr, frame: Frame) -> tuple[str, tuple[str, ...]]:
    """A part of an f-string: its text, and the source of its holes."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return _text(node, evaluate(run, inner, frame), frame)


def _text(node: ast.expr, values: Values, frame: Frame) -> tuple[str, tuple[str, ...]]:
    if isinstance(node, ast.Constant):
        return str(node.value), ()
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    if len(values) == 1:
        match next(iter(values)):
            case Const(value) if value is not None:
                return str(value), ()
            case Pattern(text, holes) | Sql(text, holes):
                return text, holes
            case Member(cls, name) if isinstance(node, ast.FormattedValue):
                worth = [a.value for a in attributes.value_of(cls, name) if isinstance(a, Const)]
                return str(worth[0]) if len(worth) == 1 else HOLE, ()
            case _:
                pass
    hosts = sorted(str(atom.value) for atom in values if isinstance(atom, Const))
    if len(hosts) == len(values) > 1 and all(host.startswith(("http://", "https://")) for host in hosts):
        return hosts[0], ()  # one of several hosts, all of them named
    if any(isinstance(atom, Anything) for atom in values):
        return HOLE, ("from the request's body or parameters",)
    return HOLE, (_origin(inner, frame),)


def _origin(node: ast.expr, frame: Frame) -> str:
    """The source of a hole, and of what its name was assigned in the same function, or in ``__init__``."""
    source = ast.unparse(node)
    value = None
    if isinstance(node, ast.Name) and frame.function:
        value = _assigned(frame.function).get(source)
    elif source.startswith("self.") and frame.function and frame.function.cls:
        value = next(
            (
                _assigned(function).get(source)
                for function in attributes.function_in(frame.function.cls.lookup("__init__"))
            ),
            None,
        )
    return f"{source} = {ast.unparse(value)}" if value is not None else source


def _assigned(function: Function) -> dict[str, ast.expr]:
    """What each name or attribute is assigned first in a function, in the order of :func:`ast.walk`."""
    if function.assigned is None:
        function.assigned = {}
        for part in ast.walk(function.node):
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Name | ast.Attribute):
                        function.assigned.setdefault(ast.unparse(target), part.value)
    return function.assigned


def _joined(parts: list[tuple[str, tuple[str, ...]]]) -> Values:
    text = "".join(text for text, _ in parts)
    holes = tuple(hole for _, inner in parts for hole in inner)
    return one(Pattern(text, holes) if HOLE in text else Const(text))


def _binary(run: "Interpreter", left: ast.expr, op: ast.operator, right: ast.expr, frame: Frame) -> Values:
    first, second = evaluate(run, left, frame), evaluate(run, right, frame)
    if isinstance(op, ast.BitOr):
        merged = [atom for atom in first if isinstance(atom, Mapping)], [a for a in second if isinstance(a, Mapping)]
        if merged[0] and merged[1]:
            return one(Mapping((*merged[0][0].items, *merged[1][0].items)))
        return join(first, second)
    lists = [[atom for atom in side if isinstance(atom, Listing)] for side in (first, second)]
    if isinstance(op, ast.Add) and lists[0] and lists[1]:
        return one(Listing((*lists[0][0].items, *lists[1][0].items)))
    is_text = any(
        isinstance(a, Pattern | Sql) or (isinstance(a, Const) and isinstance(a.value, str)) for a in first | second
    )
    if isinstance(op, ast.Add) and is_text:
        return _joined([_text(left, first, frame), _text(right, second, frame)])
    if isinstance(op, ast.Mod) and is_text:
        text, holes = _text(left, first, frame)
        for mark in ("%s", "%d", "%r"):
            text = text.replace(mark, HOLE)
        return one(Pattern(text, (*holes, ast.unparse(right))))
    return Values(atom for atom in first | second if isinstance(atom, About))
