"""Conditions whose outcome is known: an equation of words, a name that is or is not among them."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import attributes
from scripts.commands.crosswalk.audit.atoms import ClassRef, Const, Listing, Mapping, Member, Values, text_of
from scripts.commands.crosswalk.audit.scope import Frame, Function

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter


def is_possible(run: "Interpreter", test: ast.expr, frame: Frame) -> bool:
    """Whether a comprehension's ``test`` may hold; False only when known values do not fulfil it."""
    from scripts.commands.crosswalk.audit.expressions import evaluate  # noqa: PLC0415

    evaluate(run, test, frame)
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _may_be_equal(evaluate(run, left, frame), evaluate(run, right, frame))
        case _:
            return _outcome(run, test, frame, None) is not False


def outcome(run: "Interpreter", test: ast.expr, frame: Frame) -> bool | None:
    """Whether the ``test`` of an ``if`` holds, where it asks for the word that a loop or a call gave to a name; else None.

    A name that is assigned in the function may have another value in the next round of a loop, and a parameter with a
    default another one from a caller that was not read.
    """
    return _outcome(run, test, frame, frame.function) if frame.function else None


def _outcome(run: "Interpreter", test: ast.expr, frame: Frame, function: Function | None) -> bool | None:
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


def _compared(run: "Interpreter", name: str, operator: ast.cmpop, right: ast.expr, frame: Frame) -> bool | None:
    from scripts.commands.crosswalk.audit.expressions import evaluate, name_in  # noqa: PLC0415

    known = name_in(run, name, frame)
    word = text_of(known) if len(known) == 1 else None
    if word is None:
        return None
    other = evaluate(run, right, frame)
    if isinstance(operator, ast.Eq | ast.NotEq):
        same = text_of(other) if len(other) == 1 else None
        return None if same is None else (word == same) == isinstance(operator, ast.Eq)
    if isinstance(operator, ast.In | ast.NotIn) and (among := _listed(other)) is not None:
        return (word in among) == isinstance(operator, ast.In)
    return None


def _listed(values: Values) -> set[str] | None:
    """The words of one list, set or dict of nothing but words."""
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
    """Names that a function assigns, and its parameters with a default."""
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
    """The texts that a value may be; None when it may be something else."""
    found: set[str] = set()
    for atom in values:
        choice = attributes.words_of_choice(atom)
        if isinstance(atom, Const) and isinstance(atom.value, str):
            found.add(atom.value)
        elif choice is not None:
            found |= choice
        else:
            return None
    return frozenset(found)
