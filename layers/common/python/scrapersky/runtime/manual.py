"""Manual payloads: what an operator sends with ``aws lambda invoke``. Validated, audited, and safe to repeat.

Reference: docs/reference/manual-triggers.md. An invalid payload is answered with ``{"error": {"field", "message"}}`` and
changes nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from scrapersky.errors import shorten
from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.payloads import (
    MODELS,
    PAYLOAD,
    Abandon,
    Cancel,
    Errors,
    Explain,
    ListRecords,
    Pause,
    Payload,
    Process,
    Requeue,
    Resume,
    Run,
    StatusQuestion,
)
from scrapersky.runtime.records import not_moved, resolve, resolve_one
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.tick import claim_and_send
from scrapersky.runtime.work import work_on_started
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.control import list_pauses, pause, read_control, resume
from scrapersky.status.explain import explain
from scrapersky.status.gauges import count_by_status, read_gauges
from scrapersky.status.invariants import find_breaches
from scrapersky.status.records import count_by_code, group_errors, list_records
from scrapersky.status.requeue import requeue
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Status


class Refused(ValueError):
    """A valid payload that cannot be served; ``field`` names the reason's field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def answer(runtime: Runtime, event: Any, context: Any) -> dict[str, Any]:
    """Serve one manual payload. The answer is JSON, also for an error."""
    try:
        if not isinstance(event, dict):
            raise Refused("payload", 'is not a JSON object; one such as {"action": "status"} is needed')
        return _serve(runtime, PAYLOAD.validate_python(event), context)
    except ValidationError as error:
        return {"error": _problem(error, event)}
    except Refused as refused:
        return {"error": {"field": refused.field, "message": str(refused)}}


def _problem(error: ValidationError, event: dict[str, Any]) -> dict[str, Any]:
    """Describe the first invalid field in terms of the payload."""
    problem = error.errors()[0]
    _, *place = problem["loc"] or ("",)
    field = ".".join(str(part) for part in place) or "payload"
    match problem["type"]:
        case "union_tag_not_found" | "union_tag_invalid":
            field = "action"
            given = f"{shorten(repr(event['action']))} is no action" if "action" in event else "is missing"
            message = f"{given}; valid actions: {', '.join(MODELS)}"
        case "missing":
            message = f"is missing; {event['action']} needs it"
        case "extra_forbidden":
            names = MODELS[event["action"]].model_fields
            message = f"is not a field of {event['action']}; its fields: {', '.join(names)}"
        case _:
            message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    return {"field": field, "message": message, "given": shorten(repr(problem["input"]))}


def _serve(runtime: Runtime, payload: Payload, context: Any) -> dict[str, Any]:
    match payload:
        case Run():
            return _run(runtime, payload, context.aws_request_id)
        case ListRecords():
            return _list(runtime, payload)
        case Explain():
            return _explain(runtime, payload)
        case Requeue():
            return _requeue(runtime, payload)
        case Cancel() | Abandon():
            return _end(runtime, payload)
        case Process():
            return _process(runtime, payload, context)
        case _:
            answers = _for_each(runtime, payload.workflow, lambda workflow: _of_workflow(runtime, workflow, payload))
            return {**answers, "settings": _settings(runtime)} if isinstance(payload, StatusQuestion) else answers


def _of_workflow(
    runtime: Runtime, workflow: Workflow, payload: StatusQuestion | Errors | Pause | Resume
) -> dict[str, Any]:
    with runtime.database.autocommit() as connection:
        match payload:
            case StatusQuestion():
                return _status(connection, workflow, counts=payload.counts)
            case Errors():
                return {"errors": group_errors(connection, workflow, limit=payload.limit)}
            case Pause():
                pause(connection, workflow, actor=payload.actor, reason=payload.reason, seconds=payload.seconds)
                return {"paused": True}
            case Resume():
                was_paused = resume(connection, workflow, actor=payload.actor, reason=payload.reason)
                return {"paused": False, "was_paused": was_paused}


def _workflow(runtime: Runtime, name: str) -> Workflow:
    try:
        return runtime.workflow(name)
    except KeyError as error:
        raise Refused("workflow", str(error.args[0])) from None


def _for_each(runtime: Runtime, name: str | None, answer_for: Callable[[Workflow], dict[str, Any]]) -> dict[str, Any]:
    workflows = runtime.service.workflows if name is None else (_workflow(runtime, name),)
    return {
        "service": runtime.service.name,
        "stage": runtime.settings.stage,
        "at": datetime.now(UTC).isoformat(),
        "workflows": {workflow.name: answer_for(workflow) for workflow in workflows},
    }


def _run(runtime: Runtime, payload: Run, request_id: str) -> dict[str, Any]:
    def run(workflow: Workflow) -> dict[str, Any]:
        with runtime.database.autocommit() as connection:
            if payload.dry_run:
                return {"queued": read_gauges(connection, workflow).queued, "dry_run": True}
            named = None if payload.records is None else resolve(connection, workflow, payload.records)
            dispatched = claim_and_send(
                runtime,
                connection,
                workflow,
                request_id,
                batch=payload.limit or runtime.service_settings.batch_size,
                trigger="manual",
                ids=None if named is None else list(named.ids),
            )
            claimed = [held.record_id for held in dispatched.claimed]
            answer = {
                "claimed": len(claimed) - len(dispatched.released),
                "released": len(dispatched.released),
                "ids": claimed,
            }
            if named is not None:
                answer["not_moved"] = not_moved(
                    connection,
                    workflow,
                    named,
                    claimed,
                    verb="run",
                    needs=[Status.QUEUED],
                    otherwise=_not_claimed(connection, workflow),
                )
            return answer

    if payload.records is not None and payload.workflow is None and len(runtime.service.workflows) > 1:
        raise Refused("workflow", "is missing; records need the workflow to which they belong")
    return _for_each(runtime, payload.workflow, run)


def _not_claimed(connection: Connection, workflow: Workflow) -> str:
    """Return why a record that is Queued and due was not claimed."""
    if read_control(connection, workflow).paused:
        return f"{workflow.name} is paused"
    return "is locked by another transaction, or beyond the limit of the batch or of the records in flight"


def _settings(runtime: Runtime) -> dict[str, Any]:
    """Return the settings that this function runs with, by variable, without those that hold a password."""
    found: dict[str, Any] = {}
    for settings, prefix in ((runtime.settings, ""), (runtime.service_settings, f"{runtime.service.env_prefix}_")):
        hidden = {name for name, one in type(settings).model_fields.items() if not one.repr}
        values = settings.model_dump(mode="json", exclude=hidden)
        found |= {f"{prefix}{name}".upper(): value for name, value in values.items()}
    return found


def _status(connection: Connection, workflow: Workflow, *, counts: bool) -> dict[str, Any]:
    gauges = read_gauges(connection, workflow)
    control = read_control(connection, workflow)
    of_all: dict[str, Any] = {}
    if counts:
        breaches = find_breaches(connection, workflow)
        of_all["counts"] = count_by_status(connection, workflow)
        of_all["invariant_breaches"] = [{"breach": one.breach, "id": one.record_id} for one in breaches]
    return {
        **of_all,
        "oldest_due_seconds": round(gauges.oldest_queued_seconds, 1),
        "oldest_processing_seconds": round(gauges.oldest_processing_seconds, 1),
        "live_attempts": gauges.processing,
        "last_tick_at": control.last_tick_at.isoformat() if control.last_tick_at else None,
        "paused": control.paused,
        "paused_until": control.paused_until.isoformat() if control.paused and control.paused_until else None,
        "paused_by": control.paused_by if control.paused else None,
        "pause_reason": control.pause_reason if control.paused else None,
        "pauses": list_pauses(connection, workflow),
    }


def _list(runtime: Runtime, payload: ListRecords) -> dict[str, Any]:
    workflow = _workflow(runtime, payload.workflow)
    with runtime.database.autocommit() as connection:
        listed = list_records(
            connection,
            workflow,
            limit=payload.limit,
            status=payload.status,
            error_code=payload.error_code,
            before=payload.before,
        )
        if payload.error_code is not None and not listed["records"] and payload.before is None:
            raise _no_such_code(connection, workflow, payload.error_code)
    return {"workflow": workflow.name, "at": datetime.now(UTC).isoformat(), **listed}


def _explain(runtime: Runtime, payload: Explain) -> dict[str, Any]:
    workflow = _workflow(runtime, payload.workflow)
    with runtime.database.autocommit() as connection:
        try:
            record_id = resolve_one(connection, workflow, payload.record)
        except LookupError as error:
            raise Refused("record", str(error)) from None
        timeline = explain(connection, workflow, record_id)
    if timeline is None:
        raise Refused("record", f"{workflow.table} has no record {record_id}")
    return timeline


def _requeue(runtime: Runtime, payload: Requeue) -> dict[str, Any]:
    workflow = _workflow(runtime, payload.workflow)
    with runtime.database.autocommit() as connection:
        named = None if payload.records is None else resolve(connection, workflow, payload.records)
        before = requeue(
            connection,
            workflow,
            ids=None if named is None else list(named.ids),
            error_code=payload.error_code,
            limit=payload.limit,
            spread=payload.spread_seconds,
            actor=payload.actor,
            reason=payload.reason,
        )
        queued = list(before)
        runtime.observer.moved(workflow.name, before, Status.QUEUED, outcome="requeued", actor=payload.actor)
        if named is None and not queued and payload.error_code not in count_by_code(connection, workflow):
            raise _no_such_code(connection, workflow, str(payload.error_code))
        needs = [Status.NEW, Status.COMPLETED, Status.ERROR]
        left = not_moved(connection, workflow, named, queued, verb="requeue", needs=needs) if named else []
    return {"workflow": workflow.name, "queued": len(queued), "ids": queued, "not_moved": left}


def _end(runtime: Runtime, payload: Cancel | Abandon) -> dict[str, Any]:
    workflow = _workflow(runtime, payload.workflow)
    cancelling = isinstance(payload, Cancel)
    verb, needs, becomes, outcome = (
        (cancel, Status.QUEUED, Status.NEW, "cancelled")
        if cancelling
        else (abandon, Status.PROCESSING, Status.ERROR, "abandoned")
    )
    with runtime.database.autocommit() as connection:
        named = resolve(connection, workflow, payload.records)
        ended = verb(connection, workflow, list(named.ids), actor=payload.actor, reason=payload.reason)
        before = dict.fromkeys(ended, needs)
        runtime.observer.moved(workflow.name, before, becomes, outcome=outcome, actor=payload.actor)
        left = not_moved(connection, workflow, named, ended, verb=payload.action, needs=[needs])
    return {"workflow": workflow.name, "ended": ended, "not_moved": left}


def _process(runtime: Runtime, payload: Process, context: Any) -> dict[str, Any]:
    workflow = _workflow(runtime, payload.workflow)
    invocation = Invocation.of(context)
    with runtime.database.autocommit() as connection:
        named = resolve(connection, workflow, [payload.record])
        held = claim(
            connection,
            workflow,
            batch=1,
            max_in_flight=runtime.service_settings.max_in_flight,
            dispatch_lease=invocation.remaining(),
            trigger="manual",
            ids=list(named.ids),
        )
        if not held:
            otherwise = _not_claimed(connection, workflow)
            (left,) = not_moved(
                connection, workflow, named, [], verb="process", needs=[Status.QUEUED], otherwise=otherwise
            )
            raise Refused("record", left["reason"])
        started = start(
            connection,
            [held[0].attempt_id],
            lease=invocation.remaining() + runtime.settings.start_lease_margin_seconds,
            worker=invocation.worker,
            request_id=invocation.request_id,
        )
    work_on_started(runtime, invocation, started)
    with runtime.database.autocommit() as connection:
        timeline = explain(connection, workflow, held[0].record_id)
    assert timeline is not None
    return {
        "workflow": workflow.name,
        "id": held[0].record_id,
        "now": timeline["now"],
        "attempt": timeline["attempts"][-1],
    }


def _no_such_code(connection: Connection, workflow: Workflow, code: str) -> Refused:
    present = [f"{name} ({number})" for name, number in count_by_code(connection, workflow).items()]
    return Refused("error_code", f"no record with error code {code!r}; present: {', '.join(present) or 'none'}")
