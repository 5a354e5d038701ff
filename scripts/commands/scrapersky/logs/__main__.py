"""``scripts/logs QUERY [--stage S] [name=value …]``: runs a saved query and prints its rows."""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from scripts.commands.scrapersky.logs import local
from scripts.commands.scrapersky.logs.query import Mistake, Query, names
from scripts.commands.scrapersky.logs.stage import Logs, Row, json_lines

SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    given = parser().parse_args(arguments)
    try:
        rows = run(given)
    except (Mistake, ClientError, BotoCoreError, OSError) as mistake:
        print(f"scripts/logs: {mistake}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        show(rows, Console())
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments, with every query and what it is for."""
    queries = "\n".join(f"  {name:24}{Query.named(name).purpose}" for name in names())
    made = argparse.ArgumentParser(
        prog="scripts/logs",
        description="Runs a saved query on a stage's logs. With --endpoint (scripts/run --keep prints it) or --file only "
        f"{', '.join(local.HERE)}.",
        epilog=f"queries:\n{queries}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("query", metavar="QUERY")
    made.add_argument("values", nargs="*", metavar="name=value", help="what the query asks for")
    made.add_argument("--stage", default="dev")
    made.add_argument("--since", type=_seconds, default=3 * 3_600, metavar="3h", help="how far back: 30m, 3h, 2d")
    made.add_argument("--region", help="AWS region (else AWS_REGION or the profile's)")
    made.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL"), help="an emulated AWS")
    made.add_argument("--file", type=Path, help="JSON lines in a file (or - ) instead of a stage's logs")
    made.add_argument("--json", action="store_true", help="the rows as JSON")
    return made


def run(given: argparse.Namespace) -> list[Row]:
    """The rows. Raises :class:`Mistake`."""
    query = Query.named(given.query)
    values = _values(given.values)
    text = query.with_values(values)
    if given.file:
        said = sys.stdin.read() if str(given.file) == "-" else given.file.read_text(errors="replace")
        return local.answer(query.name, json_lines(iter(said.splitlines())), values)
    emulated = given.endpoint is not None and urlsplit(given.endpoint).hostname in {"127.0.0.1", "localhost", "::1"}
    made_up = "test" if emulated else None
    session = boto3.Session(made_up, made_up, region_name=given.region or ("us-east-1" if emulated else None))
    logs = Logs(
        stage="local" if emulated else given.stage,
        lambda_=session.client("lambda", endpoint_url=given.endpoint),
        logs=session.client("logs", endpoint_url=given.endpoint),
    )
    if emulated:
        return local.answer(query.name, logs.lines(given.since), values)
    return logs.insights(text, given.since)


def show(rows: Sequence[Row], console: Console) -> None:
    """Prints the rows as a table."""
    if not rows:
        console.print("No lines match.")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    console.print(table)


def _values(given: Sequence[str]) -> Mapping[str, str]:
    values = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Mistake(f"{one!r}: name=value is right")
        values[name] = value
    return values


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r}: 30m, 3h or 2d is right")
    return int(match[1]) * SECONDS[match[2]]


if __name__ == "__main__":
    sys.exit(main())
