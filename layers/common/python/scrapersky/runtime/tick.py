"""The tick: for each workflow of the service, recover, queue what is old, then claim and send messages, then read the gauges.

Each workflow is served even if another one fails or is full; a database that cannot be reached ends the tick. At the end
one batch of old history is deleted, and labels whose records have all ended are noted. A tick that failed in part raises at
its end, so that Lambda counts an error.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scrapersky import aws, metrics
from scrapersky.runtime.labels import finish_labels
from scrapersky.runtime.registry import REFRESH_DAYS
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.claim import Claimed, claim
from scrapersky.status.control import record_tick
from scrapersky.status.dispatch import SEND_FAILED, Dispatched, dispatch
from scrapersky.status.gauges import Gauges, read_gauges
from scrapersky.status.invariants import count_cheap_breaches
from scrapersky.status.recover import Recovered, recover
from scrapersky.status.refresh import ACTOR, refresh
from scrapersky.status.retention import delete_history
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status

HISTORY = "history"
"""What a tick reports as failed when old history could not be deleted."""
LABELS = "labels"
"""The same when it could not look for labels whose records have all ended."""

STUCK_SECONDS = 900
"""Age of a live attempt beyond the longest lease at which recovery should long have taken it: a broken invariant."""
REFRESH_SHARE = 4
"""The part of a batch that a tick may fill with old records: one in so many."""
RELEASE_SECONDS = 10.0
"""Kept at the end of a tick to release records whose message was not sent."""


class TickFailed(RuntimeError):
    """At least one workflow could not be served, or history not deleted. Its traceback is in the log before this."""


def tick(runtime: Runtime, request_id: str) -> dict[str, Any]:
    """Serve every workflow once; return ``{"workflows": {name: counts}}``. Raises :class:`TickFailed`."""
    counts: dict[str, Any] = {}
    connected = False
    for workflow in runtime.service.workflows:
        connected = False
        try:
            with runtime.database.autocommit() as connection:
                connected = True
                counts[workflow.name] = _serve(runtime, connection, workflow, request_id)
        except Exception:
            runtime.observer.log.exception("could not serve the workflow", extra={"workflow": workflow.name})
        runtime.observer.flush()  # now, because a later workflow may take all the time that is left
        if not connected:
            break  # the database cannot be reached for another workflow either
    failed = [workflow.name for workflow in runtime.service.workflows if workflow.name not in counts]
    done: dict[str, Any] = {HISTORY: {}, LABELS: []}
    for name, work in ((HISTORY, _delete_history), (LABELS, _finish_labels)) if connected else ():
        try:
            done[name] = work(runtime)
        except Exception:
            runtime.observer.log.exception("could not end the tick", extra={"part": name})
            failed.append(name)
    keys = {"workflows": counts, "history_deleted": done[HISTORY], "labels_done": done[LABELS]}
    runtime.observer.line("tick", {**keys, "failed": failed, "correlation_id": request_id})
    if failed:
        raise TickFailed(f"{runtime.service.name}: could not serve {', '.join(failed)}; see the log lines before")
    return {"workflows": counts}


def _finish_labels(runtime: Runtime) -> list[str]:
    """Note the labels whose records have all ended; return those, for the log line."""
    with runtime.database.autocommit() as connection:
        return [label for _, label in finish_labels(connection)]


def _delete_history(runtime: Runtime) -> dict[str, float]:
    """Delete one batch of history beyond ``HISTORY_DAYS``; return what was deleted, for the log line."""
    if runtime.settings.history_days == 0:
        return {}
    with runtime.database.autocommit() as connection:
        deleted = delete_history(connection, days=runtime.settings.history_days)
    # A metric costs money in each hour in which it has a value, so there is none for nothing.
    if deleted.overdue_days:
        runtime.observer.count(metrics.HISTORY_OVERDUE_DAYS, deleted.overdue_days)
    return deleted.counts()


def _serve(runtime: Runtime, connection: Connection, workflow: Workflow, request_id: str) -> dict[str, Any]:
    record_tick(connection, workflow)
    recovered = 0
    not_recovered: DBAPIError | None = None
    try:
        recovered = _recover(runtime, connection, workflow)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        not_recovered = error  # raised at the end, so that one such record does not stop the claims
    refreshed = _refresh(runtime, connection, workflow)
    dispatched = claim_and_send(
        runtime, connection, workflow, request_id, batch=runtime.service_settings.batch_size, trigger="schedule"
    )
    gauges = read_gauges(connection, workflow)
    breaches = count_cheap_breaches(connection, workflow)
    if gauges.oldest_processing_seconds > runtime.settings.dispatch_lease_seconds + STUCK_SECONDS:
        breaches += 1
    _count_gauges(runtime, workflow, gauges, breaches)
    if not_recovered is not None:
        raise not_recovered
    return {
        "recovered": recovered,
        "refreshed": refreshed,
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
    ids: Sequence[RecordId] | None = None,
) -> Dispatched:
    """Claim at most ``batch`` due records, only of ``ids`` if given, send their messages and log each transition."""
    claimed = claim(
        connection,
        workflow,
        batch=batch,
        max_in_flight=runtime.service_settings.max_in_flight,
        dispatch_lease=runtime.settings.dispatch_lease_seconds,
        per_host=runtime.service_settings.max_per_host,
        trigger=trigger,
        ids=ids,
    )
    for record in claimed:
        runtime.observer.transition(
            workflow=workflow.name,
            record_id=record.record_id,
            attempt_id=record.attempt_id,
            from_status=Status.QUEUED,
            to_status=Status.PROCESSING,
            correlation_id=request_id,
        )

    # What cannot be sent must still be released after a call that hangs.
    reserve = min(aws.LONGEST_CALL_SECONDS + RELEASE_SECONDS, runtime.settings.function_timeout_seconds / 2)

    def has_time() -> bool:
        return runtime.database.time_left() > reserve

    def send(workflow: Workflow, claimed: Sequence[Claimed]) -> Collection[AttemptId]:
        return runtime.queue.send(workflow, claimed, request_id, has_time)

    dispatched = dispatch(connection, workflow, claimed, send)
    attempts = {record.record_id: record.attempt_id for record in dispatched.claimed}
    for record_id in dispatched.released:
        runtime.observer.transition(
            workflow=workflow.name,
            record_id=record_id,
            attempt_id=attempts[record_id],
            from_status=Status.PROCESSING,
            to_status=Status.QUEUED,
            outcome="released",
            code=SEND_FAILED,
        )
    if dispatched.error is not None:
        raise dispatched.error
    return dispatched


def _recover(runtime: Runtime, connection: Connection, workflow: Workflow) -> int:
    recovered = recover(
        connection,
        workflow,
        limit=runtime.settings.recovery_limit,
        backoff=runtime.backoff,
        undelivered_max=runtime.settings.undelivered_max,
    )
    for record in recovered:
        _report(runtime, workflow, record)
    return len(recovered)


def _refresh(runtime: Runtime, connection: Connection, workflow: Workflow) -> int:
    """Queue some records whose last reading is older than the setting; return how many."""
    days = REFRESH_DAYS[workflow.name](runtime.settings) if workflow.name in REFRESH_DAYS else 0
    if not days:
        return 0
    most = max(1, runtime.service_settings.batch_size // REFRESH_SHARE)
    ids = refresh(connection, workflow, days=days, most=most)
    before = dict.fromkeys(ids, Status.COMPLETED)
    runtime.observer.moved(workflow.name, before, Status.QUEUED, outcome="refreshed", actor=ACTOR)
    return len(ids)


def _report(runtime: Runtime, workflow: Workflow, record: Recovered) -> None:
    observer = runtime.observer
    if record.status is Status.ERROR:
        observer.finished(workflow.name, error=True)
    observer.transition(
        workflow=workflow.name,
        record_id=record.record_id,
        attempt_id=record.attempt_id,
        from_status=Status.PROCESSING,
        to_status=record.status,
        outcome="lost" if record.started else "undelivered",
        error_code=record.error_code,
    )


def _count_gauges(runtime: Runtime, workflow: Workflow, gauges: Gauges, breaches: int) -> None:
    observer = runtime.observer
    observer.count(metrics.OLDEST_QUEUED_SECONDS, gauges.oldest_queued_seconds, workflow=workflow.name)
    observer.count(metrics.OLDEST_PROCESSING_SECONDS, gauges.oldest_processing_seconds, workflow=workflow.name)
    observer.count(metrics.CONNECTIONS_PERCENT, gauges.connections_percent)
    if breaches:
        observer.count(metrics.INVARIANT_BREACHES, breaches)
