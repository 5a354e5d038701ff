"""Evaluation of expressions to what they may be, and of conditions whose outcome is known."""

import ast

from scripts.commands.crosswalk.audit import attributes, calls, models
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.values import (
    HOLE,
    UNKNOWN,
    About,
    AnyMember,
    Anything,
    ClassRef,
    Const,
    Dependency,
    External,
    Frame,
    Func,
    Function,
    Listing,
    Mapping,
    Member,
    Pattern,
    Sql,
    Values,
    entry_of,
    function_in,
    items_of,
    join,
    one,
    text_of,
)

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


def evaluate(run: Machine, node: ast.expr, frame: Frame) -> Values:  # noqa: C901, PLR0912
    """Return what ``node`` may be."""
    match node:
        case ast.Constant(value=value):
            return one(Const(value))
        case ast.Name(id=name):
            return name_in(run, name, frame)
        case ast.Attribute():
            return attributes.of(run, evaluate(run, node.value, frame), node.attr, frame)
        case ast.Call():
            return calls.evaluate_call(run, node, frame)
        case ast.Await(value=value):
            return run.evaluate(value, frame)
        case ast.Yield(value=value) | ast.YieldFrom(value=value):
            given = run.evaluate(value, frame) if value is not None else UNKNOWN
            frame.returned = join(frame.returned, given)
            return UNKNOWN
        case ast.IfExp(test=test, body=body, orelse=orelse):
            run.evaluate(test, frame)
            return join(run.evaluate(body, frame), run.evaluate(orelse, frame))
        case ast.BoolOp(op=op, values=values):
            parts = [run.evaluate(part, frame) for part in values]
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
            return run.evaluate(value, frame)
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            frame.names[name] = run.evaluate(value, frame)
            return frame.names[name]
        case ast.Lambda():
            return one(Func(run.function_at(node, frame, "<lambda>")))
        case (
            ast.ListComp(elt=elt, generators=clauses)
            | ast.SetComp(elt=elt, generators=clauses)
            | ast.GeneratorExp(elt=elt, generators=clauses)
        ):
            rounds = _rounds(run, clauses, frame)
            return one(Listing(tuple(run.evaluate(elt, inner) for inner in rounds)))
        case ast.DictComp(key=key, value=value, generators=clauses):
            rounds = _rounds(run, clauses, frame)
            return one(Mapping(tuple((run.evaluate(key, i), run.evaluate(value, i)) for i in rounds)))
        case ast.Compare(left=left, comparators=comparators):
            for part in (left, *comparators):
                run.evaluate(part, frame)
            return UNKNOWN
        case ast.UnaryOp(operand=operand):
            run.evaluate(operand, frame)
            return UNKNOWN
        case _:
            return UNKNOWN


def name_in(run: Machine, name: str, frame: Frame) -> Values:
    """Return a name, looked up outwards from ``frame``, then in the module."""
    scope: Frame | None = frame
    while scope is not None:
        if name in scope.names and (scope.cls is None or scope is frame):
            return run.settled(scope.names[name])
        scope = scope.parent
    module = frame.module.frame
    if module is not None and name in module.names:
        return run.settled(module.names[name])
    return one(External(f"builtins.{name}")) if name in BUILTINS else UNKNOWN


def _elements(run: Machine, elts: list[ast.expr], frame: Frame) -> list[Values]:
    found: list[Values] = []
    for part in elts:
        value = run.evaluate(part, frame)
        if isinstance(part, ast.Starred):
            spread = [item for atom in value if isinstance(atom, Listing) for item in atom.items]
            found.extend(spread or [UNKNOWN])
        else:
            found.append(value)
    return found


def _dict(run: Machine, node: ast.Dict, frame: Frame) -> Values:
    entries: dict[Values, Values] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        given = run.evaluate(value, frame)
        if key is not None:
            entries[run.evaluate(key, frame)] = given
        else:
            for atom in given:
                if isinstance(atom, Mapping):
                    entries.update(atom.items)
    return one(Mapping(tuple(entries.items())))


def _item(run: Machine, node: ast.Subscript, frame: Frame) -> Values:
    owners = run.evaluate(node.value, frame)
    if isinstance(node.slice, ast.Tuple) and any(
        isinstance(o, External) and o.name.endswith("Annotated") for o in owners
    ):
        parts = [run.evaluate(part, frame) for part in node.slice.elts]
        return join(parts[0], *(Values(a for a in part if isinstance(a, Dependency)) for part in parts[1:]))
    key = run.evaluate(node.slice, frame)
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
                found.append(models.members_named(cls, key))
            case ClassRef():
                found.append(one(atom))  # a generic class: Repository[Domain]
            case _:
                pass
    return join(*found)


def _rounds(run: Machine, clauses: list[ast.comprehension], frame: Frame) -> list[Frame]:
    rounds = [
        Frame(frame.module, {}, frame, frame.function, None, frame.effects, methods=frame.methods, depth=frame.depth)
    ]
    for clause in clauses:
        after = []
        for outer in rounds:
            given = run.evaluate(clause.iter, outer)
            for value in _members_that(run, given, clause, outer) or items_of(given):
                inner = Frame(
                    frame.module, dict(outer.names), frame, frame.function, None, frame.effects, methods=frame.methods
                )
                run.assign(clause.target, value, inner, ast.Pass(lineno=clause.target.lineno, col_offset=0))
                if all(is_possible(run, test, inner) for test in clause.ifs):
                    after.append(inner)
        rounds = after[:48]
    return rounds


def _members_that(run: Machine, given: Values, clause: ast.comprehension, frame: Frame) -> list[Values]:
    """Over an enum: its members, or the one of them that the conditions let the request choose."""
    enums = [atom.cls for atom in given if isinstance(atom, ClassRef) and atom.cls.is_enum]
    if len(enums) != 1 or len(given) != 1 or not isinstance(clause.target, ast.Name):
        return []
    (enum,) = enums
    possible = []
    for name in models.members_of(enum):
        inner = Frame(frame.module, {clause.target.id: one(Member(enum, name))}, frame, frame.function)
        if all(is_possible(run, test, inner) for test in clause.ifs):
            possible.append(name)
    if clause.ifs:
        return [one(AnyMember(enum, "", frozenset(possible)))] if possible else []
    return [one(Member(enum, name)) for name in possible]


def _part(run: Machine, node: ast.expr, frame: Frame) -> tuple[str, tuple[str, ...]]:
    """Return a part of an f-string: its text, and the source of its holes."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return _text(node, run.evaluate(inner, frame), frame)


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
                worth = [a.value for a in models.value_of(cls, name) if isinstance(a, Const)]
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
    """Return the source of a hole, and of what its name was assigned in the same function, or in ``__init__``."""
    source = ast.unparse(node)
    value = None
    if isinstance(node, ast.Name) and frame.function:
        value = _assigned(frame.function).get(source)
    elif source.startswith("self.") and frame.function and frame.function.cls:
        value = next(
            (_assigned(function).get(source) for function in function_in(frame.function.cls.lookup("__init__"))), None
        )
    return f"{source} = {ast.unparse(value)}" if value is not None else source


def _assigned(function: Function) -> dict[str, ast.expr]:
    """Return what each name or attribute is assigned first in a function, in the order of :func:`ast.walk`."""
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


def _binary(run: Machine, left: ast.expr, op: ast.operator, right: ast.expr, frame: Frame) -> Values:
    first, second = run.evaluate(left, frame), run.evaluate(right, frame)
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


def is_possible(run: Machine, test: ast.expr, frame: Frame) -> bool:
    """Return whether a comprehension's ``test`` may hold; False only when known values do not fulfil it."""
    run.evaluate(test, frame)
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _may_be_equal(run.evaluate(left, frame), run.evaluate(right, frame))
        case _:
            return _outcome(run, test, frame, None) is not False


def outcome(run: Machine, test: ast.expr, frame: Frame) -> bool | None:
    """Return whether the ``test`` of an ``if`` holds, where it asks for the word that a loop or a call gave to a name.

    A name that is assigned in the function may have another value in the next round of a loop, and a parameter with a
    default another one from a caller that was not read.
    """
    return _outcome(run, test, frame, frame.function) if frame.function else None


def _outcome(run: Machine, test: ast.expr, frame: Frame, function: Function | None) -> bool | None:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _outcome(run, operand, frame, function)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            decisive = isinstance(op, ast.Or)
            outcomes = [_outcome(run, value, frame, function) for value in values]
            if decisive in outcomes:
                return decisive
            return None if None in outcomes else not decisive
        case ast.Compare(left=ast.Name(id=name), ops=[operator], comparators=[right]):
            if function is not None and name in _unsteady(function):
                return None
            return _compared(run, name, operator, right, frame)
        case _:
            return None


def _compared(run: Machine, name: str, operator: ast.cmpop, right: ast.expr, frame: Frame) -> bool | None:
    known = name_in(run, name, frame)
    word = text_of(known) if len(known) == 1 else None
    if word is None:
        return None
    other = run.evaluate(right, frame)
    if isinstance(operator, ast.Eq | ast.NotEq):
        same = text_of(other) if len(other) == 1 else None
        return None if same is None else (word == same) == isinstance(operator, ast.Eq)
    if isinstance(operator, ast.In | ast.NotIn) and (among := _listed(other)) is not None:
        return (word in among) == isinstance(operator, ast.In)
    return None


def _listed(values: Values) -> set[str] | None:
    """Return the words of one list, set or dict of nothing but words."""
    if len(values) != 1:
        return None
    match next(iter(values)):
        case Listing(items) if items:
            words = [text_of(item) if len(item) == 1 else None for item in items]
        case Mapping(items) if items:
            words = [text_of(key) if len(key) == 1 else None for key, _ in items]
        case _:
            return None
    known = {word for word in words if word is not None}
    return known if None not in words else None


def _unsteady(function: Function) -> frozenset[str]:
    """Return names that a function assigns, and its parameters with a default."""
    if function.unsteady is None:
        spec = function.node.args
        named = [*spec.posonlyargs, *spec.args]
        names = {argument.arg for argument in named[len(named) - len(spec.defaults) :]}
        names |= {argument.arg for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default}
        for part in ast.walk(function.node):
            if isinstance(part, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
                for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                    names |= {inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)}
        function.unsteady = frozenset(names)
    return function.unsteady


def _may_be_equal(first: Values, second: Values) -> bool:
    if not first or not second:
        return True
    words = [_words(side) for side in (first, second)]
    if words[0] is not None and words[1] is not None:
        return bool(words[0] & words[1])
    if all(isinstance(atom, Const | ClassRef | Member) for atom in first | second):
        return bool(first & second) or any(isinstance(atom, Member) for atom in first | second)
    lists = [next(iter(side)) for side in (first, second) if len(side) == 1]
    match lists:
        case [Listing(ours), Listing(theirs)] if len(ours) == len(theirs):
            return all(_may_be_equal(one_of, other) for one_of, other in zip(ours, theirs, strict=True))
        case _:
            return True


def _words(values: Values) -> frozenset[str] | None:
    """Return the texts that a value may be; None when it may be something else."""
    found: set[str] = set()
    for atom in values:
        choice = models.words_of_choice(atom)
        if isinstance(atom, Const) and isinstance(atom.value, str):
            found.add(atom.value)
        elif choice is not None:
            found |= choice
        else:
            return None
    return frozenset(found)
