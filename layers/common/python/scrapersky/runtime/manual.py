"""Manual payloads: what an operator sends with ``aws lambda invoke``. Validated, audited, and safe to send three times.

Reference: docs/reference.md. A bad payload is answered with ``{"error": {"field", "message"}}`` and changes nothing.
"""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from scrapersky.runtime.payloads import (
    PAYLOAD,
    Abandon,
    Cancel,
    Explain,
    Pause,
    Payload,
    Process,
    Requeue,
    Resume,
    Run,
    StatusQuestion,
)
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.tick import claim_and_send
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.control import pause, read_control, resume
from scrapersky.status.explain import explain
from scrapersky.status.gauges import count_by_status, read_gauges
from scrapersky.status.invariants import find_breaches
from scrapersky.status.requeue import requeue
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow


class Refused(ValueError):
    """A well-formed payload that cannot be served; ``field`` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def answer(runtime: Runtime, event: Any, context: Any) -> dict[str, Any]:
    """Serves one manual payload; always answers JSON, an error included."""
    try:
        payload = PAYLOAD.validate_python(event)
        return _serve(runtime, payload, context)
    except ValidationError as error:
        problem = error.errors()[0]
        action, *place = (str(part) for part in problem["loc"] or ("action",))
        field = ".".join(place) or action
        return {"error": {"field": field, "message": problem["msg"], "given": _short(problem["input"])}}
    except Refused as refused:
        return {"error": {"field": refused.field, "message": str(refused)}}


def _serve(runtime: Runtime, payload: Payload, context: Any) -> dict[str, Any]:
    match payload:
        case Run():
            return _run(runtime, payload, context.aws_request_id)
        case StatusQuestion():
            return _for_each(runtime, payload.workflow, lambda workflow: _status(runtime, workflow))
        case Explain():
            return _explain(runtime, payload)
        case Requeue():
            return _requeue(runtime, payload)
        case Cancel() | Abandon():
            return _end_by_hand(runtime, payload)
        case Pause():
            return _for_each(runtime, payload.workflow, lambda workflow: _pause(runtime, workflow, payload))
        case Resume():
            return _for_each(runtime, payload.workflow, lambda workflow: _resume(runtime, workflow, payload))
        case Process():
            return _process(runtime, payload, context)


def _workflows(runtime: Runtime, name: str | None) -> tuple[Workflow, ...]:
    if name is None:
        return runtime.service.workflows
    try:
        return (runtime.workflow(name),)
    except KeyError as error:
        raise Refused("workflow", str(error.args[0])) from None


def _for_each(runtime: Runtime, name: str | None, answer_for: Callable[[Workflow], dict[str, Any]]) -> dict[str, Any]:
    return {
        "service": runtime.service.name,
        "stage": runtime.settings.stage,
        "workflows": {workflow.name: answer_for(workflow) for workflow in _workflows(runtime, name)},
    }


def _run(runtime: Runtime, payload: Run, request_id: str) -> dict[str, Any]:
    def run(workflow: Workflow) -> dict[str, Any]:
        with runtime.database.autocommit() as connection:
            if payload.dry_run:
                return {"queued": read_gauges(connection, workflow).queued, "dry_run": True}
            dispatched = claim_and_send(
                runtime,
                connection,
                workflow,
                request_id,
                batch=payload.limit or runtime.own.batch_size,
                trigger="manual",
                ids=payload.ids,
            )
            return {
                "claimed": len(dispatched.claimed) - len(dispatched.released),
                "released": len(dispatched.released),
                "ids": [held.record_id for held in dispatched.claimed],
            }

    if payload.ids is not None and payload.workflow is None and len(runtime.service.workflows) > 1:
        raise Refused("workflow", "ids need the workflow they are records of")
    return _for_each(runtime, payload.workflow, run)


def _status(runtime: Runtime, workflow: Workflow) -> dict[str, Any]:
    with runtime.database.autocommit() as connection:
        gauges = read_gauges(connection, workflow)
        control = read_control(connection, workflow)
        return {
            "counts": count_by_status(connection, workflow),
            "oldest_due_seconds": round(gauges.oldest_queued_seconds, 1),
            "oldest_processing_seconds": round(gauges.oldest_processing_seconds, 1),
            "live_attempts": gauges.processing,
            "last_tick_at": control.last_tick_at.isoformat() if control.last_tick_at else None,
            "paused": control.paused,
            "paused_until": control.paused_until.isoformat() if control.paused and control.paused_until else None,
            "paused_by": control.paused_by if control.paused else None,
            "pause_reason": control.pause_reason if control.paused else None,
            "invariant_breaches": [
                {"breach": breach.breach, "id": breach.record_id} for breach in find_breaches(connection, workflow)
            ],
        }


def _explain(runtime: Runtime, payload: Explain) -> dict[str, Any]:
    (workflow,) = _workflows(runtime, payload.workflow)
    with runtime.database.autocommit() as connection:
        timeline = explain(connection, workflow, payload.id)
    if timeline is None:
        raise Refused("id", f"{workflow.table} has no record {payload.id}")
    return timeline


def _requeue(runtime: Runtime, payload: Requeue) -> dict[str, Any]:
    (workflow,) = _workflows(runtime, payload.workflow)
    with runtime.database.autocommit() as connection:
        queued = requeue(
            connection,
            workflow,
            ids=payload.ids,
            error_code=payload.error_code,
            limit=payload.limit,
            spread=payload.spread_seconds,
            actor=payload.actor,
            reason=payload.reason,
        )
    return {"workflow": workflow.name, "queued": len(queued), "ids": queued}


def _end_by_hand(runtime: Runtime, payload: Cancel | Abandon) -> dict[str, Any]:
    (workflow,) = _workflows(runtime, payload.workflow)
    verb = cancel if isinstance(payload, Cancel) else abandon
    with runtime.database.autocommit() as connection:
        ended = verb(connection, workflow, payload.ids, actor=payload.actor, reason=payload.reason)
    return {
        "workflow": workflow.name,
        "ended": ended,
        "left_alone": sorted(set(payload.ids) - set(ended)),
    }


def _pause(runtime: Runtime, workflow: Workflow, payload: Pause) -> dict[str, Any]:
    with runtime.database.autocommit() as connection:
        pause(connection, workflow, actor=payload.actor, reason=payload.reason, seconds=payload.seconds)
    return {"paused": True}


def _resume(runtime: Runtime, workflow: Workflow, payload: Resume) -> dict[str, Any]:
    with runtime.database.autocommit() as connection:
        return {"paused": False, "was_paused": resume(connection, workflow, actor=payload.actor, reason=payload.reason)}


def _process(runtime: Runtime, payload: Process, context: Any) -> dict[str, Any]:
    from scrapersky.runtime.work import work_on_started  # noqa: PLC0415 - no other payload needs the web client

    (workflow,) = _workflows(runtime, payload.workflow)
    remaining = context.get_remaining_time_in_millis() / 1000
    with runtime.database.autocommit() as connection:
        held = claim(
            connection,
            workflow,
            batch=1,
            max_in_flight=runtime.own.max_in_flight,
            dispatch_lease=remaining,
            trigger="manual",
            ids=[payload.id],
        )
        if not held:
            raise Refused("id", f"{workflow.name} {payload.id} cannot be claimed: it is not Queued and due, or paused")
        started = start(
            connection,
            [held[0].attempt_id],
            lease=remaining + runtime.settings.start_lease_margin_seconds,
            worker=f"{context.function_name}:{context.function_version}",
            request_id=context.aws_request_id,
        )
    work_on_started(runtime, started, {}, remaining)
    with runtime.database.autocommit() as connection:
        timeline = explain(connection, workflow, payload.id)
    assert timeline is not None
    return {"workflow": workflow.name, "id": payload.id, "now": timeline["now"], "attempt": timeline["attempts"][-1]}


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 200 else text[:199] + "…"
