"""The commands of ``scripts/scrapersky``, and how a failed one ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from scripts.commands.scrapersky import by_filter, control, options, protection, records, search, status
from scripts.commands.scrapersky.console import console as console_command
from scripts.commands.scrapersky.display import by_workflow
from scripts.commands.scrapersky.errors import CommandError, InvalidCommand
from scripts.commands.scrapersky.logs import command as logs_command
from scripts.commands.scrapersky.verb import add

PROGRAM = "scrapersky"

app = typer.Typer(
    help="Show and control the background services of a stage.",
    epilog="Exit status: 0 done, 1 refused, not reached or not all moved, 2 invalid command.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

add(app, "status", status.status, status.show_status)
add(app, "label", status.label, status.show_label)
add(app, "list", records.list_records, records.show_list)
add(app, "errors", records.errors, records.show_errors)
add(app, "explain", records.explain, records.show_timeline)
add(app, "search", search.search, search.show_search)
add(app, "run", control.run, by_workflow)
add(app, "process", control.process, control.show_process)
add(app, "enqueue", control.enqueue, control.show_moved)
add(app, "requeue", control.requeue, control.show_moved)
add(app, "cancel", control.cancel, control.show_moved)
add(app, "abandon", control.abandon, control.show_moved)
add(app, "decide", by_filter.decide, by_filter.show_decided)
add(app, "pause", control.pause, by_workflow)
add(app, "resume", control.resume, by_workflow)
add(app, "suppress", protection.suppress, protection.show)
add(app, "subject", protection.subject, protection.show_subject)
add(app, "purge", protection.purge, protection.show_subject)
app.command("logs")(logs_command.logs)
app.command("console")(console_command)


@app.command()
def export(
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="contacts, domains, local-businesses or pages.")],
    form: Annotated[
        Literal["csv", "ndjson", "xlsx"],
        typer.Option("--format", help="csv and ndjson are for programs, xlsx is for people."),
    ] = "csv",
    where: by_filter.Where = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write this file; else standard output.", dir_okay=False)
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Start a csv with a byte order mark, for spreadsheets.")] = False,
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="DATABASE_URL", help="Read this database; else that of the stage."),
    ] = None,
    stage: options.Stage = "dev",
    region: options.Region = None,
    endpoint: options.Endpoint = None,
) -> int:
    """Write all records that match filters to a file: without what is suppressed."""
    # Imported here: it needs the API's models and the doctor's way to the database, which take seconds.
    from scripts.commands.scrapersky.doctor.stage import Stage  # noqa: PLC0415
    from scripts.commands.scrapersky.export import write_export  # noqa: PLC0415

    of_stage = None if database_url else Stage(stage, endpoint, region)
    return write_export(resource, form, where or (), output, bom=bom, stage=of_stage, url=database_url)


@app.command()
def doctor(
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", envvar="DATABASE_URL", help="Check this database.")
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="SCRAPERSKY_STAGE",
            help="Check this stage's queues, and its database unless a url is given.",
        ),
    ] = None,
    region: options.Region = None,
    endpoint: options.Endpoint = None,
    as_json: options.AsJson = False,
) -> int:
    """Find what is wrong with a stage or a database, and show the command that repairs it. Changes nothing.

    Exit status: 0 nothing found, 1 findings, 2 something could not be checked.
    """
    # Imported here: no other command needs Alembic, and it takes as long as all the rest.
    from scripts.commands.scrapersky.doctor.command import examine  # noqa: PLC0415

    if not stage and not database_url:
        stage = "dev"
    return examine(stage, database_url, region, endpoint, json_=as_json)


@app.command()
def cost(
    durations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Measured seconds per record.", exists=True, dir_okay=False)
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Dated prices.", exists=True, dir_okay=False)
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show dollars per million records and per idle month."""
    # Imported here: it needs the stack's stages, and aws_cdk takes a second or more.
    from scripts.commands.scrapersky.cost.command import show  # noqa: PLC0415

    show(durations, prices, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        return app(words, prog_name=PROGRAM, standalone_mode=False) or 0
    except TyperException as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context else PROGRAM
        message = error.format_message().replace("Value error, ", "").replace("Input should be", "must be")
        print(f"{name}: {message}\nSee {name} --help.", file=sys.stderr)
        return 2
    except CommandError as error:
        if "--json" in words:
            print(json.dumps({"error": str(error)}))
        print(f"{PROGRAM} {words[0]}: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidCommand) else 1
