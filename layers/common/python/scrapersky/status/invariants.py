"""Invariants: what holds at every instant. A breach is a defect, or was made by a superuser who disabled triggers."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId

BREACHES = """
SELECT 'processing_without_live_attempt' AS breach, id AS record_id FROM (
    SELECT id FROM {table} WHERE {status} = 'Processing' AND NOT EXISTS (
        SELECT FROM attempts WHERE workflow = {workflow} AND record_id = {table}.id AND finished_at IS NULL)
) AS without_attempt
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

SAMPLE_SIZE = 2_000
"""Ids that one tick samples for records in Processing. No index has the status, so it cannot look for all of them."""

TICK_BREACHES = """
-- The records of live attempts.
WITH live AS MATERIALIZED (SELECT record_id FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL),
-- A random range of ids.
sample AS MATERIALIZED (
    SELECT floor(random() * ceil(max(id) / CAST(:size AS float8)))::bigint * :size AS start FROM {table}
)
-- Live attempts without a record in Processing, and records of the sample in Processing without a live attempt.
SELECT (SELECT count(*) FROM live)
     - (SELECT count(*) FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM live)) AND {status} = 'Processing')
     + (SELECT count(*) FROM {table}
        WHERE id > (SELECT start FROM sample) AND id <= (SELECT start + :size FROM sample)
          AND {status} = 'Processing' AND id <> ALL(ARRAY(SELECT record_id FROM live)))
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """One invariant broken by one record."""

    breach: str
    record_id: RecordId


def find_breaches(connection: Connection, workflow: Workflow, *, limit: int = 100) -> list[Breach]:
    """Return at most ``limit`` broken invariants of ``workflow``. Reads the whole table."""
    return [Breach(*row) for row in connection.execute(workflow.statement(BREACHES), {"limit": limit})]


def count_cheap_breaches(connection: Connection, workflow: Workflow) -> int:
    """Count live attempts without a record in Processing, and the reverse; cheap enough for every tick.

    The former are counted completely; the latter in a random range of :data:`SAMPLE_SIZE` ids, so that successive ticks
    find all of them.
    """
    return int(connection.execute(workflow.statement(TICK_BREACHES), {"size": SAMPLE_SIZE}).scalar_one())
