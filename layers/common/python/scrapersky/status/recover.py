"""Recover: what a crash, a deploy or a lost message left behind goes back into the queue, or to Error with a reason.

The danger first: an attempt may finish while we look at it. So the lease is checked again inside the UPDATE, under the
row's lock, and a row somebody else holds is skipped. Runs at the start of every tick, so no separate actor can stall.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.models.vocabulary import Status
from scrapersky.status.finish import Backoff
from scrapersky.status.workflow import Workflow

# The live ones first and apart: asked for the oldest few, the planner may walk all of history by its key to find them.
EXPIRED = text("""
WITH live AS MATERIALIZED (
    SELECT attempt_id, lease_until FROM attempts WHERE workflow = :workflow AND finished_at IS NULL
)
SELECT attempt_id FROM live WHERE lease_until < now() AND attempt_id > :after ORDER BY attempt_id LIMIT :limit
""")

RECOVER = """
WITH expired AS MATERIALIZED (
    SELECT attempt_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL AND lease_until < now()
    ORDER BY attempt_id FOR UPDATE SKIP LOCKED
),
finished AS (
    UPDATE attempts
    SET finished_at = now(),
        outcome = CASE WHEN started_at IS NULL THEN 'undelivered' ELSE 'lost' END,
        code = CASE WHEN started_at IS NULL THEN 'undelivered' ELSE 'lost' END
    FROM expired WHERE attempts.attempt_id = expired.attempt_id AND outcome IS NULL AND lease_until < now()
    RETURNING attempts.attempt_id, record_id, started_at IS NOT NULL AS started
),
judged AS (
    SELECT attempt_id, record_id, started, {failures} + CASE WHEN started THEN 1 ELSE 0 END AS failed,
        NOT started AND :undelivered_max <= (
            SELECT count(*) + 1 FROM attempts AS earlier
            WHERE earlier.workflow = {workflow} AND earlier.record_id = finished.record_id
              AND earlier.attempt_id < finished.attempt_id AND earlier.outcome = 'undelivered'
              AND earlier.attempt_id > coalesce((
                  SELECT max(other.attempt_id) FROM attempts AS other
                  WHERE other.workflow = {workflow} AND other.record_id = finished.record_id
                    AND other.attempt_id < finished.attempt_id AND other.outcome <> 'undelivered'), 0)
        ) AS undeliverable
    FROM finished JOIN {table} ON {table}.id = record_id
),
sentenced AS (
    SELECT *, CASE
        WHEN undeliverable THEN 'undeliverable'
        WHEN started AND failed >= :max_failures THEN 'lost_repeatedly' END AS verdict
    FROM judged
)
UPDATE {table} SET
    {failures} = failed,
    {status} = CAST(CASE WHEN verdict IS NULL THEN 'Queued' ELSE 'Error' END AS work_status),
    {due_at} = CASE
        WHEN verdict IS NOT NULL THEN NULL
        WHEN started THEN now() + make_interval(secs => (0.5 + random() / 2) * least(:cap, :base * 2.0 ^ (failed - 1)))
        ELSE now() END,
    {error_code} = verdict,
    {error} = CASE verdict
        WHEN 'undeliverable' THEN 'message after message waited out its dispatch lease and was never started'
        WHEN 'lost_repeatedly' THEN 'its worker was lost ' || failed || ' times: timeout, crash or out of memory' END
FROM sentenced WHERE {table}.id = sentenced.record_id AND {status} = 'Processing'
RETURNING {table}.id, sentenced.attempt_id, sentenced.started, {status}, {error_code}
"""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A record taken back from an attempt whose lease ran out; ``started`` tells lost from never delivered."""

    record_id: int
    attempt_id: int
    started: bool
    status: Status
    error_code: str | None


def recover(
    connection: Connection, workflow: Workflow, *, limit: int, backoff: Backoff, undelivered_max: int
) -> list[Recovered]:
    """Takes back at most ``limit`` records whose attempts outlived their lease. Wants an AUTOCOMMIT connection.

    Never started → Queued without blame (Error ``undeliverable`` after ``undelivered_max`` in a row); started and lost →
    one failure more, backoff or Error ``lost_repeatedly``. Rows that cannot be rescued hide no others, however many they
    are; when there was nothing else to rescue, their error is raised.
    """
    refused: list[DBAPIError] = []
    after = 0
    while True:
        looked_at = {"workflow": workflow.name, "after": after, "limit": limit}
        attempt_ids = list(connection.execute(EXPIRED, looked_at).scalars())
        if not attempt_ids:
            break
        after = attempt_ids[-1]
        recovered = _recover_each(connection, workflow, attempt_ids, backoff, undelivered_max, refused)
        if recovered:
            return recovered
    if refused:
        raise refused[0]
    return []


def _recover_each(
    connection: Connection,
    workflow: Workflow,
    attempt_ids: list[int],
    backoff: Backoff,
    undelivered_max: int,
    refused: list[DBAPIError],
) -> list[Recovered]:
    """All at once, or one by one when one of them is refused; what refused them is added to ``refused``.

    A connection that is gone refuses nobody, and is raised at once.
    """
    values = {
        "undelivered_max": undelivered_max,
        "max_failures": backoff.max_failures,
        "base": backoff.base,
        "cap": backoff.cap,
    }
    try:
        return _recover(connection, workflow, attempt_ids, values)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if len(attempt_ids) == 1:
            refused.append(error)
            return []
    recovered: list[Recovered] = []
    for attempt_id in attempt_ids:
        try:
            recovered += _recover(connection, workflow, [attempt_id], values)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            refused.append(error)
    return recovered


def _recover(
    connection: Connection, workflow: Workflow, attempt_ids: list[int], values: dict[str, float]
) -> list[Recovered]:
    rows = connection.execute(workflow.statement(RECOVER), {"attempt_ids": attempt_ids, **values})
    return [
        Recovered(record, attempt, started, Status(status), code) for record, attempt, started, status, code in rows
    ]
