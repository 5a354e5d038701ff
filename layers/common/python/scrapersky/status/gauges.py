"""Gauges: length and age of a workflow's queue and of its work in flight."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

COUNTED_UP_TO = 100_000
"""The highest queue length reported, so that counting every minute stays cheap."""

GAUGES = """
WITH RECURSIVE {tenants}
-- The first four values come from the two partial indexes (due records, live attempts), never from the wide table.
SELECT
    (SELECT count(*) FROM (
        SELECT FROM tenants CROSS JOIN LATERAL (
            SELECT FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
            ORDER BY {due_at}, id LIMIT :most) AS queued
        LIMIT :most) AS counted),
    (SELECT extract(epoch FROM now() - min(oldest)) FROM tenants CROSS JOIN LATERAL (
        SELECT {due_at} AS oldest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} <= now()
        ORDER BY {due_at} LIMIT 1) AS head),
    (SELECT count(*) FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL),
    (SELECT extract(epoch FROM now() - min(coalesce(started_at, dispatched_at))) FROM attempts
     WHERE workflow = {workflow} AND finished_at IS NULL),
    (SELECT 100.0 * count(*) / CAST(current_setting('max_connections') AS int) FROM pg_stat_activity)
"""

COUNTS = "SELECT {status}, count(*) FROM {table} GROUP BY 1"


@dataclass(frozen=True, slots=True)
class Gauges:
    """One workflow at one instant. Ages are in seconds, 0 for an empty queue."""

    queued: int
    oldest_queued_seconds: float
    processing: int
    oldest_processing_seconds: float
    connections_percent: float
    """Connections of all clients of the database server, as a share of its ``max_connections``."""


def read_gauges(connection: Connection, workflow: Workflow, *, most: int = COUNTED_UP_TO) -> Gauges:
    """Return length and age of the queue, of which at most ``most`` records are counted, and of the work in flight."""
    queued, queued_age, processing, processing_age, connections = connection.execute(
        workflow.statement(GAUGES), {"most": most}
    ).one()
    return Gauges(queued, float(queued_age or 0), processing, float(processing_age or 0), float(connections))


def count_by_status(connection: Connection, workflow: Workflow) -> dict[str, int]:
    """Return the records per status. Reads the whole table: too slow for a tick."""
    return {row[0]: row[1] for row in connection.execute(workflow.statement(COUNTS))}
