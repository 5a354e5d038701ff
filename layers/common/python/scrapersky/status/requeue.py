"""Requeue and hand-off: New, Completed or Error → Queued, in one audited statement that names who and why."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

MAX_REQUEUED = 5_000
"""Records one requeue may move; more is a mistake or a job for several, staggered calls."""

REQUEUE = """
WITH said AS MATERIALIZED (
    SELECT set_config('scrapersky.actor', :actor, true), set_config('scrapersky.reason', :reason, true)
),
chosen AS MATERIALIZED (
    SELECT {table}.id FROM {table}, said
    WHERE {status} IN ('New', 'Completed', 'Error')
      AND (CAST(:ids AS bigint[]) IS NULL OR {table}.id = ANY(CAST(:ids AS bigint[])))
      AND (CAST(:error_code AS text) IS NULL OR {error_code} = :error_code)
    ORDER BY {table}.id LIMIT :limit
    FOR UPDATE OF {table} SKIP LOCKED
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now() + make_interval(secs => random() * :spread)
FROM chosen WHERE {table}.id = chosen.id
RETURNING {table}.id
"""

HAND_OFF = """
WITH said AS MATERIALIZED (
    SELECT set_config('scrapersky.actor', :actor, true), set_config('scrapersky.reason', :reason, true)
),
chosen AS MATERIALIZED (
    SELECT {table}.id FROM {table}, said
    WHERE {table}.id = ANY(CAST(:ids AS bigint[]))
      AND ({status} = 'New' OR :again AND {status} IN ('Completed', 'Error'))
    ORDER BY {table}.id FOR UPDATE OF {table}
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now()
FROM chosen WHERE {table}.id = chosen.id
RETURNING {table}.id
"""


def requeue(
    connection: Connection,
    workflow: Workflow,
    *,
    actor: str,
    reason: str,
    limit: int,
    ids: Sequence[int] | None = None,
    error_code: str | None = None,
    spread: float = 0.0,
) -> list[int]:
    """Queues again at most ``limit`` records chosen by ``ids`` or by ``error_code``, due within ``spread`` seconds.

    Returns the ids that were queued; records that are Queued or Processing are left alone. Raises ValueError without a
    filter, without a reason, or beyond :data:`MAX_REQUEUED`: an empty filter means every record, and is never meant.
    """
    if ids is None and error_code is None:
        raise ValueError("requeue needs a filter: ids or error_code")
    if not reason.strip():
        raise ValueError("requeue needs a reason: who reads the history will ask")
    if not 1 <= limit <= MAX_REQUEUED:
        raise ValueError(f"limit={limit}: requeue moves 1 to {MAX_REQUEUED} records at once")
    rows = connection.execute(
        workflow.statement(REQUEUE),
        {
            "ids": None if ids is None else sorted(ids),
            "error_code": error_code,
            "actor": actor,
            "reason": reason,
            "limit": limit,
            "spread": spread,
        },
    )
    return [record_id for (record_id,) in rows]


def hand_off(
    connection: Connection, workflow: Workflow, ids: Sequence[int], *, actor: str, reason: str, again: bool
) -> list[int]:
    """Queues ``ids`` for the next workflow, inside the transaction that finished the last one; returns those queued.

    New records always; Completed and Error ones only when ``again``; never one that is Queued or Processing.
    """
    if not ids:
        return []
    rows = connection.execute(
        workflow.statement(HAND_OFF), {"ids": sorted(ids), "actor": actor, "reason": reason, "again": again}
    )
    return [record_id for (record_id,) in rows]
