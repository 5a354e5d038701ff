"""APScheduler and its like: calls that change what is scheduled."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    Func,
    Listing,
    Made,
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

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

SCHEDULER_VERBS = frozenset(
    [
        "start",
        "add_job",
        "modify_job",
        "reschedule_job",
        "pause_job",
        "resume_job",
        "remove_job",
        "remove_all_jobs",
        "pause",
        "resume",
        "shutdown",
        "wakeup",
        "run_job",
        "add_schedule",
        "remove_schedule",
    ]
)
JOB_VERBS = frozenset({"modify", "reschedule", "pause", "resume", "remove"})
BY_ID_VERBS = frozenset({"pause_job", "resume_job", "remove_job"})
"""Of APScheduler they take a job's id and a store's name; a service's method that is called so takes more."""
CLEAR_SCHEDULER_VERBS = frozenset(
    {"add_job", "modify_job", "reschedule_job", "pause_job", "resume_job", "remove_job", "remove_all_jobs"}
)


def scheduler(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """A job added, changed or run by hand, or the scheduler itself started or stopped."""
    if not isinstance(call.node.func, ast.Attribute) or not call.is_foreign:
        return None
    names = [name.lower() for name in names_of(call.owners)]
    last = call.owner_source.lower().removesuffix("()").rsplit(".", 1)[-1]
    is_made = any("apscheduler" in n or n.rsplit(".", 1)[-1].endswith("scheduler") for n in names if "get_job" not in n)
    is_job = any(n.endswith((".get_job", ".add_job")) for n in names)
    by_name = last.endswith(("scheduler", "sched")) or last == "scheduler"
    clear = call.name in CLEAR_SCHEDULER_VERBS and not (
        call.name in BY_ID_VERBS and call.arguments.keywords.keys() - {"job_id", "jobstore"}
    )
    if call.name in SCHEDULER_VERBS and (is_made or by_name or clear):
        if call.name in ("add_job", "add_schedule"):
            for atom in call.arguments.get(0, "func"):
                if isinstance(atom, Func):
                    atom.function.job = True
        effect(run, frame, call.node, "scheduler", source(call))
        if frame.function is not None and call.name == "add_job":
            defer(run, call.arguments.get(0, "func"), rest(call, 99), frame)
        return one(Made("apscheduler.add_job"))
    if call.name in JOB_VERBS and is_job:
        effect(run, frame, call.node, "scheduler", source(call))
        return UNKNOWN
    if call.name == "func" and is_job:
        effect(run, frame, call.node, "job", source(call))
        return UNKNOWN
    if call.name in ("get_job", "get_jobs") and (is_made or by_name):
        job = one(Made("apscheduler.get_job"))
        return job if call.name == "get_job" else one(Listing((job,)))
    return None
