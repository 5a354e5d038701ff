"""The command line's grammar. Completion and help are read off it, so that neither can differ from what is accepted."""

from __future__ import annotations

import argparse
import getpass
import os

from scrapersky.runtime.registry import WORKFLOWS

EXIT_CODES = "Exit status: 0 done, 1 the service refused or could not be reached, 2 the command was wrong."


def workflow(text: str) -> str:
    """A workflow's name; hyphens count as underscores."""
    name = text.strip().lower().replace("-", "_")
    if name not in WORKFLOWS:
        raise argparse.ArgumentTypeError(f"there is no workflow {text!r}; there are: {', '.join(WORKFLOWS)}")
    return name


def record_id(text: str) -> int:
    """A record's id, as the database counts them."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a record's id is right, a whole number from 1")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--stage", default=os.environ.get("SCRAPERSKY_STAGE", "dev"), help="deployment (SCRAPERSKY_STAGE, else dev)"
    )
    shared.add_argument("--region", help="AWS region (else AWS_REGION or the profile's)")
    shared.add_argument(
        "--endpoint",
        default=os.environ.get("AWS_ENDPOINT_URL") or None,
        help="an emulated AWS, such as scripts/run --keep prints (AWS_ENDPOINT_URL)",
    )
    shared.add_argument("--json", action="store_true", help="the answer as JSON, for a program")

    told = argparse.ArgumentParser(add_help=False)
    told.add_argument("--actor", default=_me(), help=f"who does it, for the audit trail ({_me()})")

    made = argparse.ArgumentParser(
        prog="scrapersky", description="Asks and steers the background services of a stage.", epilog=EXIT_CODES
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    one = commands.add_parser("status", parents=[shared], help="counts, ages, pauses and invariant breaches")
    _takes_workflow(one, nargs="?")

    one = commands.add_parser("explain", parents=[shared], help="one record's timeline")
    _takes_workflow(one)
    _takes_ids(one, "id")

    one = commands.add_parser("run", parents=[shared], help="claim and fan out now, instead of at the next tick")
    _takes_workflow(one, nargs="?")
    _takes_ids(one, "--ids", nargs="+")
    one.add_argument("--limit", type=int, metavar="N", help="claim at most so many per workflow")
    one.add_argument("--dry-run", action="store_true", help="only say how many are queued")

    one = commands.add_parser("process", parents=[shared], help="work on one Queued record now, and tell its end")
    _takes_workflow(one)
    _takes_ids(one, "id")

    one = commands.add_parser("enqueue", parents=[shared, told], help="queue records by id")
    _takes_workflow(one)
    _takes_ids(one, "ids", nargs="+")
    one.add_argument("--reason", default="enqueued by hand", help="why (enqueued by hand)")

    one = commands.add_parser("requeue", parents=[shared, told], help="queue again, by ids or by error code")
    _takes_workflow(one)
    _takes_ids(one, "ids", nargs="*")
    one.add_argument("--error-code", metavar="CODE", help="all records with this error, such as http_403")
    one.add_argument("--limit", type=int, metavar="N", help="at most so many (100; ids: all of them)")
    one.add_argument("--spread-seconds", type=float, metavar="S", help="make them due over this time, not at once")
    one.add_argument("--reason", required=True, help="why, for the audit trail")

    for name, what in (("cancel", "Queued → New"), ("abandon", "Processing → Error, its worker's result discarded")):
        one = commands.add_parser(name, parents=[shared, told], help=what)
        _takes_workflow(one)
        _takes_ids(one, "ids", nargs="+")
        one.add_argument("--reason", required=True, help="why, for the audit trail")

    for name, what in (("pause", "stop claims; work in flight goes on"), ("resume", "let claims go on")):
        one = commands.add_parser(name, parents=[shared, told], help=what)
        _takes_workflow(one, nargs="?")
        one.add_argument("--all", action="store_true", help="every workflow of every service")
        one.add_argument("--reason", required=True, help="why, for the audit trail")
        if name == "pause":
            one.add_argument("--seconds", type=float, metavar="S", help="resume by itself after this time")

    one = commands.add_parser(
        "doctor", parents=[shared], help="what is wrong with a stage or a database, and what mends it"
    )
    one.add_argument("--database-url", metavar="URL", help="this database (DATABASE_URL)")
    one.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

    one = commands.add_parser("completion", help="what a shell needs to complete commands")
    one.add_argument("shell", choices=("bash", "zsh"))
    return made


def _takes_workflow(command: argparse.ArgumentParser, nargs: str | None = None) -> None:
    command.add_argument("workflow", nargs=nargs, type=workflow, metavar="WORKFLOW", help=", ".join(WORKFLOWS))


def _takes_ids(command: argparse.ArgumentParser, name: str, nargs: str | None = None) -> None:
    command.add_argument(name, nargs=nargs, type=record_id, metavar="ID", help="records' ids")


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "operator"
