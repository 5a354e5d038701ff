"""The tick: for each workflow of the service, recover, then claim and fan out, then read the gauges.

Every workflow gets its turn even when another fails or is full; a tick that could not serve one raises at its end, so
that Lambda counts an error.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scrapersky import metrics
from scrapersky.models.vocabulary import Status
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.claim import Claimed
from scrapersky.status.control import record_tick
from scrapersky.status.dispatch import Dispatched, dispatch
from scrapersky.status.gauges import read_gauges
from scrapersky.status.invariants import count_cheap_breaches
from scrapersky.status.recover import recover
from scrapersky.status.workflow import Workflow


class TickFailed(RuntimeError):
    """At least one workflow could not be served; its own traceback is in the log before this."""


def tick(runtime: Runtime, request_id: str) -> dict[str, Any]:
    """Serves every workflow once; answers ``{workflow: {recovered, claimed, …}}``. Raises :class:`TickFailed`."""
    counts: dict[str, Any] = {}
    failed: list[str] = []
    for workflow in runtime.service.workflows:
        try:
            with runtime.database.autocommit() as connection:
                counts[workflow.name] = _serve(runtime, connection, workflow, request_id)
        except Exception:
            runtime.observer.log.exception("workflow could not be served", extra={"workflow": workflow.name})
            runtime.observer.count(metrics.TICK_FAILED)
            failed.append(workflow.name)
    runtime.observer.line("tick", {"workflows": counts, "failed": failed, "correlation_id": request_id})
    if failed:
        raise TickFailed(f"{runtime.service.name}: could not serve {', '.join(failed)}; see the log lines before")
    return {"workflows": counts}


def _serve(runtime: Runtime, connection: Connection, workflow: Workflow, request_id: str) -> dict[str, Any]:
    record_tick(connection, workflow)
    recovered = 0
    not_recovered: DBAPIError | None = None
    try:
        recovered = _recover(runtime, connection, workflow)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        not_recovered = error  # told at the end: a record that cannot be rescued must keep no other from being claimed
    dispatched = claim_and_send(
        runtime, connection, workflow, request_id, batch=runtime.own.batch_size, trigger="schedule"
    )
    gauges = read_gauges(connection, workflow)
    breaches = count_cheap_breaches(connection, workflow)
    for metric, value in (
        (metrics.OLDEST_QUEUED_SECONDS, gauges.oldest_queued_seconds),
        (metrics.OLDEST_PROCESSING_SECONDS, gauges.oldest_processing_seconds),
        (metrics.QUEUED, gauges.queued),
        (metrics.PROCESSING, gauges.processing),
        (metrics.INVARIANT_BREACHES, breaches),
    ):
        runtime.observer.count(metric, value, workflow=workflow.name)
    if not_recovered is not None:
        raise not_recovered
    return {
        "recovered": recovered,
        "claimed": len(dispatched.claimed),
        "released": len(dispatched.released),
        "queued": gauges.queued,
        "processing": gauges.processing,
        "oldest_queued_seconds": round(gauges.oldest_queued_seconds, 1),
        "invariant_breaches": breaches,
    }


def claim_and_send(
    runtime: Runtime,
    connection: Connection,
    workflow: Workflow,
    request_id: str,
    *,
    batch: int,
    trigger: str,
    ids: Sequence[int] | None = None,
) -> Dispatched:
    """Claims at most ``batch`` due records and sends their messages, logging each transition."""

    def send(workflow: Workflow, claimed: Sequence[Claimed]) -> Collection[int]:
        return runtime.queue.send(workflow, claimed, request_id)

    dispatched = dispatch(
        connection,
        workflow,
        send,
        batch=batch,
        max_in_flight=runtime.own.max_in_flight,
        dispatch_lease=runtime.settings.dispatch_lease_seconds,
        per_host=runtime.own.max_per_host,
        trigger=trigger,
        ids=ids,
    )
    for held in dispatched.claimed:
        runtime.observer.transition(
            workflow=workflow.name,
            record_id=held.record_id,
            attempt_id=held.attempt_id,
            from_status=Status.QUEUED,
            to_status=Status.PROCESSING,
            correlation_id=request_id,
        )
    if dispatched.claimed:
        runtime.observer.count(metrics.CLAIMED, len(dispatched.claimed), workflow=workflow.name)
    return dispatched


def _recover(runtime: Runtime, connection: Connection, workflow: Workflow) -> int:
    recovered = recover(
        connection,
        workflow,
        limit=runtime.settings.recovery_limit,
        backoff=runtime.backoff,
        undelivered_max=runtime.settings.undelivered_max,
    )
    for taken in recovered:
        runtime.observer.count(metrics.LOST if taken.started else metrics.UNDELIVERED, workflow=workflow.name)
        if taken.status is Status.ERROR:
            runtime.observer.count(metrics.ERRORED, workflow=workflow.name)
        runtime.observer.transition(
            workflow=workflow.name,
            record_id=taken.record_id,
            attempt_id=taken.attempt_id,
            from_status=Status.PROCESSING,
            to_status=taken.status,
            outcome="lost" if taken.started else "undelivered",
            error_code=taken.error_code,
        )
    return len(recovered)
