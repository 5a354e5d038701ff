"""The commands ``list``, ``errors`` and ``explain``: look at records."""

from collections.abc import Iterator
from typing import Annotated

import typer

from scrapersky.status.explain import as_text
from scrapersky.vocabulary import Status
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.display import NONE, age_of, number, table
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer, ask_each, ask_owner


def list_records(
    remote: Remote,
    workflow: options.WorkflowName,
    status: Annotated[Status | None, typer.Option(case_sensitive=False, help="Only records in this status.")] = None,
    error_code: Annotated[str | None, typer.Option(metavar="CODE", help="Only records with this error.")] = None,
    limit: options.Limit = None,
    before: Annotated[int | None, typer.Option(metavar="ID", min=1, help="Only records with a lower id.")] = None,
) -> Answer:
    """List records, the newest first: 50, or --limit up to 500."""
    payload = {"action": "list", "status": status, "error_code": error_code, "limit": limit, "before": before}
    return ask_owner(remote, workflow, payload)


def show_list(answer: Answer) -> Iterator[str]:
    """Yield one line a record; the natural key is last, because it may be long."""
    rows = [
        [str(one["id"]), one["status"], age_of(one["since"], answer["at"]), one["error_code"] or NONE, one["record"]]
        for one in answer["records"]
    ]
    if rows:
        yield from table(["Id", "Status", "Since", "Code", "Record"], rows, right={"Id", "Since"})
    else:
        yield f"{answer['workflow']}: no records"
    if answer["next_before"]:
        yield f"There may be more: add --before {answer['next_before']}"


def errors(remote: Remote, workflow: options.AnyWorkflow = None, limit: options.Limit = None) -> Answer:
    """Group the records in Error by code, with examples."""
    return ask_each(remote, workflow, {"action": "errors", "limit": limit})


def show_errors(answer: Answer) -> Iterator[str]:
    """Yield one line a code; the examples are last, because they may be long."""
    rows = [
        [
            name,
            group["error_code"],
            number(group["records"]),
            *(age_of(group[seen], answer["at"]) for seen in ("first_seen", "last_seen")),
            ", ".join(example["record"] for example in group["examples"]),
        ]
        for name, one in answer["workflows"].items()
        for group in one["errors"]
    ]
    if rows:
        yield from table(
            ["Workflow", "Code", "Records", "First", "Last", "Examples"], rows, right={"Records", "First", "Last"}
        )
    else:
        yield "No records in Error."


def explain(remote: Remote, workflow: options.WorkflowName, record: options.Record) -> Answer:
    """Show one record's timeline: every status change and every attempt."""
    return ask_owner(remote, workflow, {"action": "explain", "record": record})


def show_timeline(answer: Answer) -> Iterator[str]:
    """Yield the lines of the timeline."""
    yield as_text(answer)
