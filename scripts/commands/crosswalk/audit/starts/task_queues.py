"""Celery, Dramatiq, RQ, Huey, arq, taskiq, Procrastinate, Temporal, and queues in memory: calls that hand work to workers."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import memory_queues
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    Atom,
    External,
    Func,
    Made,
    Values,
)
from scripts.commands.crosswalk.audit.effects import Start
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.starts.recording import (
    defer,
    effect,
    names_of,
    rest,
    source,
)

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

QUEUE_VERBS = frozenset(
    {"apply_async", "send_task", "enqueue_job", "enqueue_in", "enqueue_at", "enqueue_call", "kiq", "basic_publish"}
)
CANVASES = frozenset({"celery.chain", "celery.group", "celery.chord", "celery.chunks"})
"""What Celery calls workflows: ``group(…)()`` sends them."""


def jobs_and_tasks(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """A task sent to a queue of workers, or a job's function called in the route itself."""
    functions = [atom for atom in (*call.owners, *call.callees) if isinstance(atom, Func)]
    if call.name in (
        "delay",
        "apply_async",
        "send",
        "send_with_options",
        "kiq",
        "schedule",
        "defer",
        "defer_async",
        "s",
        "si",
    ):
        tasks = [atom for atom in call.owners if isinstance(atom, Func)]
        unseen = [a for a in call.owners if _is_task_from_outside(a, call.name)]
        if call.name in ("s", "si"):
            return Values(tasks) if tasks else None
        if tasks or unseen:
            effect(run, frame, call.node, "task_queue", source(call))
            defer(run, Values(tasks), call.arguments, frame)
            return UNKNOWN
    if call.name in QUEUE_VERBS and not any(isinstance(atom, Func) for atom in call.callees):
        effect(run, frame, call.node, "task_queue", source(call))
        return UNKNOWN
    if call.name == "start_workflow" and "task_queue" in call.arguments.keywords and call.is_foreign:  # Temporal's
        effect(run, frame, call.node, "task_queue", source(call))
        return UNKNOWN
    if call.name == "enqueue" and call.is_foreign and call.arguments.positional:
        effect(run, frame, call.node, "task_queue", source(call))
        defer(run, call.arguments.get(0), rest(call, 1), frame)
        return UNKNOWN
    if any(name in CANVASES for name in names_of(call.callees)) and not isinstance(
        call.node.func, ast.Name | ast.Attribute
    ):
        effect(run, frame, call.node, "task_queue", source(call))
        return UNKNOWN
    if functions and all(f.function.task for f in functions) and not call.owners and call.callees:
        tasked = [f for f in functions if isinstance(f, Func)]
        kind: Start = "task_queue" if all(f.function.sent for f in tasked) else "job"
        effect(run, frame, call.node, kind, f"{tasked[0].function.qualified}()")
        defer(run, Values(tasked), call.arguments, frame)
        return UNKNOWN
    return None


def _is_task_from_outside(owner: Atom, verb: str) -> bool:
    """Whether a task is meant that the tree does not define, or that it makes of an object: ``dramatiq.actor(Mailing())``."""
    if not isinstance(owner, External | Made):
        return False
    if verb in ("delay", "apply_async") and (isinstance(owner, External) or owner.name.startswith("celery.")):
        return True
    return verb in ("send", "send_with_options") and owner.name in ("dramatiq.Actor", "dramatiq.actor")


def queues_in_memory(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """Work put into a queue from which a worker of the same process takes it."""
    workers = memory_queues.put(run, call, frame)
    if workers is None:
        return None
    from scripts.commands.crosswalk.audit.interpreter import Arguments  # noqa: PLC0415

    effect(run, frame, call.node, "memory_queue", source(call))
    defer(run, workers, Arguments(), frame)
    return UNKNOWN
