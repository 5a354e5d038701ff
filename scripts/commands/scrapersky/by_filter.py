"""Requeue, cancel or curate all records that match filters, in chunks through the stage's API."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from scrapersky.errors import plural
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Curation
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.errors import InvalidCommand
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer

if TYPE_CHECKING:
    from api.resource import Resource

CHUNK = 1_000
"""Records of one request, which is one transaction."""

Where = Annotated[
    list[str] | None,
    typer.Option(metavar="FILTER=VALUE", help="Records that match a filter of the API. Several must all match."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; show how many records, and three of them.")]


def move(
    remote: Remote, verb: str, workflow: str, where: Sequence[str], dry_run: bool, limit: int | None, **body: Any
) -> Answer:
    """Move the records of ``workflow`` that match ``where``; return the answers of all chunks as one."""
    resource = resource_of(WORKFLOWS[workflow].table)
    if len(resource.workflows) > 1:
        body["workflow"] = workflow
    answers = list(_chunks(remote, resource, verb, {**body, "filter": filter_of(resource, where)}, dry_run, limit))
    counted = sum(answer["count"] for answer in answers)
    first = {"workflow": workflow, "dry_run": dry_run, "count": counted, "examples": answers[0]["examples"]}
    return first | {"ids": [one for answer in answers for one in answer["ids"]], "more": answers[-1]["more"]}


def show(answer: Answer) -> Iterator[str]:
    """Yield how many records a dry run would move, with three of them."""
    more = "more than " if answer["more"] else ""
    yield f"{answer['workflow']}: {more}{plural(answer['count'], 'record')} would be moved"
    yield from (f"  {one['id']} {one['record']} ({one['status']})" for one in answer["examples"])


def decide(
    remote: Remote,
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as domains or local-businesses.")],
    decision: Annotated[Curation, typer.Argument(case_sensitive=False, help="Selected queues the workflow.")],
    where: Where = None,
    reason: options.Reason = "curated",
    limit: options.Limit = None,
    dry_run: DryRun = False,
    actor: options.Actor = None,
) -> Answer:
    """Set the decision about all records that match filters. Selected queues them."""
    if not where:
        raise InvalidCommand("decide needs --where: no filter would mean every record")
    wanted = resource_of(resource.replace("-", "_"))
    body = {"curation_status": decision.value, "filter": filter_of(wanted, where), "reason": reason, "actor": actor}
    counts: Counter[str] = Counter()
    answer: Mapping[str, Any] = {}
    for answer in _chunks(remote, wanted, "curation", body, dry_run, limit):
        counts += Counter(answer["counts"])
    return {"resource": resource, "dry_run": dry_run, "counts": dict(counts), "more": answer["more"]}


def show_decided(answer: Answer) -> Iterator[str]:
    """Yield the number of records for each result."""
    results = ", ".join(f"{count:,} {result}" for result, count in answer["counts"].items()) or "no records match"
    yield f"{answer['resource']}: {results}" + (" (a dry run)" if answer["dry_run"] else "")
    if answer["more"]:
        yield "Other records match and were not reached."


def resource_of(name: str) -> Resource[Any]:
    """Return the API's resource with this table. Raises :class:`InvalidCommand` naming the resources."""
    # Imported here: only these commands need the API's models, and they take a second.
    from api.resources import RESOURCES  # noqa: PLC0415

    found = {one.name: one for one in RESOURCES}
    if name not in found:
        raise InvalidCommand(
            f"there is no resource {name!r}; valid: {', '.join(one.replace('_', '-') for one in found)}"
        )
    return found[name]


def filter_of(resource: Resource[Any], where: Sequence[str]) -> dict[str, Any]:
    """Return the API's filter for texts such as ``http_status=404``. Raises :class:`InvalidCommand` naming the filters."""
    from scrapersky.lists.filters import typed  # noqa: PLC0415

    given = {}
    for one in where:
        name, separator, value = one.partition("=")
        if not separator or name not in resource.filters.model_fields:
            valid = ", ".join(sorted(resource.filters.model_fields))
            raise InvalidCommand(f"--where {one!r}: FILTER=VALUE is needed; filters of {resource.name}: {valid}")
        given[name] = value
    return typed(resource.filters, given)


def _chunks(
    remote: Remote, resource: Resource[Any], verb: str, body: Mapping[str, Any], dry_run: bool, limit: int | None
) -> Iterator[Any]:
    """Yield the answer of each request until no more records match, with a progress bar on a terminal."""
    path, left = f"/{resource.name.replace('_', '-')}/{verb}", limit
    actor = body.get("actor") or options.user()
    sent = {name: value for name, value in body.items() if value is not None and name != "actor"}
    if dry_run:
        yield remote.call(path, {**sent, "dry_run": True}, actor)
        return
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(verb, total=limit)
        while True:
            chunk = CHUNK if left is None else min(left, CHUNK)
            answer = remote.call(path, {**sent, "limit": chunk}, actor)
            yield answer
            done = answer["count"] if "count" in answer else len(answer["results"])
            progress.advance(task, done)
            left = None if left is None else left - done
            if not answer["more"] or left == 0:
                return
            sent["after"] = answer["last"]
