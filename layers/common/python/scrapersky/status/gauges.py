"""Gauges: how much waits and how long already, read from the two small partial indexes and never from the wide table."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.status.workflow import Workflow

GAUGES = """
SELECT
    (SELECT count(*) FROM {table} WHERE {due_at} IS NOT NULL),
    (SELECT extract(epoch FROM now() - min({due_at})) FROM {table} WHERE {due_at} <= now()),
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
    queued, queued_age, processing, processing_age = connection.execute(text(workflow.sql(GAUGES))).one()
    return Gauges(queued, float(queued_age or 0), processing, float(processing_age or 0))


def count_by_status(connection: Connection, workflow: Workflow) -> dict[str, int]:
    """Records per status. Reads the whole table: for a person's question, never for a tick."""
    return {row[0]: row[1] for row in connection.execute(text(workflow.sql(COUNTS)))}
