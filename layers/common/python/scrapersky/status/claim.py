"""Claim: Queued → Processing, oldest due first, each with a live attempt. The dispatcher's verb, and nobody else's.

One statement. MATERIALIZED is not style: without that fence the planner may run the locking sub-select more than once
and take more than LIMIT. The attempt is inserted before the record moves, because the guard wants to see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.status.workflow import Workflow

CLAIM = """
WITH room AS MATERIALIZED (
    SELECT greatest(0, least(:batch, :max_in_flight - count(*))) AS records
    FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL
),
due AS MATERIALIZED (
    SELECT id FROM {table}
    WHERE {due_at} <= now()
      AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
      AND NOT EXISTS (
          SELECT FROM service_controls
          WHERE workflow = {workflow} AND paused_at IS NOT NULL AND coalesce(paused_until > now(), true)
      )
    ORDER BY {due_at}, id
    LIMIT (SELECT records FROM room)
    FOR UPDATE SKIP LOCKED
),
held AS (
    INSERT INTO attempts (workflow, record_id, trigger, lease_until)
    SELECT {workflow}, id, :trigger, now() + make_interval(secs => :lease) FROM due
    ON CONFLICT DO NOTHING
    RETURNING attempt_id, record_id
),
moved AS (
    UPDATE {table} SET {status} = 'Processing' FROM held WHERE {table}.id = held.record_id RETURNING {table}.id
)
SELECT held.attempt_id, held.record_id FROM held JOIN moved ON moved.id = held.record_id ORDER BY held.attempt_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A record that this caller now holds, by its live attempt."""

    attempt_id: int
    record_id: int


def claim(
    connection: Connection,
    workflow: Workflow,
    *,
    batch: int,
    max_in_flight: int,
    dispatch_lease: float,
    trigger: str = "schedule",
    ids: Sequence[int] | None = None,
) -> list[Claimed]:
    """Claims at most ``min(batch, max_in_flight − live attempts)`` due records, of ``ids`` only when given.

    A paused workflow gives none. ``dispatch_lease`` is seconds; recovery takes an attempt that has not started by then.
    """
    rows = connection.execute(
        text(workflow.sql(CLAIM)),
        {
            "batch": batch,
            "max_in_flight": max_in_flight,
            "lease": dispatch_lease,
            "trigger": trigger,
            "ids": None if ids is None else sorted(ids),
        },
    )
    return [Claimed(attempt_id, record_id) for attempt_id, record_id in rows]
