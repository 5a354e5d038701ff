"""Calls that start or run background work, or change its scheduler."""

from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import Values
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.starts.after_the_response import background_tasks
from scripts.commands.crosswalk.audit.starts.elsewhere import aws, http
from scripts.commands.crosswalk.audit.starts.in_the_process import asyncio_tasks, thread_objects, threads
from scripts.commands.crosswalk.audit.starts.recording import defer, effect
from scripts.commands.crosswalk.audit.starts.schedulers import scheduler
from scripts.commands.crosswalk.audit.starts.task_queues import jobs_and_tasks, queues_in_memory

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

__all__ = ["call", "defer", "effect"]

KINDS = (
    jobs_and_tasks, scheduler, background_tasks, asyncio_tasks, threads, thread_objects, queues_in_memory, aws, http,
)  # fmt: skip


def call(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """Records what is started; None when the call is for others to understand."""
    for recognise in KINDS:
        given = recognise(run, call, frame)
        if given is not None:
            return given
    return None
