"""The forms: each calls what the API's routes call, so that limits, repetition and the audit trail are the same.

What moves records is confirmed first: a dry run shows how many, and the person says why. Many records are moved in chunks,
each of which is a request and a transaction of its own.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, cast

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel

from api.console.answers import ROUTE, fields_of, form_of, page
from api.console.lists import filter_of, resource_named, validated, workflow_named
from api.curation import Decision, Decisions, curate
from api.data_protection import Named, Objection, suppress_subject
from api.dependencies import event_of
from api.dev_tools import Pause, Resume, Run, pass_on, start_process
from api.listing import COUNTED
from api.moving import Move, Moved, Requeue, move
from api.problem import invalid
from api.resources.exports import ExportRequest, create_export
from api.resources.place_searches import OnePlaceSearch, create_place_search
from scrapersky.lists.filters import typed
from scrapersky.runtime import payloads
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation, SubjectKind

router = Router()

CHUNK = 500
"""Records of one request where many are moved."""
COUNTERS = ("moved", "others", "total")
"""Fields with which a form that goes on counts."""
FILTER = "f."
"""Prefix of the fields of a form that hold the filters of its list."""


@router.post("/console/pause/<name>", **ROUTE)
def pause(name: str) -> Response[str]:
    pass_on(_body(Pause, name, "reason", "seconds"))
    return _done(f"{name} is paused. Work in flight goes on.", name)


@router.post("/console/resume/<name>", **ROUTE)
def resume(name: str) -> Response[str]:
    was_paused = pass_on(_body(Resume, name, "reason"))["workflows"][name]["was_paused"]
    return _done(f"{name} is resumed." if was_paused else f"{name} was not paused.", name)


@router.post("/console/run/<name>", **ROUTE)
def run(name: str) -> Response[str]:
    answer = pass_on(_body(Run, name))["workflows"][name]
    return _done(f"{answer['claimed']} records were claimed and sent, {answer['released']} given back.", name)


@router.post("/console/process/<name>", **ROUTE)
def process(name: str) -> Response[str]:
    body = _body(payloads.Process, name, record=_ids()[0])
    start_process(body)
    return _done(f"Work on record {body.record} has started; its timeline shows the result.", name, body.record)


@router.post("/console/requeue/<name>", **ROUTE)
def requeue(name: str) -> Response[str]:
    return _move(workflow_named(name), "requeue")


@router.post("/console/cancel/<name>", **ROUTE)
def cancel(name: str) -> Response[str]:
    return _move(workflow_named(name), "cancel")


@router.post("/console/abandon/<name>", **ROUTE)
def abandon(name: str) -> Response[str]:
    return _ticked(workflow_named(name), "abandon", payloads.Abandon)


@router.post("/console/decide/<table>", **ROUTE)
def decide(table: str) -> Response[str]:
    resource, form = resource_named(table), form_of(router)
    field = form.get("field", "curation_status")
    if field not in resource.curation:
        raise invalid("field", f"field: {field!r} is no decision about {table}; valid: {', '.join(resource.curation)}")
    chosen = _chosen(table)
    given = {**chosen, "curation_status": form.get("curation_status"), **_typed(Decision, "reason", "spread_seconds")}
    if not form.get("confirmed"):
        body = validated(Decision[resource.filters], {**given, "dry_run": True})  # type: ignore[name-defined]
        found = curate(router, resource, body, field)
        number = sum(found.counts.values())
        queues = bool(resource.curation[field]) and body.curation_status is Curation.SELECTED
        return _confirm(
            f"Set {body.curation_status}", f"decide/{table}", number, found.more, counts=found.counts, spread=queues
        )
    if "filter" in chosen:
        given["limit"] = CHUNK
    done = curate(router, resource, validated(Decision[resource.filters], given), field)  # type: ignore[name-defined]
    left = [{"record": one.id, "reason": one.why} for one in done.results if one.result == "refused"]
    number = sum(one.result in ("set", "queued") for one in done.results)
    return _progress(f"decide/{table}", number, done, left, len(done.results) - number, counts=done.counts)


@router.post("/console/suppress", **ROUTE)
def suppress() -> Response[str]:
    form = form_of(router)
    names: dict[str, str] = {kind.value: form[kind.value] for kind in SubjectKind if kind.value in form}
    if not form.get("confirmed"):
        validated(Named, names).subject()
        shown = ", ".join(names.values())
        return _confirm(f"Suppress {shown}", "suppress", 1, more=False)
    done = suppress_subject(validated(Objection, {**names, "reason": form.get("reason", "")}))
    return _done(f"Suppressed. {done.contacts_deleted} contacts were deleted, {done.domains_changed} domains changed.")


@router.post("/console/export", **ROUTE)
def export() -> Response[str]:
    form = form_of(router)
    table = form.get("table", "")
    filters = filter_of(resource_named(table), _filters()).model_dump(mode="json", exclude_none=True)
    wanted: dict[str, Any] = {"filter": filters} if filters else {}
    asked: dict[str, Any] = {"resource": table.replace("_", "-"), "format": "csv", "bom": True}
    made = create_export(validated(ExportRequest, asked | wanted))
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": f"export/{made.id}"})


@router.post("/console/search", **ROUTE)
def search() -> Response[str]:
    form = form_of(router)
    given: dict[str, Any] = {name: form[name] for name in ("text", "area", "label") if name in form}
    confirmed = bool(form.get("confirmed"))
    decision = Curation.SELECTED.value
    asked = {**given, "curation_status": decision, "dry_run": not confirmed}
    added = create_place_search(validated(OnePlaceSearch, asked))
    [result] = added.results
    if confirmed:
        return _done(f"{result.given}: {result.result}. {result.why or ''}", "place_search", result.id)
    most = f"{added.calls_at_most} calls, ${added.dollars_at_most:,.2f} at most"
    return _confirm(f"Search {result.given}", "search", 1, more=False, why=result.why or most, reason=False)


def _move(workflow: Workflow, verb: Literal["requeue", "cancel"]) -> Response[str]:
    """Move ticked records by the service's own payload, which says why it left one; those that match a filter by the API."""
    chosen = _chosen(workflow.table)
    if "ids" in chosen:
        return _ticked(workflow, verb, payloads.Requeue if verb == "requeue" else payloads.Cancel)
    resource = resource_named(workflow.table)
    model: Any = Requeue[resource.filters] if verb == "requeue" else Move[resource.filters]  # type: ignore[name-defined]
    if not form_of(router).get("confirmed"):
        body = validated(model, {**chosen, "reason": "a dry run", "dry_run": True})
        found = move(router, resource, workflow, verb, cast(Move[Any], body))
        path = f"{verb}/{workflow.name}"
        return _confirm(
            verb.capitalize(), path, found.count, found.more, examples=found.examples, spread=verb == "requeue"
        )
    names = ("reason", "spread_seconds") if verb == "requeue" else ("reason",)
    body = validated(model, {**chosen, **_typed(model, *names), "limit": CHUNK})
    done = move(router, resource, workflow, verb, cast(Move[Any], body))
    return _progress(f"{verb}/{workflow.name}", done.count, done, [])


def _ticked(workflow: Workflow, verb: str, model: type[BaseModel]) -> Response[str]:
    ids = _ids()
    if not form_of(router).get("confirmed"):
        return _confirm(verb.capitalize(), f"{verb}/{workflow.name}", len(ids), more=False, spread=verb == "requeue")
    names = ("reason", "spread_seconds") if verb == "requeue" else ("reason",)
    limit = {"limit": len(ids)} if verb == "requeue" else {}
    answer = pass_on(_body(model, workflow.name, *names, records=ids, **limit))
    moved = answer["ids"] if verb == "requeue" else answer["ended"]
    left = answer["not_moved"]
    return _progress(f"{verb}/{workflow.name}", len(moved), None, left, len(left))


def _confirm(title: str, path: str, number: int, more: bool, **values: Any) -> Response[str]:
    """Return the page that asks for a reason. Its form repeats the fields that were sent."""
    defaults = {"examples": (), "counts": {}, "spread": False, "why": None, "reason": True}
    fields = [(name, value) for name, value in _sent() if name not in ("key", "confirmed")]
    shown = {**defaults, **values}
    return page(
        router, "confirm.html", title, action=path, number=number, more=more, fields=fields, cap=COUNTED, **shown
    )


def _progress(
    path: str,
    number: int,
    done: Moved | Decisions | None,
    left: Sequence[Mapping[str, Any]],
    others: int = 0,
    counts: Mapping[Any, int] | None = None,
) -> Response[str]:
    """Return the page that says what moved, and which ``others`` did not. ``left`` says why.

    If more records match, its form goes on with the next chunk.
    """
    form = form_of(router)
    counted = (int(text) if re.fullmatch("[0-9]{1,18}", text := form.get(name, "")) else 0 for name in COUNTERS)
    moved, others, total = (before + now for before, now in zip(counted, (number, others, 0), strict=True))
    more = done is not None and done.more
    gone_on = {"key", "moved", "others", "after"}
    fields = [(name, value) for name, value in _sent() if name not in gone_on]
    if more and done:
        fields += [("moved", str(moved)), ("others", str(others)), ("after", str(done.last))]
    return page(
        router,
        "progress.html",
        "Going on" if more else "Done",
        action=path,
        moved=moved,
        others=others,
        total=max(total, moved + others),
        more=more,
        left=left,
        counts=counts or {},
        fields=fields,
    )


def _chosen(table: str) -> dict[str, Any]:
    """Return the ticked records, or the filter of the list if all that match are meant, for a request of the API."""
    if form_of(router).get("scope") != "all":
        return {"ids": _ids()}
    return {"filter": typed(resource_named(table).filters, _filters()), **_typed(Move, "after")}


def _ids() -> list[int]:
    """Return the ticked records. Raises a 422."""
    texts = [value for name, value in _sent() if name == "ids"]
    if not texts or not all(re.fullmatch("[0-9]{1,18}", text) for text in texts):
        raise invalid("ids", "no record is ticked; tick at least one, or choose all that match")
    return sorted({int(text) for text in texts})


def _filters() -> dict[str, str]:
    return {name.removeprefix(FILTER): value for name, value in form_of(router).items() if name.startswith(FILTER)}


def _sent() -> list[tuple[str, str]]:
    return fields_of(event_of(router).raw_event)


def _typed(model: Any, *names: str) -> dict[str, Any]:
    """Return the fields ``names`` of the form, as ``model`` has them."""
    form = form_of(router)
    return typed(model, {name: form[name] for name in names if name in form})


def _body(model: Any, workflow: str, *names: str, **given: Any) -> Any:
    """Return the payload ``model`` for a workflow, with the fields ``names`` of the form. Raises a 404 or a 422."""
    return validated(model, {"workflow": workflow_named(workflow).name, **given, **_typed(model, *names)})


def _done(message: str, workflow: str | None = None, record: object = None) -> Response[str]:
    return page(router, "done.html", "Done", workflow=workflow, record=record, message=message)
