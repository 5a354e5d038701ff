"""Invariants: what must hold at every instant, as one query. Any row it returns is a defect, or a hand in the database."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

BREACHES = """
SELECT 'processing_without_live_attempt' AS breach, id AS record_id FROM (
    SELECT id FROM {table} WHERE {status} = 'Processing' AND NOT EXISTS (
        SELECT FROM attempts WHERE workflow = {workflow} AND record_id = {table}.id AND finished_at IS NULL)
) AS held_by_nobody
UNION ALL
SELECT 'live_attempt_without_processing', record_id FROM attempts
WHERE workflow = {workflow} AND finished_at IS NULL AND NOT EXISTS (
    SELECT FROM {table} WHERE {table}.id = record_id AND {status} = 'Processing')
UNION ALL
SELECT 'two_live_attempts', record_id FROM attempts
WHERE workflow = {workflow} AND finished_at IS NULL GROUP BY record_id HAVING count(*) > 1
UNION ALL
SELECT 'due_at_not_exactly_when_queued', id FROM {table} WHERE ({status} = 'Queued') <> ({due_at} IS NOT NULL)
UNION ALL
SELECT 'error_code_not_exactly_when_error', id FROM {table} WHERE ({status} = 'Error') <> ({error_code} IS NOT NULL)
ORDER BY 1, 2 LIMIT :limit
"""

STRETCH = 2_000
"""Ids that a tick looks at. The status stands in no index, so it cannot ask for all that are Processing."""

TICK_BREACHES = """
WITH live AS MATERIALIZED (SELECT record_id FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL),
stretch AS MATERIALIZED (
    SELECT floor(random() * ceil(max(id) / CAST(:length AS float8)))::bigint * :length AS start FROM {table}
)
SELECT (SELECT count(*) FROM live)
     - (SELECT count(*) FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM live)) AND {status} = 'Processing')
     + (SELECT count(*) FROM {table}
        WHERE id > (SELECT start FROM stretch) AND id <= (SELECT start + :length FROM stretch)
          AND {status} = 'Processing' AND id <> ALL(ARRAY(SELECT record_id FROM live)))
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """One invariant broken by one record."""

    breach: str
    record_id: int


def find_breaches(connection: Connection, workflow: Workflow, *, limit: int = 100) -> list[Breach]:
    """Every broken invariant of ``workflow``, at most ``limit``. Reads the whole table."""
    return [Breach(*row) for row in connection.execute(workflow.statement(BREACHES), {"limit": limit})]


def count_cheap_breaches(connection: Connection, workflow: Workflow) -> int:
    """Live attempts without a record that is Processing, and the other way round: cheap enough for every tick.

    The first are all counted; the second among :data:`STRETCH` ids from a random place, so that tick after tick meets all.
    """
    return int(connection.execute(workflow.statement(TICK_BREACHES), {"length": STRETCH}).scalar_one())
