"""Starlette's background tasks: what runs when the response is sent."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    Const,
    Func,
    Instance,
    Made,
    Pattern,
    Values,
    one,
)
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.starts.recording import (
    defer,
    effect,
    names_of,
    rest,
    source,
)
from scripts.commands.crosswalk.audit.written import last_name

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

TIDYING = frozenset({"close", "aclose", "unlink", "remove", "rmtree", "rmdir", "cleanup", "shutdown"})


def background_tasks(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """``add_task`` and ``BackgroundTask``."""
    names = names_of(call.callees)
    target = call.arguments.get(0, "func")
    if call.name in ("add_task", "BackgroundTask") and _tidies_up(call, target):
        return one(Made("starlette.background.BackgroundTask"))
    if any(n == "fastapi_events.dispatcher.dispatch" for n in names):  # its handlers run after the response
        effect(run, frame, call.node, "background_task", source(call))
        return UNKNOWN
    if any(n.endswith("BackgroundTask") for n in names):
        effect(run, frame, call.node, "background_task", source(call))
        defer(run, call.arguments.get(0, "func"), rest(call, 1), frame)
        return one(Made("starlette.background.BackgroundTask"))
    known = any("BackgroundTasks" in name for name in names_of(call.owners)) or any(
        isinstance(atom, Instance) and "BackgroundTasks" in atom.cls.outside_bases() for atom in call.owners
    )
    if call.name != "add_task" or not (call.is_foreign or known):
        return None
    is_text = any(isinstance(atom, Const | Pattern) for atom in target)
    likely = "task" in call.owner_source.lower() or "background" in call.owner_source.lower()
    is_call = bool(call.arguments.nodes) and isinstance(call.arguments.nodes[0], ast.Name | ast.Attribute | ast.Lambda)
    if known or (not is_text and (likely or any(isinstance(a, Func) for a in target)) and is_call):
        effect(run, frame, call.node, "background_task", source(call))
        defer(run, target, rest(call, 1), frame)
        return UNKNOWN
    return None


def _tidies_up(call: "Call", target: Values) -> bool:
    """Whether it closes or removes a temporary file once the response is sent (Starlette's documentation of FileResponse).

    Of the tree's own functions only an object's ``close`` does so surely: that of the stream which was sent.
    """
    if not call.arguments.nodes:
        return False
    node = call.arguments.nodes[0]
    own = [atom.function for atom in target if isinstance(atom, Func)]
    closes = all(function.cls is not None and function.name in ("close", "aclose") for function in own)
    if isinstance(node, ast.Lambda):
        node = node.body.func if isinstance(node.body, ast.Call) else node
        closes = True
    return last_name(node) in TIDYING and closes
