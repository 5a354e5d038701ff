"""Gauges: how much waits and how long already, read from the two small partial indexes and never from the wide table."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

COUNTED_UP_TO = 100_000
"""A longer queue is reported as this long: counting ten million entries every minute would be the load itself."""

GAUGES = """
WITH RECURSIVE tenants AS (
    (SELECT tenant FROM {table} WHERE {due_at} IS NOT NULL ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT {table}.tenant FROM {table} WHERE {due_at} IS NOT NULL AND {table}.tenant > tenants.tenant
            ORDER BY {table}.tenant LIMIT 1)
    FROM tenants WHERE tenants.tenant IS NOT NULL
)
SELECT
    (SELECT count(*) FROM (
        SELECT FROM tenants CROSS JOIN LATERAL (
            SELECT FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
            ORDER BY {due_at}, id LIMIT :most) AS waiting
        LIMIT :most) AS counted),
    (SELECT extract(epoch FROM now() - min(oldest)) FROM tenants CROSS JOIN LATERAL (
        SELECT {due_at} AS oldest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} <= now()
        ORDER BY {due_at} LIMIT 1) AS head),
    (SELECT count(*) FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL),
    (SELECT extract(epoch FROM now() - min(coalesce(started_at, dispatched_at))) FROM attempts
     WHERE workflow = {workflow} AND finished_at IS NULL)
"""

COUNTS = "SELECT {status}, count(*) FROM {table} GROUP BY 1"


@dataclass(frozen=True, slots=True)
class Gauges:
    """One workflow at one instant; ages in seconds, 0 when nothing waits."""

    queued: int
    oldest_queued_seconds: float
    processing: int
    oldest_processing_seconds: float


def read_gauges(connection: Connection, workflow: Workflow) -> Gauges:
    """The depth and age of the queue, and of what is in flight."""
    queued, queued_age, processing, processing_age = connection.execute(
        workflow.statement(GAUGES), {"most": COUNTED_UP_TO}
    ).one()
    return Gauges(queued, float(queued_age or 0), processing, float(processing_age or 0))


def count_by_status(connection: Connection, workflow: Workflow) -> dict[str, int]:
    """Records per status. Reads the whole table: for a person's question, never for a tick."""
    return {row[0]: row[1] for row in connection.execute(workflow.statement(COUNTS))}
