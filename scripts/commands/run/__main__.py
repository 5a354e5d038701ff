"""The command ``scripts/run``: the whole system on this machine, on shipped sites, a corpus, or real domains."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from rich.console import Console

from scrapersky.web.hosts import HostError
from scripts.commands.run.deployment import DeploymentError
from scripts.commands.run.emulator import EmulatorError
from scripts.commands.run.inputs import Inputs, corpus_sites, real_domains, shipped_sites
from scripts.commands.run.internet.corpus import CorpusError
from scripts.commands.run.postgres import PostgresError
from scripts.commands.run.run import Options, run
from scripts.commands.run.synthesis import SynthesisError

EXPLAINED = (CorpusError, HostError, PostgresError, EmulatorError, SynthesisError, DeploymentError)
"""Errors whose message is all that a person needs."""


class Stopped(BaseException):
    """A signal asked for the end; everything is taken down on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 all records ended, 1 some are stuck, 2 it could not run."""
    chosen = parser().parse_args(arguments)
    if chosen.report and not chosen.report.parent.is_dir():
        parser().error(f"--report {chosen.report}: there is no folder {chosen.report.parent}")
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    options = Options(
        report=chosen.report,
        keep=chosen.keep,
        timeout=chosen.timeout,
        tick_seconds=chosen.tick_seconds,
        database_server=os.environ.get("DATABASE_URL"),
    )
    try:
        return run(inputs(chosen), options, console)
    except EXPLAINED as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    except Stopped as stopped:
        console.print("Stopped; nothing is left running.")
        return 128 + stopped.number


def inputs(chosen: argparse.Namespace) -> Inputs:
    """What the command line asks to work on."""
    if chosen.domain:
        return real_domains(chosen.domain)
    return corpus_sites(chosen.sites) if chosen.sites else shipped_sites()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="scripts/run",
        description=__doc__,
        epilog="DATABASE_URL=postgresql://… uses that Postgres, in a new database that is dropped at the end.",
    )
    made.add_argument(
        "--sites", type=Path, metavar="DIR", help="serve and work on a folder with sites.jsonl and sites/"
    )
    made.add_argument("--domain", nargs="+", metavar="NAME", help="work on real domains of the internet instead")
    made.add_argument("--report", type=Path, metavar="FILE", help="write what was found as JSON")
    made.add_argument("--keep", action="store_true", help="leave it running, on the real schedule, until Ctrl-C")
    made.add_argument("--timeout", type=float, default=900, metavar="S", help="seconds the work may take (900)")
    made.add_argument(
        "--tick-seconds", type=float, default=0.5, metavar="S", help="seconds between pressed ticks (0.5)"
    )
    return made


def _stop(number: int, _: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)  # taking down takes a second or two, and must not be cut short
    raise Stopped(number)


if __name__ == "__main__":
    sys.exit(main())
