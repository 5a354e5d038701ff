"""The command ``logs``: run a saved query on the logs of a stage, of the local run, or of a file."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.display import cell, expanded, table
from scripts.commands.scrapersky.errors import CommandError, InvalidCommand
from scripts.commands.scrapersky.logs.insights import Line, run
from scripts.commands.scrapersky.logs.query import Query, names
from scripts.commands.scrapersky.logs.source import Logs, lines_of
from scripts.commands.scrapersky.remote import client

SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def logs(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", autocompletion=names, help="Its name; without one, list all.")
    ] = None,
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Its parameters.")] = None,
    since: Annotated[str, typer.Option(metavar="AGE", help="How far back: 30m, 3h, 2d.")] = "3h",
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines of a file (- is standard input) instead of a stage's.")
    ] = None,
    stage: options.Stage = "dev",
    region: options.Region = None,
    endpoint: options.Endpoint = None,
    as_json: options.AsJson = False,
) -> None:
    """Run a saved query on a stage's logs. Without QUERY, list the queries."""
    if query is None:
        rows: list[Line] = [{"Query": name, "Purpose": Query.named(name).purpose} for name in names()]
    else:
        text = Query.named(query).with_values(_values(values or ()))
        try:
            rows = _rows(text, _seconds(since), file, stage, region, endpoint)
        except OSError as error:
            raise InvalidCommand(str(error)) from None
        except (ClientError, BotoCoreError) as error:
            raise CommandError(str(error)) from None
    print(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else "\n".join(show(rows)))


def _rows(text: str, since: int, file: Path | None, stage: str, region: str | None, endpoint: str | None) -> list[Line]:
    if file:
        saved = sys.stdin.read() if str(file) == "-" else file.read_text(errors="replace")
        return run(text, lines_of(saved))
    local = options.is_local(endpoint)
    source = Logs("local" if local else stage, client("lambda", endpoint, region), client("logs", endpoint, region))
    return run(text, source.lines(since)) if local else source.insights(text, since)


def show(rows: Sequence[Line]) -> Iterator[str]:
    """Yield a table, or blocks of ``field  value`` where a row has no room on the terminal's line.

    In a pipe each row is one line, however long, unless a value has several lines itself.
    """
    if not rows:
        yield "No lines match."
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [["" if row.get(name) is None else cell(row[name]) for name in columns] for row in rows]
    lines = list(table(columns, cells))
    too_wide = sys.stdout.isatty() and max(map(len, lines)) > shutil.get_terminal_size().columns
    in_several_lines = any("\n" in value for row in cells for value in row)
    yield from expanded(columns, cells) if too_wide or in_several_lines else lines


def _values(given: Sequence[str]) -> dict[str, str]:
    values = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise InvalidCommand(f"{one!r}: name=value is needed")
        values[name] = value
    return values


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if not match:
        raise InvalidCommand(f"--since {text!r}: valid are numbers with m, h or d, such as 30m, 3h or 2d")
    return int(match[1]) * SECONDS[match[2]]
