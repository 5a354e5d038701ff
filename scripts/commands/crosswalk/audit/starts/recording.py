"""What every kind of start has in common: noting it down, and following what runs later."""

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    External,
    Func,
    Listing,
    Made,
    Partial,
    Values,
    join,
)
from scripts.commands.crosswalk.audit.effects import Start, StartsWork, StatusWrite
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.structured import is_begun_once

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Arguments, Interpreter


def effect(run: "Interpreter", frame: Frame, node: ast.AST, kind: Start, what: str) -> None:
    """Background work starts here."""
    once = kind in ("task", "thread") and isinstance(node, ast.Call) and is_begun_once(node, frame)
    frame.effects.append(StartsWork(run.place(node, frame), kind=kind, what=what, once=once, methods=frame.methods))


def defer(run: "Interpreter", targets: Values, arguments: "Arguments", frame: Frame) -> None:
    """Follows what runs later, for the status fields it writes; they are not the router's own doing."""
    from scripts.commands.crosswalk.audit.calls import called  # noqa: PLC0415

    for atom in targets:
        if isinstance(atom, Func | Partial):
            function, receiver, given = called(atom, arguments)
            summary = run.call(function, receiver, given)
            frame.effects.extend(
                replace(inner.by_way_of(function.qualified, frame.methods), deferred=True)
                for inner in summary.effects
                if isinstance(inner, StatusWrite)
            )


def rest(call: "Call", skip: int) -> "Arguments":
    """The arguments without the first ``skip``, and without those of the scheduler itself."""
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415

    words = {
        n: v for n, v in call.arguments.keywords.items() if n not in ("id", "trigger", "name", "func", "kwargs", "args")
    }
    positional = list(call.arguments.positional[skip:])
    for atom in call.arguments.keywords.get("args", UNKNOWN):
        if isinstance(atom, Listing):
            positional = list(atom.items)
    return Arguments(positional, words)


def source(call: "Call", length: int = 70) -> str:
    """The call as it is written, cut at ``length``."""
    text = ast.unparse(call.node)
    return text if len(text) <= length else text[: length - 1] + "…"


def names_of(values: Values) -> list[str]:
    """The dotted names of what is from outside."""
    return [atom.name for atom in values if isinstance(atom, External | Made)]


def forget_own(call: "Call", frame: Frame) -> None:
    """What the coroutine does was just recorded as the route's own doing, when its call was evaluated: it happens later."""
    own = frame.effects[call.before :]
    frame.effects[call.before :] = [replace(inner, deferred=True) for inner in own if isinstance(inner, StatusWrite)]


def applied(run: "Interpreter", targets: Values, arguments: "Arguments", frame: Frame) -> Values:
    """What the targets give, called now with the arguments."""
    from scripts.commands.crosswalk.audit.calls import called  # noqa: PLC0415

    found = []
    for atom in targets:
        if isinstance(atom, Func | Partial):
            function, receiver, given = called(atom, arguments)
            found.append(run.absorb(run.call(function, receiver, given), function.qualified, frame))
    return join(*found)


def shifted(call: "Call", skip: int) -> "Arguments":
    """The arguments without the first ``skip`` of the positional ones."""
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415

    return Arguments(list(call.arguments.positional[skip:]), dict(call.arguments.keywords))
