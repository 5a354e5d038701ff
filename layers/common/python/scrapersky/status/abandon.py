"""Abandon: Processing → Error, by a person who knows that the work must not go on. Its worker's result will be stale."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.models.vocabulary import AttemptOutcome
from scrapersky.status.finish import shortened
from scrapersky.status.workflow import Workflow

ABANDON = """
WITH said AS MATERIALIZED (
    SELECT set_config('scrapersky.actor', :actor, true), set_config('scrapersky.reason', :reason, true)
),
mine AS MATERIALIZED (
    SELECT attempt_id FROM attempts, said
    WHERE workflow = {workflow} AND record_id = ANY(CAST(:ids AS bigint[])) AND finished_at IS NULL
    ORDER BY attempt_id FOR UPDATE OF attempts
),
finished AS (
    UPDATE attempts SET finished_at = now(), outcome = :outcome, code = 'abandoned',
        detail = jsonb_build_object('reason', CAST(:reason AS text))
    FROM mine WHERE attempts.attempt_id = mine.attempt_id AND finished_at IS NULL
    RETURNING record_id
)
UPDATE {table} SET {status} = 'Error', {failures} = {failures} + 1, {error_code} = 'abandoned', {error} = :reason
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id
"""


def abandon(connection: Connection, workflow: Workflow, ids: Sequence[int], *, actor: str, reason: str) -> list[int]:
    """Ends the live attempts of ``ids`` and their records in Error ``abandoned``; returns those that were Processing."""
    rows = connection.execute(
        workflow.statement(ABANDON),
        {
            "ids": sorted(ids),
            "actor": actor,
            "reason": shortened(reason),
            "outcome": AttemptOutcome.ABANDONED.value,
        },
    )
    return [record_id for (record_id,) in rows]
