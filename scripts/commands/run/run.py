"""The local run: brings everything up, queues records, shows them going through the pipeline, ends when all is quiet."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from scripts.commands.run import databases, findings
from scripts.commands.run.display import display
from scripts.commands.run.folder import own_folder
from scripts.commands.run.inputs import Inputs
from scripts.commands.run.keep import keep
from scripts.commands.run.progress import Progress, waiting, watch
from scripts.commands.run.report import report
from scripts.commands.run.summary import summarise
from scripts.commands.run.system import System
from scripts.commands.run.ticks import pressing

LOOK_SECONDS = 0.25
EXAMPLES = 20


@dataclass(frozen=True)
class Options:
    """How to run. ``tick_seconds`` is how often ticks are pressed; ``timeout`` bounds the work, both in seconds."""

    report: Path | None = None
    keep: bool = False
    timeout: float = 900
    tick_seconds: float = 0.5
    database_server: str | None = None


def run(inputs: Inputs, options: Options, console: Console) -> int:
    """The whole run; returns the exit status: 0 when every record ended, 1 when some are stuck."""
    began = time.monotonic()
    internet = (
        "the internet is the real one" if inputs.websites is None else f"{len(inputs.websites)} hosts of internet"
    )
    console.print(f"Bringing up Postgres and AWS ({internet}) …", highlight=False, soft_wrap=True)
    with (
        own_folder() as folder,
        System.start(
            folder,
            inputs.websites,
            without_https=inputs.without_https,
            database_server=options.database_server,
        ) as system,
    ):
        console.print(f"The stack is deployed, {time.monotonic() - began:.1f} s after the start.", highlight=False)
        engine = databases.engine(system.database_url)
        try:
            return work(system, engine, inputs, options, console)
        finally:
            engine.dispose()


def work(system: System, engine: Engine, inputs: Inputs, options: Options, console: Console) -> int:
    """Queues the inputs, watches until all is quiet, tells what was found; returns the exit status."""
    began = time.monotonic()
    inputs.queue(engine)
    quiet, trouble = drain(system, engine, options, console, title=inputs.title)
    seconds = time.monotonic() - began
    with engine.connect() as connection:
        summarise(console, connection, seconds)
        if options.report:
            found = report(connection, inputs.names, seconds)
            options.report.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            console.print(f"\nThe report is in {options.report}.", highlight=False, soft_wrap=True)
        left = [] if quiet else findings.stuck(connection)
    for complaint in dict.fromkeys(trouble):
        console.print(complaint, style="red", markup=False, highlight=False, soft_wrap=True)
    if left:
        _tell_of_stuck(system, left, options, console)
    if options.keep:
        keep(system, engine, console, password_is_ours=options.database_server is None)
    return 1 if left else 0


def drain(
    system: System, engine: Engine, options: Options, console: Console, *, title: str
) -> tuple[bool, Sequence[str]]:
    """Presses ticks and shows progress until nothing is Queued or Processing.

    Returns whether that came within the timeout, and what went wrong with ticks.
    """
    progress = Progress()
    give_up = time.monotonic() + options.timeout
    with (
        display(title, console) as show,
        pressing(system, every=options.tick_seconds, has_work=progress.has_work) as trouble,
    ):
        for now in watch(engine, progress, every=LOOK_SECONDS):
            show(now)
            if not waiting(now.counts) or time.monotonic() > give_up:
                return not waiting(now.counts), trouble
    raise AssertionError("watching never ends by itself")


def _tell_of_stuck(system: System, left: Sequence[str], options: Options, console: Console) -> None:
    console.print(f"\n{len(left)} records did not end within {options.timeout:g} s:", style="bold red", highlight=False)
    for line in left[:EXAMPLES]:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if len(left) > EXAMPLES:
        console.print(f"  … and {len(left) - EXAMPLES} more", highlight=False)
    said = system.aws.log.read_text(errors="replace")[-3_000:]
    console.print(f"\nThe functions' last words:\n{said}", markup=False, highlight=False, soft_wrap=True)
