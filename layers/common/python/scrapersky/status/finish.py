"""Finish: Processing → Completed, Error or Queued, by the worker that holds the live attempt.

Every statement is fenced: it ends the attempt only if that is live, and moves the record only if it ended the
attempt. The result of a late worker, a duplicate delivery or a zombie changes nothing and is :class:`Stale`.

Warning: write ``outcome IS NULL`` for "live" wherever the attempt's id is known. A CHECK makes it equal to
``finished_at IS NULL``, which is also the predicate of the index of live attempts; with statistics from before a
burst the planner takes that index for empty and reads all live attempts at each end (1.2 ms at ten thousand, instead
of 0.02).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.status.retry_policy import Backoff
from scrapersky.status.sql import error_text
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, AttemptOutcome, RecordId, Status

FINISH = """
-- The fence: end the attempt if it is live.
WITH finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = :code, detail = CAST(:detail AS jsonb)
    WHERE attempt_id = :attempt_id AND workflow = {workflow} AND outcome IS NULL
    RETURNING record_id
)
UPDATE {table} SET /* change */
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id, {status}, {failures}, extract(epoch FROM {due_at} - now())
"""
COMPLETE = FINISH.replace("/* change */", "{status} = 'Completed', {failures} = 0")
FAIL = FINISH.replace(
    "/* change */", "{status} = 'Error', {failures} = {failures} + 1, {error_code} = :code, {error} = :reason"
)
SNOOZE = FINISH.replace("/* change */", "{status} = 'Queued', {due_at} = now() + make_interval(secs => :after)")
RETRY = FINISH.replace(
    "/* change */",
    """
    {failures} = {failures} + 1,
    {status} = CAST(CASE WHEN {failures} + 1 >= :max_failures THEN 'Error' ELSE 'Queued' END AS work_status),
    {due_at} = CASE WHEN {failures} + 1 < :max_failures THEN
        now() + make_interval(secs => greatest(:after, {backoff})) END,
    {error_code} = CASE WHEN {failures} + 1 >= :max_failures THEN :code END,
    {error} = CASE WHEN {failures} + 1 >= :max_failures THEN :reason END""",
)

COMPLETE_ALL = """
-- Lock the live attempts in ascending order, before any record, as every verb does. Postgres checks a condition again
-- after it has waited for the lock.
WITH locked AS MATERIALIZED (
    SELECT attempt_id, workflow FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL
    ORDER BY attempt_id FOR NO KEY UPDATE
),
-- The fence: end the locked ones, which are live. Their ids are an ARRAY and not one more table to join: planning is
-- most of what ten ends cost.
finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = results.code, detail = CAST(results.detail AS jsonb)
    FROM unnest(CAST(:attempt_ids AS bigint[]), CAST(:codes AS text[]), CAST(:details AS text[]))
        AS results (attempt_id, code, detail)
    WHERE attempts.attempt_id = ANY(ARRAY(SELECT attempt_id FROM locked WHERE workflow = {workflow}))
      AND attempts.attempt_id = results.attempt_id
    RETURNING attempts.attempt_id, record_id
),{records}
UPDATE {table} SET {status} = 'Completed', {failures} = 0
FROM finished
WHERE {table}.id = ANY(ARRAY(SELECT id FROM records)) AND {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING finished.attempt_id, {table}.id
"""

LOCK = text("""
-- Lock attempts in ascending order, before statements that end some of them each.
SELECT attempt_id FROM attempts WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) ORDER BY attempt_id
FOR NO KEY UPDATE
""")

LOCK_RECORDS = """
-- Lock records in ascending order, after their attempts, before statements that move some of them each.
SELECT id FROM {table} WHERE id = ANY(CAST(:record_ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
"""

ENDED = """
-- How attempts ended, by the audit's own witness. The record itself may have moved on since.
SELECT attempts.attempt_id, attempts.outcome, attempts.code, {table}.id, status_events.to_status, {failures}
FROM attempts
JOIN {table} ON {table}.id = attempts.record_id
JOIN status_events ON status_events.workflow = attempts.workflow AND status_events.record_id = attempts.record_id
    AND status_events.attempt_id = attempts.attempt_id AND status_events.from_status = 'Processing'
WHERE attempts.attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND attempts.workflow = {workflow}
"""


class Stale(Exception):
    """The attempt is no longer live: its result must not be applied."""

    def __init__(self, attempt_id: AttemptId) -> None:
        super().__init__(f"attempt {attempt_id} is not live: its result is stale and is discarded")
        self.attempt_id = attempt_id


@dataclass(frozen=True, slots=True)
class Finished:
    """The record after its attempt. ``due_in``: seconds until it may be claimed, None when it is not Queued."""

    record_id: RecordId
    status: Status
    failures: int
    due_in: float | None


def complete(
    connection: Connection, workflow: Workflow, attempt_id: AttemptId, *, code: str, detail: Mapping[str, Any]
) -> Finished:
    """Processing → Completed. Raise :class:`Stale` and change nothing when the attempt is not live."""
    return _finish(connection, workflow, COMPLETE, attempt_id, AttemptOutcome.DONE, code, detail)


def complete_all(
    connection: Connection, workflow: Workflow, results: Mapping[AttemptId, tuple[str, Mapping[str, Any]]]
) -> dict[AttemptId, Finished]:
    """Complete each live attempt of ``results`` (attempt id → code and detail), in one statement.

    An attempt that is missing from the answer is stale: nothing of it was changed.
    """
    ids = sorted(results)
    rows = connection.execute(
        workflow.statement(COMPLETE_ALL),
        {
            "attempt_ids": ids,
            "outcome": AttemptOutcome.DONE.value,
            "codes": [results[attempt_id][0] for attempt_id in ids],
            "details": [json.dumps(results[attempt_id][1]) for attempt_id in ids],
        },
    )
    return {attempt_id: Finished(record_id, Status.COMPLETED, 0, None) for attempt_id, record_id in rows}


def find_ended(
    connection: Connection, workflow: Workflow, attempt_ids: Sequence[AttemptId]
) -> dict[AttemptId, tuple[AttemptOutcome, str, Finished]]:
    """Return outcome, code and record of those of ``attempt_ids`` that have ended."""
    rows = connection.execute(workflow.statement(ENDED), {"attempt_ids": sorted(attempt_ids)})
    return {
        attempt_id: (AttemptOutcome(outcome), code, Finished(record_id, Status(status), failures, None))
        for attempt_id, outcome, code, record_id, status, failures in rows
    }


def fail(
    connection: Connection,
    workflow: Workflow,
    attempt_id: AttemptId,
    *,
    code: str,
    reason: str,
    detail: Mapping[str, Any],
) -> Finished:
    """Processing → Error, without a retry. Raise :class:`Stale`."""
    reason = error_text(reason)
    return _finish(
        connection, workflow, FAIL, attempt_id, AttemptOutcome.FAILED, code, {**detail, "reason": reason}, reason=reason
    )


def snooze(
    connection: Connection,
    workflow: Workflow,
    attempt_id: AttemptId,
    *,
    code: str,
    reason: str,
    after: float,
    detail: Mapping[str, Any],
) -> Finished:
    """Processing → Queued, due in ``after`` seconds, without counting a failure. Raise :class:`Stale`."""
    detail = {**detail, "reason": error_text(reason)}
    return _finish(connection, workflow, SNOOZE, attempt_id, AttemptOutcome.SNOOZED, code, detail, after=after)


def retry(
    connection: Connection,
    workflow: Workflow,
    attempt_id: AttemptId,
    *,
    code: str,
    reason: str,
    after: float | None,
    backoff: Backoff,
    detail: Mapping[str, Any],
) -> Finished:
    """Processing → Queued, due after the backoff or ``after`` seconds, whichever is later; → Error at the last failure.

    Raise :class:`Stale`.
    """
    reason = error_text(reason)
    return _finish(
        connection, workflow, RETRY, attempt_id, AttemptOutcome.RETRY, code, {**detail, "reason": reason},
        reason=reason, after=after or 0.0, **backoff.parameters,
    )  # fmt: skip


def _finish(
    connection: Connection,
    workflow: Workflow,
    statement: str,
    attempt_id: AttemptId,
    outcome: AttemptOutcome,
    code: str,
    detail: Mapping[str, Any],
    **values: Any,
) -> Finished:
    row = connection.execute(
        workflow.statement(statement),
        {"attempt_id": attempt_id, "outcome": outcome.value, "code": code, "detail": json.dumps(detail), **values},
    ).one_or_none()
    if row is None:
        raise Stale(attempt_id)
    record_id, status, failures, due_in = row
    return Finished(record_id, Status(status), failures, None if due_in is None else float(due_in))
