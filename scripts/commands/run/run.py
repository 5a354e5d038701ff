"""The local run: start the system, queue records, show them pass through the pipeline, end when all is quiet."""

from __future__ import annotations

import argparse
import json
import shlex
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from rich.console import Console
from sqlalchemy import Engine

from scrapersky.errors import plural
from scrapersky.runtime.registry import SERVICES
from scrapersky.web.hosts import HostError
from scripts.commands.console.proxy import serving
from scripts.commands.console.upstream import Signature
from scripts.commands.run import databases
from scripts.commands.run.databases import DatabaseError
from scripts.commands.run.deployment import DeploymentError
from scripts.commands.run.emulator import REGION, EmulatorError
from scripts.commands.run.inputs import SEARCH, Inputs, corpus_sites, real_domains, shipped_sites
from scripts.commands.run.internet.corpus import CorpusError
from scripts.commands.run.leads import contacts, show_cards, write_csv
from scripts.commands.run.postgres import PostgresError
from scripts.commands.run.progress import LEGEND, Progress, display, waiting, watch
from scripts.commands.run.report import Failure, failures, report, summarise, unfinished
from scripts.commands.run.synthesis import SynthesisError
from scripts.commands.run.system import STAGE, System, run_folder
from scripts.commands.run.ticks import invoking_ticks

EXPLAINED = (CorpusError, HostError, DatabaseError, PostgresError, EmulatorError, SynthesisError, DeploymentError)
"""Errors whose message is all that a person needs."""

LOOK_SECONDS = 0.25
KEEP_LOOK_SECONDS = 2
EXAMPLES = 20


@dataclass(frozen=True)
class Options:
    """How to run. ``tick_seconds`` is the time between ticks; ``timeout`` bounds the work, both in seconds."""

    report: Path | None = None
    leads: Path | None = None
    keep: bool = False
    open: bool = False
    timeout: float = 900
    tick_seconds: float = 0.5
    database_server: str | None = None


def execute(chosen: argparse.Namespace, database_server: str | None) -> int:
    """Run with the parsed arguments ``chosen``; return the exit status: 2 when the system could not be started."""
    options = Options(
        report=chosen.report,
        leads=chosen.leads,
        keep=chosen.keep or chosen.open,
        open=chosen.open,
        timeout=chosen.timeout,
        tick_seconds=chosen.tick_seconds,
        database_server=database_server,
    )
    try:
        return run(_inputs(chosen), options, Console())
    except EXPLAINED as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 2


def _inputs(chosen: argparse.Namespace) -> Inputs:
    if chosen.domain:
        return real_domains(chosen.domain)
    return corpus_sites(chosen.sites) if chosen.sites else shipped_sites(chosen.search or SEARCH)


def run(inputs: Inputs, options: Options, console: Console) -> int:
    """Run everything; return the exit status: 0 when every record ended, 1 when some did not within the timeout."""
    with started(inputs, options, console) as system:
        engine = databases.engine(system.database_url)
        try:
            return work(system, engine, inputs, options, console)
        finally:
            engine.dispose()


@contextmanager
def started(inputs: Inputs, options: Options, console: Console) -> Iterator[System]:
    """Start the system, and print each step with the seconds since the start."""
    began = time.monotonic()

    def step(text: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f} s  {text}", highlight=False, soft_wrap=True, markup=False)

    where = "on the real internet" if inputs.websites is None else "served on this machine"
    console.print(f"Starting the system for {inputs.title}, {where}", highlight=False, soft_wrap=True, markup=False)
    with (
        run_folder() as folder,
        System.start(
            folder,
            inputs.websites,
            without_https=inputs.without_https,
            mail=inputs.mail,
            database_server=options.database_server,
            report=step,
        ) as system,
    ):
        step("the system runs")
        yield system


def work(system: System, engine: Engine, inputs: Inputs, options: Options, console: Console) -> int:
    """Queue the inputs, watch until all is quiet, report what was found; return the exit status."""
    began = time.monotonic()
    inputs.queue(engine)
    if inputs.explanation:
        console.print(inputs.explanation, highlight=False, soft_wrap=True, markup=False)
    quiet, errors = drain(system, engine, options, console, title=inputs.title)
    seconds = time.monotonic() - began
    with engine.connect() as connection:
        summarise(console, connection, seconds)
        leads = contacts(connection)
        show_cards(console, leads)
        if options.leads:
            write_csv(options.leads, leads)
            console.print(f"\nThe contacts are in {options.leads}.", highlight=False, soft_wrap=True, markup=False)
        if options.report:
            found = report(connection, inputs.names, seconds)
            options.report.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            console.print(f"\nThe report is in {options.report}.", highlight=False, soft_wrap=True)
        left = [] if quiet else unfinished(connection)
        offline = inputs.websites is None and no_lookup_worked(failures(connection), len(inputs.names))
    if offline:
        console.print(
            "\nNo name could be resolved. Is this machine connected to the internet, with a working DNS resolver?",
            style="red",
            soft_wrap=True,
        )
    for error in dict.fromkeys(errors):
        console.print(error, style="red", markup=False, highlight=False, soft_wrap=True)
    if left:
        _report_unfinished(system, left, options, console)
    if options.keep:
        keep(system, engine, options, console)
    return 1 if left else 0


def drain(
    system: System, engine: Engine, options: Options, console: Console, *, title: str
) -> tuple[bool, Sequence[str]]:
    """Invoke ticks and show progress until no record is Queued or Processing.

    Returns whether that happened within the timeout, and the errors of ticks.
    """
    progress = Progress()
    give_up = time.monotonic() + options.timeout
    with (
        display(title, console) as show,
        invoking_ticks(system, every=options.tick_seconds, has_work=progress.has_work) as errors,
    ):
        for now in watch(engine, progress, every=LOOK_SECONDS):
            show(now)
            if not waiting(now.counts) or time.monotonic() > give_up:
                return not waiting(now.counts), errors
    raise AssertionError("watch() never ends")


def no_lookup_worked(failed: Sequence[Failure], domains: int) -> bool:
    """Return whether each of ``domains`` real domains failed because its name could not be resolved."""
    return len(failed) >= domains and all(failure.code == "dns" for failure in failed)


def keep(system: System, engine: Engine, options: Options, console: Console) -> None:
    """Print how to use the running system, then a line whenever something changes, until interrupted."""

    def show(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def announce(link: str) -> None:
        show(f"\nThe console, in your browser (the link works once):\n{link}")

    show(how_to_use(system, hide_password=options.database_server is not None))
    with serving(system.api_url, signature(system), announce) as running:
        if options.open:
            webbrowser.open(running.link)
        show(f"\nRecords per workflow, printed whenever they change:\n({LEGEND})")
        printed = ""
        for progress in watch(engine, Progress(), every=KEEP_LOOK_SECONDS):
            if progress.line() != printed:
                printed = progress.line()
                show(printed)


def signature(system: System) -> Signature:
    """Return what signs requests to the local API."""
    keys = system.aws.environment
    return Signature(boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), REGION)


def how_to_use(system: System, *, hide_password: bool) -> str:
    """Return the lines to paste into another terminal; each fits 80 columns, so that none is wrapped in the middle."""
    variables = {**system.aws.environment, "SCRAPERSKY_STAGE": STAGE, "API_URL": system.api_url}
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    function = system.deployed(SERVICES[0]).function
    return f"""
The system runs on the schedule of the stack's own rules. Ctrl-C stops it.
To use it in another terminal (scripts/scrapersky, the AWS CLI, boto3), paste:

{exports}

Then, for example:

scripts/scrapersky status

psql {shlex.quote(databases.psql_url(system.database_url, hide_password=hide_password))}

# The curation API accepts any Authorization header here, and in the cloud
# only signed requests.
curl -H 'Authorization: local' "$API_URL/domains?limit=3"

# AWS CLI version 2
aws lambda invoke --function-name {function}:live \\
  --cli-binary-format raw-in-base64-out \\
  --payload '{{"action": "status"}}' /dev/stdout

The functions' log:
  {system.aws.log}"""


def _report_unfinished(system: System, left: Sequence[str], options: Options, console: Console) -> None:
    console.print(
        f"\n{plural(len(left), 'record')} did not end within {options.timeout:g} s:", style="bold red", highlight=False
    )
    for line in left[:EXAMPLES]:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if len(left) > EXAMPLES:
        console.print(f"  … and {len(left) - EXAMPLES} more", highlight=False)
    log = system.aws.log.read_text(errors="replace")[-3_000:]
    console.print(f"\nThe end of the functions' log:\n{log}", markup=False, highlight=False, soft_wrap=True)
