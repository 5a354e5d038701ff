"""Executing statements: bindings, branches, loops, definitions and imports."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import conditions, definitions, imports, writes
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    About,
    Const,
    Func,
    Instance,
    Listing,
    Mapping,
    Values,
    join,
    models_in,
    one,
    text_of,
    texts,
)  # fmt: skip
from scripts.commands.crosswalk.audit.effects import Commit
from scripts.commands.crosswalk.audit.expressions import evaluate
from scripts.commands.crosswalk.audit.request_method import narrowed
from scripts.commands.crosswalk.audit.scope import Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

MAX_ITERATIONS = 500


def block(run: "Interpreter", body: Sequence[ast.stmt], frame: Frame) -> bool:
    """Executes statements in order; False when the end is never reached (return, raise, break, continue)."""
    return all(statement(run, node, frame) for node in body)


def statement(run: "Interpreter", node: ast.stmt, frame: Frame) -> bool:  # noqa: C901, PLR0912
    """Executes one; False when what follows it is never reached."""
    if not run.step(frame):
        return False
    match node:
        case ast.Expr(value=value):
            evaluate(run, value, frame)
        case ast.Assign(targets=targets, value=value):
            given = evaluate(run, value, frame)
            for target in targets:
                assign(run, target, given, frame, node)
        case ast.AnnAssign():
            definitions.annotated(run, node, frame)
        case ast.AugAssign(target=target, value=value):
            assign(run, target, _extended(evaluate(run, target, frame), evaluate(run, value, frame)), frame, node)
        case ast.Return(value=value):
            if value is not None:
                frame.returned = join(frame.returned, evaluate(run, value, frame))
            return False
        case ast.Raise(exc=exc):
            if exc is not None:
                evaluate(run, exc, frame)
            return False
        case ast.Break() | ast.Continue():
            return False
        case ast.If():
            return _branch(run, node, frame)
        case ast.For() | ast.AsyncFor():
            _loop(run, node, frame)
        case ast.While(test=test, body=body, orelse=orelse):
            evaluate(run, test, frame)
            _either(run, [body], frame)
            block(run, orelse, frame)
        case ast.With() | ast.AsyncWith():
            return _with(run, node, frame)
        case ast.Try() | ast.TryStar():
            return _try(run, node, frame)
        case ast.Match(subject=subject, cases=cases):
            evaluate(run, subject, frame)
            _either(run, [case.body for case in cases], frame)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            definitions.function(run, node, frame)
        case ast.ClassDef():
            definitions.klass(run, node, frame)
        case ast.Import() | ast.ImportFrom():
            imports.execute(run, node, frame)
        case ast.Assert(test=test):
            evaluate(run, test, frame)
        case ast.Delete(targets=targets):
            for target in targets:
                match target:
                    case ast.Subscript(value=ast.Name(id=name), slice=key):
                        given = evaluate(run, target.value, frame)
                        frame.names[name] = without(given, evaluate(run, key, frame))
                    case _:
                        pass
        case _:
            pass
    return True


def _extended(old: Values, more: Values) -> Values:
    """A list after ``old += more``; of anything else nothing is known."""
    lists = [next((atom for atom in values if isinstance(atom, Listing)), None) for values in (old, more)]
    first, second = lists
    return one(Listing((*first.items, *second.items))) if first and second else UNKNOWN


def assign(run: "Interpreter", target: ast.expr, value: Values, frame: Frame, node: ast.stmt) -> None:
    """Binds ``value`` to a target: a name, names in a tuple, an attribute, an item."""
    match target:
        case ast.Name(id=name):
            frame.names[name] = value
            if frame.function and frame.module.frame and frame.function.sets_globally(name):
                shared = frame.module.frame.names
                shared[name] = join(shared.get(name, UNKNOWN), value)
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for index, part in enumerate(elts):
                inner = part.value if isinstance(part, ast.Starred) else part
                assign(run, inner, item_of(value, index, exact=len(elts)), frame, node)
        case ast.Attribute(value=ast.Attribute(attr="state"), attr=name):
            run.state[name] = join(run.state.get(name, UNKNOWN), value)
        case ast.Attribute(value=owner, attr=name):
            writes.set_attribute(run, evaluate(run, owner, frame), owner, name, value, frame, node)
        case ast.Subscript(value=ast.Name(id=name), slice=key):
            frame.names[name] = _with_entry(evaluate(run, target.value, frame), evaluate(run, key, frame), value)
        case ast.Subscript(value=owner):
            evaluate(run, owner, frame)
        case _:
            pass


def _with_entry(values: Values, key: Values, value: Values) -> Values:
    """A dict after ``d[key] = value``."""
    return Values(
        Mapping((*(entry for entry in atom.items if entry[0] != key), (key, value)))
        if isinstance(atom, Mapping)
        else atom
        for atom in values
    )


def without(values: Values, keys: Values) -> Values:
    """A dict after ``del d[key]``, or after it for each of several keys."""
    gone = texts(keys)
    return Values(
        Mapping(tuple(entry for entry in atom.items if text_of(entry[0]) not in gone))
        if isinstance(atom, Mapping)
        else atom
        for atom in values
    )


def item_of(values: Values, index: int, exact: int = 0) -> Values:
    """One item of a list or tuple; of what comes from a model, the same."""
    found: list[Values] = []
    for atom in values:
        match atom:
            case Listing(items) if (not exact or len(items) == exact) and index < len(items):
                found.append(items[index])
            case Listing(items):
                found.extend(items)
            case About():
                found.append(one(atom))
            case _:
                pass
    return join(*found)


def items_of(values: Values) -> list[Values]:
    """What a loop over ``values`` binds, one after the other."""
    rounds: list[Values] = []
    for atom in values:
        match atom:
            case Listing(items):
                rounds.extend(items)
            case Mapping(entries):
                rounds.extend(key for key, _ in entries)
            case About():
                rounds.append(one(atom))
            case _:
                rounds.extend(_members(atom))
    return rounds[:MAX_ITERATIONS] or [UNKNOWN]


def _members(atom: object) -> list[Values]:
    return [one(About(model)) for model in models_in(one(atom))]  # type: ignore[arg-type]


def _branch(run: "Interpreter", node: ast.If, frame: Frame) -> bool:
    evaluate(run, node.test, frame)
    if (known := conditions.outcome(run, node.test, frame)) is not None:
        return block(run, node.body if known else node.orelse, frame)
    outer = frame.methods
    inside, otherwise = narrowed(node.test, outer)
    before = dict(frame.names)
    frame.methods = inside
    first = block(run, node.body, frame)
    after_first = frame.names
    frame.names, frame.methods = dict(before), otherwise
    second = block(run, node.orelse, frame)
    frame.methods = outer
    if not first and second:
        frame.methods = otherwise
    elif first and not second:
        frame.methods = inside
    frame.names = _merged([names for names, alive in ((after_first, first), (frame.names, second)) if alive], before)
    return first or second


def _merged(alive: list[dict[str, Values]], before: dict[str, Values]) -> dict[str, Values]:
    if not alive:
        return before
    if len(alive) == 1:
        return alive[0]
    names = dict.fromkeys(name for one_of in alive for name in one_of)
    return {name: _either_of([one_of[name] for one_of in alive if name in one_of]) for name in names}


def _either_of(several: list[Values]) -> Values:
    """What a name may be after branches, most of which leave most names as they were."""
    return several[0] if all(values is several[0] for values in several) else join(*several)


def _either(run: "Interpreter", bodies: list[list[ast.stmt]], frame: Frame) -> None:
    before = dict(frame.names)
    alive = [before]
    for body in bodies:
        frame.names = dict(before)
        block(run, body, frame)
        alive.append(frame.names)
    frame.names = _merged(alive, before)


def _loop(run: "Interpreter", node: ast.For | ast.AsyncFor, frame: Frame) -> None:
    before = dict(frame.names)
    alive = [before]
    for value in items_of(evaluate(run, node.iter, frame)):
        assign(run, node.target, value, frame, node)
        block(run, node.body, frame)
        alive.append(dict(frame.names))
    frame.names = _merged(alive, before)
    block(run, node.orelse, frame)


def _with(run: "Interpreter", node: ast.With | ast.AsyncWith, frame: Frame) -> bool:
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415

    for item in node.items:
        value = evaluate(run, item.context_expr, frame)
        if writes.is_transaction(item.context_expr, value):
            frame.effects.append(Commit(run.place(item.context_expr, frame), methods=frame.methods, managed=True))
        entered: list[Values] = []
        for atom in value:
            methods = (
                [*atom.cls.lookup("__aenter__"), *atom.cls.lookup("__enter__")] if isinstance(atom, Instance) else []
            )
            for method in methods:
                if isinstance(method, Func):
                    summary = run.call(method.function, one(atom), Arguments())
                    entered.append(run.absorb(summary, method.function.qualified, frame))
        if item.optional_vars is not None:
            assign(run, item.optional_vars, join(*entered) or value, frame, node)
    return block(run, node.body, frame)


def _try(run: "Interpreter", node: ast.Try | ast.TryStar, frame: Frame) -> bool:
    before = dict(frame.names)
    alive = []
    if block(run, node.body, frame) and block(run, node.orelse, frame):
        alive.append(frame.names)
    tried = _merged([before, frame.names], before)
    for handler in node.handlers:
        frame.names = dict(tried)
        if handler.name:
            frame.names[handler.name] = one(Const(None)) if handler.type is None else UNKNOWN
        if block(run, handler.body, frame):
            alive.append(frame.names)
    frame.names = _merged(alive, tried)
    return block(run, node.finalbody, frame) and bool(alive)
