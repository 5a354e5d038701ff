"""Evaluation of expressions to what they may be, and of conditions whose outcome is known."""

import ast
import re
from collections.abc import Callable
from typing import Any

from scripts.commands.crosswalk.audit import attributes, calls, models, starts
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.machine import Machine

BUILTINS = v.word_set(
    "str int float bool bytes dict list set tuple object type len print getattr setattr hasattr sorted "
    "reversed iter next enumerate zip map filter any all min max sum super isinstance property staticmethod "
    "classmethod frozenset vars range Exception ValueError"
)


CLIENTS_WORDS = re.compile(r"(^|\.)(Request|flask\.request)\.(json|form|args|values|query_params|path_params)(\(\))?$")
"""Of a request, what the client sent by name."""


def evaluate(run: Machine, node: ast.expr, frame: v.Frame) -> v.Values:
    """Return what ``node`` may be."""
    evaluator = EVALUATORS.get(type(node))
    return evaluator(run, node, frame) if evaluator else v.UNKNOWN


def _yielded(run: Machine, node: ast.Yield | ast.YieldFrom, frame: v.Frame) -> v.Values:
    given = run.evaluate(node.value, frame) if node.value is not None else v.UNKNOWN
    frame.returned = v.join(frame.returned, given)
    return v.UNKNOWN


def _either(run: Machine, node: ast.IfExp, frame: v.Frame) -> v.Values:
    run.evaluate(node.test, frame)
    return v.join(run.evaluate(node.body, frame), run.evaluate(node.orelse, frame))


def _chained(run: Machine, node: ast.BoolOp, frame: v.Frame) -> v.Values:
    parts = [run.evaluate(part, frame) for part in node.values]
    return v.join(*parts) if isinstance(node.op, ast.Or) else parts[-1]


def _named(run: Machine, node: ast.NamedExpr, frame: v.Frame) -> v.Values:
    frame.names[node.target.id] = given = run.evaluate(node.value, frame)
    return given


def _comprehended(run: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: v.Frame) -> v.Values:
    return v.one(v.Listing(tuple(run.evaluate(node.elt, inner) for inner in _rounds(run, node.generators, frame))))


def _mapped(run: Machine, node: ast.DictComp, frame: v.Frame) -> v.Values:
    rounds = _rounds(run, node.generators, frame)
    return v.one(v.Mapping(tuple((run.evaluate(node.key, one), run.evaluate(node.value, one)) for one in rounds)))


def _compared_parts(run: Machine, node: ast.Compare, frame: v.Frame) -> v.Values:
    for part in (node.left, *node.comparators):
        run.evaluate(part, frame)
    return v.UNKNOWN


def _negated(run: Machine, node: ast.UnaryOp, frame: v.Frame) -> v.Values:
    run.evaluate(node.operand, frame)
    return v.UNKNOWN


def name_in(run: Machine, name: str, frame: v.Frame) -> v.Values:
    """Return a name, looked up outwards from ``frame``, then in the module."""
    scope: v.Frame | None = frame
    while scope is not None:
        if name in scope.names and (scope.cls is None or scope is frame):
            return run.settled(scope.names[name])
        scope = scope.parent
    module = frame.module.frame
    if module is not None and name in module.names:
        return run.settled(module.names[name])
    return v.one(v.External(f"builtins.{name}")) if name in BUILTINS else v.UNKNOWN


def _listing(run: Machine, node: ast.Tuple | ast.List | ast.Set, frame: v.Frame) -> v.Values:
    found: list[v.Values] = []
    for part in node.elts:
        value = run.evaluate(part, frame)
        if isinstance(part, ast.Starred):
            spread = [item for atom in value if isinstance(atom, v.Listing) for item in atom.items]
            found.extend(spread or [v.UNKNOWN])
        else:
            found.append(value)
    return v.one(v.Listing(tuple(found)))


def _dict(run: Machine, node: ast.Dict, frame: v.Frame) -> v.Values:
    entries: dict[v.Values, v.Values] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        given = run.evaluate(value, frame)
        if key is not None:
            entries[run.evaluate(key, frame)] = given
        else:
            for atom in given:
                if isinstance(atom, v.Mapping):
                    entries.update(atom.items)
    return v.one(v.Mapping(tuple(entries.items())))


def _item(run: Machine, node: ast.Subscript, frame: v.Frame) -> v.Values:
    owners = run.evaluate(node.value, frame)
    if isinstance(node.slice, ast.Tuple) and any(
        isinstance(o, v.External) and o.name.endswith("Annotated") for o in owners
    ):
        parts = [run.evaluate(part, frame) for part in node.slice.elts]
        return v.join(parts[0], *(v.Values(a for a in part if isinstance(a, v.Dependency)) for part in parts[1:]))
    key = run.evaluate(node.slice, frame)
    return v.join(*(_entry(run, owner, key) for owner in owners))


def _entry(run: Machine, owner: v.Atom, key: v.Values) -> v.Values:
    """Evaluate ``owner[key]``."""
    match owner:
        case v.Mapping():
            return v.entry_of(owner, key)
        case v.Listing(items):
            index = next((k.value for k in key if isinstance(k, v.Const) and isinstance(k.value, int)), None)
            exact = index is not None and -len(items) <= index < len(items)
            return items[index] if exact and index is not None else v.join(*items)
        case v.Made(name) | v.External(name) if CLIENTS_WORDS.search(name):
            return v.one(v.Anything())
        case v.External("typing.Literal" | "typing_extensions.Literal"):  # an alias of words
            return v.one(v.AnyOf(frozenset(word for part in (key, *v.items_of(key)) for word in v.texts(part))))
        case v.External(name) if name.endswith(".wiring.Provide"):
            return v.one(v.Dependency(run.provided(key)))
        case v.ClassRef(cls) if cls.is_enum:
            return models.members_named(cls, key)
        case v.About() | v.Anything() | v.ClassRef():  # of a class: it is generic, Repository[Domain]
            return v.one(owner)
        case v.Made(name) if name.endswith(".tasks"):  # Celery's, by name
            return v.one(owner)
        case _:
            return v.UNKNOWN


def _rounds(run: Machine, clauses: list[ast.comprehension], frame: v.Frame) -> list[v.Frame]:
    rounds = [
        v.Frame(frame.module, {}, frame, frame.function, None, frame.effects, methods=frame.methods, depth=frame.depth)
    ]
    for clause in clauses:
        after = []
        for outer in rounds:
            given = run.evaluate(clause.iter, outer)
            for value in _members_that(run, given, clause, outer) or v.items_of(given):
                inner = v.Frame(
                    frame.module, dict(outer.names), frame, frame.function, None, frame.effects, methods=frame.methods
                )
                run.assign(clause.target, value, inner, ast.Pass(lineno=clause.target.lineno, col_offset=0))
                if all(is_possible(run, test, inner) for test in clause.ifs):
                    after.append(inner)
        rounds = after[:48]
    return rounds


def _members_that(run: Machine, given: v.Values, clause: ast.comprehension, frame: v.Frame) -> list[v.Values]:
    """Over an enum: its members, or the one of them that the conditions let the request choose."""
    enums = [atom.cls for atom in given if isinstance(atom, v.ClassRef) and atom.cls.is_enum]
    if len(enums) != 1 or len(given) != 1 or not isinstance(clause.target, ast.Name):
        return []
    (enum,) = enums
    possible = []
    for name in models.members_of(enum):
        inner = v.Frame(frame.module, {clause.target.id: v.one(v.Member(enum, name))}, frame, frame.function)
        if all(is_possible(run, test, inner) for test in clause.ifs):
            possible.append(name)
    if clause.ifs:
        return [v.one(v.AnyMember(enum, "", frozenset(possible)))] if possible else []
    return [v.one(v.Member(enum, name)) for name in possible]


def _part(run: Machine, node: ast.expr, frame: v.Frame) -> tuple[str, tuple[str, ...]]:
    """Return a part of an f-string: its text, and the source of its holes."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return _text(node, run.evaluate(inner, frame), frame)


def _text(node: ast.expr, values: v.Values, frame: v.Frame) -> tuple[str, tuple[str, ...]]:
    if isinstance(node, ast.Constant):
        return str(node.value), ()
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    if len(values) == 1:
        match next(iter(values)):
            case v.Const(value) if value is not None:
                return str(value), ()
            case v.Pattern(text, holes) | v.Sql(text, holes):
                return text, holes
            case v.Member(cls, name) if isinstance(node, ast.FormattedValue):
                worth = [a.value for a in models.value_of(cls, name) if isinstance(a, v.Const)]
                return str(worth[0]) if len(worth) == 1 else v.HOLE, ()
    hosts = sorted(str(atom.value) for atom in values if isinstance(atom, v.Const))
    if len(hosts) == len(values) > 1 and all(host.startswith(("http://", "https://")) for host in hosts):
        return hosts[0], ()  # one of several hosts, all of them named
    if any(isinstance(atom, v.Anything) for atom in values):
        return v.HOLE, ("from the request's body or parameters",)
    return v.HOLE, (_origin(inner, frame),)


def _origin(node: ast.expr, frame: v.Frame) -> str:
    """Return the source of a hole, and of what its name was assigned in the same function, or in ``__init__``."""
    source = ast.unparse(node)
    value = None
    if isinstance(node, ast.Name) and frame.function:
        value = _assigned(frame.function).get(source)
    elif source.startswith("self.") and frame.function and frame.function.cls:
        value = next(
            (_assigned(function).get(source) for function in v.function_in(frame.function.cls.lookup("__init__"))), None
        )
    return f"{source} = {ast.unparse(value)}" if value is not None else source


def _assigned(function: v.Function) -> dict[str, ast.expr | None]:
    """Return what each name or attribute is assigned first in a function, in the order of :func:`ast.walk`."""
    if function.assigned is None:
        function.assigned = {}
        for part in ast.walk(function.node):
            if isinstance(part, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                for target in (inner for outer in targets for inner in ast.walk(outer)):
                    if isinstance(target, ast.Name | ast.Attribute) and isinstance(target.ctx, ast.Store):
                        function.assigned.setdefault(ast.unparse(target), part.value)
    return function.assigned


def _joined(parts: list[tuple[str, tuple[str, ...]]]) -> v.Values:
    text = "".join(text for text, _ in parts)
    holes = tuple(hole for _, inner in parts for hole in inner)
    return v.one(v.Pattern(text, holes) if v.HOLE in text else v.Const(text))


def _binary(run: Machine, node: ast.BinOp, frame: v.Frame) -> v.Values:
    left, op, right = node.left, node.op, node.right
    first, second = run.evaluate(left, frame), run.evaluate(right, frame)
    if isinstance(op, ast.BitOr):
        merged = (
            [atom for atom in first if isinstance(atom, v.Mapping)],
            [a for a in second if isinstance(a, v.Mapping)],
        )
        if merged[0] and merged[1]:
            return v.one(v.Mapping((*merged[0][0].items, *merged[1][0].items)))
        return v.join(first, second)
    lists = [[atom for atom in side if isinstance(atom, v.Listing)] for side in (first, second)]
    if isinstance(op, ast.Add) and lists[0] and lists[1]:
        return v.one(v.Listing((*lists[0][0].items, *lists[1][0].items)))
    is_text = any(
        isinstance(a, v.Pattern | v.Sql) or (isinstance(a, v.Const) and isinstance(a.value, str))
        for a in (*first, *second)
    )
    if isinstance(op, ast.Add) and is_text:
        return _joined([_text(left, first, frame), _text(right, second, frame)])
    if isinstance(op, ast.Mod) and is_text:
        text, holes = _text(left, first, frame)
        for mark in ("%s", "%d", "%r"):
            text = text.replace(mark, v.HOLE)
        return v.one(v.Pattern(text, (*holes, ast.unparse(right))))
    return v.Values(atom for atom in (*first, *second) if isinstance(atom, v.About))


def is_possible(run: Machine, test: ast.expr, frame: v.Frame) -> bool:
    """Return whether a comprehension's ``test`` may hold; False only when known values do not fulfil it."""
    run.evaluate(test, frame)
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _may_be_equal(run.evaluate(left, frame), run.evaluate(right, frame))
        case _:
            return _outcome(run, test, frame, None) is not False


def outcome(run: Machine, test: ast.expr, frame: v.Frame) -> bool | None:
    """Return whether the ``test`` of an ``if`` holds, where it asks for the word that a loop or a call gave to a name.

    A name that is assigned in the function may have another value in the next round of a loop, and a parameter with a
    default another one from a caller that was not read.
    """
    return _outcome(run, test, frame, frame.function) if frame.function else None


def _outcome(run: Machine, test: ast.expr, frame: v.Frame, function: v.Function | None) -> bool | None:
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
        case ast.Name() | ast.Attribute():
            return False if _is_none(run, test, frame, function) else None
        case ast.Compare(
            left=subject, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(value=None)]
        ):
            return isinstance(operator, ast.Is) if _is_none(run, subject, frame, function) else None
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name) as subject, kinds]):
            if function is not None and _is_unsteady(function, name):
                return None
            return _is_instance(run.evaluate(subject, frame), run.evaluate(kinds, frame))
        case ast.Compare(left=ast.Name(id=name), ops=[operator], comparators=[right]):
            if function is not None and _is_unsteady(function, name):
                return None
            return _compared(run, name, operator, right, frame)
        case _:
            return None


def _is_none(run: Machine, subject: ast.expr, frame: v.Frame, function: v.Function | None) -> bool:
    """Return whether a parameter is None in this call, or an attribute that only ``__init__`` sets, from a parameter."""
    match subject:
        case ast.Name(id=name) if function is not None and name not in _assigned(function):
            return name_in(run, name, frame) == v.one(v.Const(None))
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if function is not None and function.cls:
            return name in _collaborators(function.cls) and run.evaluate(subject, frame) == v.one(v.Const(None))
        case _:
            return False


def _collaborators(cls: v.Class) -> frozenset[str]:
    """Return the attributes that only ``__init__`` sets, each from a parameter."""
    if cls.collaborators is None:
        given: set[str] = set()
        others: set[str] = set()
        for function in v.function_in(v.Values(atom for values in cls.frame.names.values() for atom in values)):
            parameters = {argument.arg for argument in [*function.node.args.args, *function.node.args.kwonlyargs]}
            for name, value in _assigned(function).items():
                is_given = function.name == "__init__" and isinstance(value, ast.Name) and value.id in parameters
                (given if is_given else others).add(name.removeprefix("self."))
        cls.collaborators = frozenset(given - others)
    return cls.collaborators


def _is_instance(values: v.Values, kinds: v.Values) -> bool | None:
    """Return whether all ``values`` are of one of ``kinds``; a schema made from a request, or a row, is of no other class."""
    classes = [atom.cls for atom in kinds if isinstance(atom, v.ClassRef)]
    found = set()
    for atom in values:
        if not isinstance(atom, v.Instance | v.About) or not classes:
            return None
        is_one = any(cls in classes for cls in atom.cls.ancestry())
        is_exact = isinstance(atom, v.Instance) and atom.key == v.FROM_REQUEST
        if isinstance(atom, v.About):
            is_exact = not atom.guessed and not any(atom.cls in cls.ancestry() for cls in classes)
        found.add(True if is_one else False if is_exact else None)
    return found.pop() if len(found) == 1 else None


def _compared(run: Machine, name: str, operator: ast.cmpop, right: ast.expr, frame: v.Frame) -> bool | None:
    known = name_in(run, name, frame)
    word = v.text_of(known) if len(known) == 1 else None
    if word is None:
        return None
    other = run.evaluate(right, frame)
    if isinstance(operator, ast.Eq | ast.NotEq):
        same = v.text_of(other) if len(other) == 1 else None
        return None if same is None else (word == same) == isinstance(operator, ast.Eq)
    if isinstance(operator, ast.In | ast.NotIn) and (among := _listed(other)) is not None:
        return (word in among) == isinstance(operator, ast.In)
    return None


def _listed(values: v.Values) -> set[str] | None:
    """Return the words of one list, set or dict of nothing but words."""
    if len(values) != 1:
        return None
    match next(iter(values)):
        case v.Listing(items) if items:
            words = [v.text_of(item) if len(item) == 1 else None for item in items]
        case v.Mapping(items) if items:
            words = [v.text_of(key) if len(key) == 1 else None for key, _ in items]
        case _:
            return None
    known = {word for word in words if word is not None}
    return known if None not in words else None


def _is_unsteady(function: v.Function, name: str) -> bool:
    """Return whether a function assigns a name, or has it as a parameter with a default."""
    spec = function.node.args
    named = [*spec.posonlyargs, *spec.args]
    optional = named[len(named) - len(spec.defaults) :]
    optional += [argument for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default]
    return name in _assigned(function) or any(argument.arg == name for argument in optional)


def _may_be_equal(first: v.Values, second: v.Values) -> bool:
    if not first or not second:
        return True
    words = [_words(side) for side in (first, second)]
    if words[0] is not None and words[1] is not None:
        return bool(words[0] & words[1])
    both = (*first, *second)
    if all(isinstance(atom, v.Const | v.ClassRef | v.Member) for atom in both):
        return any(atom in second for atom in first) or any(isinstance(atom, v.Member) for atom in both)
    lists = [next(iter(side)) for side in (first, second) if len(side) == 1]
    match lists:
        case [v.Listing(ours), v.Listing(theirs)] if len(ours) == len(theirs):
            return all(_may_be_equal(one_of, other) for one_of, other in zip(ours, theirs, strict=True))
        case _:
            return True


def _words(values: v.Values) -> frozenset[str] | None:
    """Return the texts that a value may be; None when it may be something else."""
    found: set[str] = set()
    for atom in values:
        choice = models.words_of_choice(atom)
        if isinstance(atom, v.Const) and isinstance(atom.value, str):
            found.add(atom.value)
        elif choice is not None:
            found |= choice
        else:
            return None
    return frozenset(found)


def _awaited(run: Machine, node: ast.Await, frame: v.Frame) -> v.Values:
    value = run.evaluate(node.value, frame)
    if any(isinstance(atom, v.Made) and atom.name == "asyncio.Task" for atom in value):
        called = run.evaluate(node.value.func, frame) if isinstance(node.value, ast.Call) else v.UNKNOWN
        if not any(isinstance(function.node, ast.AsyncFunctionDef) for function in v.function_in(called)):
            starts.ended(run, value, node, frame)  # what a coroutine gives is not awaited with it
    return value


def _spread(run: Machine, node: ast.Starred, frame: v.Frame) -> v.Values:
    return run.evaluate(node.value, frame)


EVALUATORS: dict[type[ast.expr], Callable[[Machine, Any, v.Frame], v.Values]] = {
    ast.Constant: lambda _, node, __: v.one(v.Const(node.value)),
    ast.Name: lambda run, node, frame: name_in(run, node.id, frame),
    ast.Attribute: lambda run, node, frame: attributes.of(run, evaluate(run, node.value, frame), node.attr, frame),
    ast.Call: calls.evaluate_call,
    ast.Await: _awaited,
    ast.Starred: _spread,
    ast.Yield: _yielded,
    ast.YieldFrom: _yielded,
    ast.IfExp: _either,
    ast.BoolOp: _chained,
    ast.JoinedStr: lambda run, node, frame: _joined([_part(run, part, frame) for part in node.values]),
    ast.BinOp: _binary,
    ast.Tuple: _listing,
    ast.List: _listing,
    ast.Set: _listing,
    ast.Dict: _dict,
    ast.Subscript: _item,
    ast.NamedExpr: _named,
    ast.Lambda: lambda run, node, frame: v.one(v.Func(run.function_at(node, frame, "<lambda>"))),
    ast.ListComp: _comprehended,
    ast.SetComp: _comprehended,
    ast.GeneratorExp: _comprehended,
    ast.DictComp: _mapped,
    ast.Compare: _compared_parts,
    ast.UnaryOp: _negated,
}
