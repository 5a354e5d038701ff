"""The command ``status``: counts, ages and pauses, at most 80 columns wide."""

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import quote

import typer

from scrapersky.errors import plural
from scrapersky.vocabulary import Status
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.display import NONE, age, age_of, number, table
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer, ask_each


def status(remote: Remote, workflow: options.AnyWorkflow = None) -> Answer:
    """Show counts, ages and pauses of each workflow.

    Due is the age of the oldest due record, Tick the age of the last tick. A broken invariant is shown below the table,
    and so are the last ten pauses when one workflow is named.
    """
    return ask_each(remote, workflow, {"action": "status"})


def show_status(answer: Answer) -> Iterator[str]:
    """Yield one line a workflow, then what needs attention."""
    columns = ["Workflow", *Status, "Due", "Tick", "State"]
    rows: list[list[str]] = []
    concerns: list[str] = []
    for name, one in answer["workflows"].items():
        counts = [one["counts"].get(status, 0) for status in Status]
        tick = age_of(one["last_tick_at"], answer["at"]) if one["last_tick_at"] else "never"
        ages = [age(one["oldest_due_seconds"]), tick]
        rows.append([name, *map(number, counts), *ages, _state(one)])
        concerns += _concerns(name, one)
    yield from table(columns, rows, right={*Status, "Due", "Tick"})
    if concerns:
        yield ""
        yield from concerns
    if len(answer["workflows"]) == 1:
        yield from _pauses(one["pauses"])


def label(remote: Remote, label: Annotated[str, typer.Argument(metavar="LABEL", help="Of a list.")]) -> Answer:
    """Show the progress of a list: its records by workflow and status, and whether all have ended."""
    answer: Answer = remote.call(f"/labels/{quote(label)}", None, options.user())
    return answer


def show_label(answer: Answer) -> Iterator[str]:
    """Yield one line a workflow, then whether the label is done."""
    columns = ["Workflow", *Status, "All"]
    rows = [
        [name, *(number(counts[status]) for status in Status), number(sum(counts.values()))]
        for name, counts in answer["workflows"].items()
    ]
    yield from table(columns, rows, right={*Status, "All"})
    since = f" since {answer['done_at'][:19]}Z" if answer["done_at"] else ""
    yield f"{answer['label']}: {'done' if answer['done'] else 'not done'}{since}"


def _state(one: Answer) -> str:
    if one["invariant_breaches"]:
        return "BROKEN"
    return "paused" if one["paused"] else "ok"


def _pauses(pauses: Sequence[Answer]) -> Iterator[str]:
    """Yield the last pauses of the only workflow that was asked for, the newest first."""
    if pauses:
        yield from ("", "Pauses:")
    for one in pauses:
        end = one["resumed_at"] or one["paused_until"]
        yield f"{one['paused_at'][:19]}Z to {f'{end[:19]}Z' if end else NONE} by {one['paused_by']}: {one['pause_reason']}"
        if one["resumed_by"]:
            yield f"  resumed by {one['resumed_by']}: {one['resume_reason']}"


def _concerns(name: str, one: Answer) -> Iterator[str]:
    if one["paused"]:
        until = f" until {one['paused_until'][:19]}Z" if one["paused_until"] else ""
        yield f"! {name} is paused{until} by {one['paused_by']}: {one['pause_reason']}"
    for breach in one["invariant_breaches"]:
        yield f"! {name} {breach['id']}: invariant broken: {breach['breach']}"
    if number_of_errors := one["counts"].get(Status.ERROR, 0):
        yield f"! {name}: {plural(number_of_errors, 'record')} in Error; see scrapersky errors {name}"
