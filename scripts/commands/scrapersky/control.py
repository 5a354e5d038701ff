"""The commands that change something: from ``run`` and ``requeue`` to ``pause``. Each is audited and safe to repeat."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from scrapersky.errors import plural
from scripts.commands.scrapersky import by_filter, options
from scripts.commands.scrapersky.display import cell, listed, reasons, table
from scripts.commands.scrapersky.errors import InvalidCommand
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer, ask_each, ask_owner

OnlyRecords = Annotated[
    list[str] | None, typer.Argument(metavar="RECORD...", help="Ids, or domains, urls or place ids.")
]
All = Annotated[bool, typer.Option("--all", help="Every workflow of every service.")]


def run(
    remote: Remote,
    workflow: options.AnyWorkflow = None,
    records: OnlyRecords = None,
    limit: options.Limit = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the queued records.")] = False,
) -> Answer:
    """Claim due records now. Like a tick, but at once, and by name or limit if given."""
    payload = {"action": "run", "limit": limit, "records": records or None, "dry_run": dry_run or None}
    return ask_each(remote, workflow, payload)


def process(remote: Remote, workflow: options.WorkflowName, record: options.Record) -> Answer:
    """Work on one Queued record now and show the result."""
    return ask_owner(remote, workflow, {"action": "process", "record": record})


def show_process(answer: Answer) -> Iterator[str]:
    """Yield the record's state and its attempt."""
    yield f"{answer['workflow']} {answer['id']}"
    for title in ("now", "attempt"):
        rows = [[key, cell(value)] for key, value in answer[title].items() if value is not None]
        yield from ("", *table([title.capitalize(), ""], rows))


def enqueue(
    remote: Remote,
    workflow: options.WorkflowName,
    records: options.Records,
    reason: options.Reason = "enqueued by an operator",
    actor: options.Actor = None,
) -> Answer:
    """Queue records, whatever their last result: New, Completed or Error to Queued."""
    return ask_owner(remote, workflow, _audited("requeue", reason, actor, records=records, limit=len(records)))


def requeue(
    remote: Remote,
    workflow: options.WorkflowName,
    reason: options.Reason,
    records: OnlyRecords = None,
    error_code: Annotated[str | None, typer.Option(metavar="CODE", help="All records with this error.")] = None,
    where: by_filter.Where = None,
    dry_run: by_filter.DryRun = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N records (by code 100; else all).")
    ] = None,
    spread_seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="Make them due over S seconds, not at once.")
    ] = None,
    actor: options.Actor = None,
) -> Answer:
    """Queue records again, by name, by error code or by filters. Decisions are not changed."""
    if bool(records) + (error_code is not None) + bool(where) != 1:
        raise InvalidCommand("requeue needs records, --error-code or --where: no filter would mean every record")
    if where:
        more = {"reason": reason, "actor": actor, "spread_seconds": spread_seconds}
        return by_filter.move(remote, "requeue", workflow, where, dry_run, limit, **more)
    _check_no_dry_run(dry_run)
    limit = limit or (len(records) if records else None)
    filters = {"records": records or None, "error_code": error_code, "limit": limit, "spread_seconds": spread_seconds}
    return ask_owner(remote, workflow, _audited("requeue", reason, actor, **filters))


def cancel(
    remote: Remote,
    workflow: options.WorkflowName,
    reason: options.Reason,
    records: OnlyRecords = None,
    where: by_filter.Where = None,
    dry_run: by_filter.DryRun = False,
    limit: options.Limit = None,
    actor: options.Actor = None,
) -> Answer:
    """Take queued records back, by name or by filters: Queued to New."""
    if bool(records) == bool(where):
        raise InvalidCommand("cancel needs either records or --where: no filter would mean every record")
    if where:
        return by_filter.move(remote, "cancel", workflow, where, dry_run, limit, reason=reason, actor=actor)
    _check_no_dry_run(dry_run)
    return ask_owner(remote, workflow, _audited("cancel", reason, actor, records=records))


def abandon(
    remote: Remote,
    workflow: options.WorkflowName,
    records: options.Records,
    reason: options.Reason,
    actor: options.Actor = None,
) -> Answer:
    """End attempts by force: Processing to Error. The worker's late result is discarded."""
    return ask_owner(remote, workflow, _audited("abandon", reason, actor, records=records))


def show_moved(answer: Answer) -> Iterator[str]:
    """Yield what was moved, and why the rest was not."""
    if answer.get("dry_run"):
        yield from by_filter.show(answer)
        return
    moved = answer.get("ended", answer.get("ids", []))
    yield f"{answer['workflow']}: {plural(len(moved), 'record')} moved" + (f" ({listed(moved)})" if moved else "")
    yield from reasons(answer)


def pause(
    remote: Remote,
    reason: options.Reason,
    workflow: options.AnyWorkflow = None,
    every: All = False,
    seconds: Annotated[float | None, typer.Option(metavar="S", min=1, help="Resume by itself after S seconds.")] = None,
    actor: options.Actor = None,
) -> Answer:
    """Stop claims of a workflow, or of all. Work in flight goes on."""
    return ask_each(remote, _chosen("pause", workflow, every), _audited("pause", reason, actor, seconds=seconds))


def resume(
    remote: Remote,
    reason: options.Reason,
    workflow: options.AnyWorkflow = None,
    every: All = False,
    actor: options.Actor = None,
) -> Answer:
    """Allow claims of a workflow, or of all, again."""
    return ask_each(remote, _chosen("resume", workflow, every), _audited("resume", reason, actor))


def _check_no_dry_run(dry_run: bool) -> None:
    if dry_run:
        raise InvalidCommand("--dry-run needs --where; named records can be listed instead")


def _audited(action: str, reason: str, actor: str | None, **values: Any) -> dict[str, Any]:
    """Return the payload of an audited action; without an actor it is the user of this machine."""
    return {"action": action, "reason": reason, "actor": actor or options.user(), **values}


def _chosen(verb: str, workflow: str | None, every: bool) -> str | None:
    """Return the workflow; None for all, which must be asked for explicitly."""
    if (workflow is None) != every:
        raise InvalidCommand(f"{verb} needs either a workflow or --all")
    return workflow
