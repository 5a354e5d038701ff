"""Recover: take records back from attempts whose lease has ended (crash, timeout, lost message): → Queued, or Error.

Runs at the start of every tick, so recovery needs no process of its own that could fail.

Warning: an attempt may finish between the search and the update. So the update checks the lease again under the row's
lock, and skips rows that another transaction holds.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.status.retry_policy import Backoff
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status

EXPIRED = text("""
-- The live attempts in a CTE of their own. Otherwise the planner, to find the oldest few, may walk all of history by
-- its key.
WITH live AS MATERIALIZED (
    SELECT attempt_id, lease_until FROM attempts WHERE workflow = :workflow AND finished_at IS NULL
)
SELECT attempt_id FROM live WHERE lease_until < now() AND attempt_id > :after ORDER BY attempt_id LIMIT :limit
""")

RECOVER = """
-- Lock the attempts that are still live and expired, in ascending order.
WITH expired AS MATERIALIZED (
    SELECT attempt_id, record_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL AND lease_until < now()
    ORDER BY attempt_id FOR NO KEY UPDATE SKIP LOCKED
),
-- Lock their records in ascending order. One that another transaction holds is left for the next tick.
records AS MATERIALIZED (
    SELECT id, {failures} AS failures FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM expired))
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
),
-- End the attempts of the locked records.
finished AS (
    UPDATE attempts
    SET finished_at = now(),
        outcome = CASE WHEN started_at IS NULL THEN 'undelivered' ELSE 'lost' END,
        code = CASE WHEN started_at IS NULL THEN 'undelivered' ELSE 'lost' END
    WHERE attempt_id = ANY(ARRAY(SELECT attempt_id FROM expired JOIN records ON id = record_id))
    RETURNING attempt_id, record_id, started_at IS NOT NULL AS started
),
-- Count failures: only an attempt that was started is one. A record is undeliverable after undelivered_max attempts
-- in a row that were not started, this one included.
evaluated AS (
    SELECT attempt_id, record_id, started, failures + CASE WHEN started THEN 1 ELSE 0 END AS new_failures,
        NOT started AND :undelivered_max <= (
            SELECT count(*) + 1 FROM attempts AS earlier
            WHERE earlier.workflow = {workflow} AND earlier.record_id = finished.record_id
              AND earlier.attempt_id < finished.attempt_id AND earlier.outcome = 'undelivered'
              AND earlier.attempt_id > coalesce((
                  SELECT max(other.attempt_id) FROM attempts AS other
                  WHERE other.workflow = {workflow} AND other.record_id = finished.record_id
                    AND other.attempt_id < finished.attempt_id AND other.outcome <> 'undelivered'), 0)
        ) AS undeliverable
    FROM finished JOIN records ON id = record_id
),
-- The error code of those that end in Error; NULL for those that are queued again.
decided AS (
    SELECT *, CASE
        WHEN undeliverable THEN 'undeliverable'
        WHEN started AND new_failures >= :max_failures THEN 'lost_repeatedly' END AS final_code
    FROM evaluated
)
UPDATE {table} SET
    {failures} = new_failures,
    {status} = CAST(CASE WHEN final_code IS NULL THEN 'Queued' ELSE 'Error' END AS work_status),
    {due_at} = CASE
        WHEN final_code IS NOT NULL THEN NULL
        WHEN started THEN now() + make_interval(secs => {backoff})
        ELSE now() END,
    {error_code} = final_code,
    {error} = CASE final_code
        WHEN 'undeliverable' THEN 'its messages waited until the dispatch lease ended and were never started'
        WHEN 'lost_repeatedly'
            THEN 'its worker was lost ' || new_failures || ' times: timeout, crash or out of memory' END
FROM decided WHERE {table}.id = decided.record_id AND {status} = 'Processing'
RETURNING {table}.id, decided.attempt_id, decided.started, {status}, {error_code}
"""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A record taken back from an expired attempt. ``started``: the worker was lost; otherwise the message was."""

    record_id: RecordId
    attempt_id: AttemptId
    started: bool
    status: Status
    error_code: str | None


def recover(
    connection: Connection, workflow: Workflow, *, limit: int, backoff: Backoff, undelivered_max: int
) -> list[Recovered]:
    """Take back at most ``limit`` records whose attempts have expired. Needs an AUTOCOMMIT connection.

    Never started → Queued without a failure (Error ``undeliverable`` after ``undelivered_max`` in a row); started and
    lost → one failure more, then backoff or Error ``lost_repeatedly``. Records that the database refuses to change
    hide no others, however many there are; the first such error is raised when nothing could be recovered.
    """
    values = {"undelivered_max": undelivered_max, **backoff.parameters}
    errors: list[DBAPIError] = []
    after = 0
    while True:
        page = {"workflow": workflow.name, "after": after, "limit": limit}
        attempt_ids = list(connection.execute(EXPIRED, page).scalars())
        if not attempt_ids:
            break
        after = attempt_ids[-1]
        recovered = _recover(connection, workflow, attempt_ids, values, errors)
        if recovered:
            return recovered
    if errors:
        raise errors[0]
    return []


def _recover(
    connection: Connection,
    workflow: Workflow,
    attempt_ids: list[AttemptId],
    values: dict[str, float],
    errors: list[DBAPIError],
) -> list[Recovered]:
    """Recover all at once, or one by one after an error. Add errors to ``errors``; raise that of a broken connection."""
    try:
        rows = connection.execute(workflow.statement(RECOVER), {"attempt_ids": attempt_ids, **values}).all()
        return [Recovered(record, attempt, started, Status(to), code) for record, attempt, started, to, code in rows]
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if len(attempt_ids) == 1:
            errors.append(error)
            return []
    recovered: list[Recovered] = []
    for attempt_id in attempt_ids:
        recovered += _recover(connection, workflow, [attempt_id], values, errors)
    return recovered
