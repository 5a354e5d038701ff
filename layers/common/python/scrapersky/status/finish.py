"""Finish: Processing → Completed, Error or Queued, by the worker that holds the live attempt and by nobody else.

Every statement here is fenced: it first ends the attempt, only if that is live, and moves the record only if it did.
A late worker, a duplicate or a zombie changes nothing and learns so: :class:`Stale`.

Live is said as ``outcome IS NULL`` by every verb that knows the attempt's id. A CHECK makes it the same as ``finished_at IS
NULL``; but that is also the words of the index of live attempts, which the planner takes for empty: with statistics from
before a burst, each end read all that was live (1.2 ms at ten thousand, instead of 0.02).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from scrapersky.models.limits import MAX_ERROR_LENGTH
from scrapersky.models.vocabulary import AttemptOutcome, Status
from scrapersky.status.workflow import Workflow

END_ATTEMPT = """
WITH finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = :code, detail = CAST(:detail AS jsonb)
    WHERE attempt_id = :attempt_id AND workflow = {workflow} AND outcome IS NULL
    RETURNING record_id
)
UPDATE {table} SET """

OF_THE_RECORD = """
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id, {status}, {failures}, extract(epoch FROM {due_at} - now())
"""

COMPLETE = END_ATTEMPT + "{status} = 'Completed', {failures} = 0" + OF_THE_RECORD

FAIL = (
    END_ATTEMPT
    + "{status} = 'Error', {failures} = {failures} + 1, {error_code} = :code, {error} = :reason"
    + OF_THE_RECORD
)

SNOOZE = END_ATTEMPT + "{status} = 'Queued', {due_at} = now() + make_interval(secs => :after)" + OF_THE_RECORD

RETRY = (
    END_ATTEMPT
    + """
    {failures} = {failures} + 1,
    {status} = CAST(CASE WHEN {failures} + 1 >= :max_failures THEN 'Error' ELSE 'Queued' END AS work_status),
    {due_at} = CASE WHEN {failures} + 1 < :max_failures THEN now() + make_interval(secs => greatest(
        :after, (0.5 + random() / 2) * least(:cap, :base * 2.0 ^ {failures}))) END,
    {error_code} = CASE WHEN {failures} + 1 >= :max_failures THEN :code END,
    {error} = CASE WHEN {failures} + 1 >= :max_failures THEN :reason END"""
    + OF_THE_RECORD
)


class Stale(Exception):
    """The attempt is not live any more: this result comes too late and must not be applied."""

    def __init__(self, attempt_id: int) -> None:
        super().__init__(f"attempt {attempt_id} is not live: its result comes too late and is discarded")
        self.attempt_id = attempt_id


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: ``uniform(0.5, 1) × min(cap, base × 2^(failures−1))``; Error at ``max_failures``."""

    base: float
    cap: float
    max_failures: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Where the record went. ``due_in`` is seconds until it may be claimed again, when it is Queued."""

    record_id: int
    status: Status
    failures: int
    due_in: float | None


def complete(
    connection: Connection, workflow: Workflow, attempt_id: int, *, code: str, detail: Mapping[str, Any]
) -> Finished:
    """Processing → Completed. Raises :class:`Stale` and changes nothing when the attempt is not live."""
    return _end(connection, workflow, COMPLETE, attempt_id, AttemptOutcome.DONE, code, detail)


def fail(
    connection: Connection, workflow: Workflow, attempt_id: int, *, code: str, reason: str, detail: Mapping[str, Any]
) -> Finished:
    """Processing → Error, at once. Raises :class:`Stale`."""
    return _end(
        connection, workflow, FAIL, attempt_id, AttemptOutcome.FAILED, code, {**detail, "reason": shortened(reason)},
        reason=shortened(reason),
    )  # fmt: skip


def snooze(
    connection: Connection,
    workflow: Workflow,
    attempt_id: int,
    *,
    code: str,
    reason: str,
    after: float,
    detail: Mapping[str, Any],
) -> Finished:
    """Processing → Queued in ``after`` seconds, no failure counted. Raises :class:`Stale`."""
    return _end(
        connection, workflow, SNOOZE, attempt_id, AttemptOutcome.SNOOZED, code,
        {**detail, "reason": shortened(reason)}, after=after,
    )  # fmt: skip


def retry(
    connection: Connection,
    workflow: Workflow,
    attempt_id: int,
    *,
    code: str,
    reason: str,
    after: float | None,
    backoff: Backoff,
    detail: Mapping[str, Any],
) -> Finished:
    """Processing → Queued with backoff (at least ``after`` seconds), or → Error at the last failure. Raises :class:`Stale`."""
    return _end(
        connection, workflow, RETRY, attempt_id, AttemptOutcome.RETRY, code, {**detail, "reason": shortened(reason)},
        reason=shortened(reason), after=after or 0.0, base=backoff.base, cap=backoff.cap,
        max_failures=backoff.max_failures,
    )  # fmt: skip


def shortened(reason: str) -> str:
    """``reason`` as it may stand on a record: no NUL, at most :data:`MAX_ERROR_LENGTH` characters."""
    clean = reason.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= MAX_ERROR_LENGTH else clean[: MAX_ERROR_LENGTH - 1] + "…"


def _end(
    connection: Connection,
    workflow: Workflow,
    statement: str,
    attempt_id: int,
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
