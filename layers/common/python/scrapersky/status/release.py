"""Release: a held record goes back to Queued without blame, because its message was never sent or never started.

The danger first: a send that told of failure may have succeeded, and a worker may be busy by now. Work that has begun is left
to its worker, or it would be done (and paid for) twice.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.models.vocabulary import AttemptOutcome
from scrapersky.status.workflow import Workflow

RELEASE = """
WITH mine AS MATERIALIZED (
    SELECT attempt_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL AND started_at IS NULL
    ORDER BY attempt_id FOR UPDATE
),
finished AS (
    UPDATE attempts SET finished_at = now(), outcome = :outcome, code = :code
    FROM mine WHERE attempts.attempt_id = mine.attempt_id AND workflow = {workflow}
    RETURNING attempts.record_id
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now()
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id
"""


def release(connection: Connection, workflow: Workflow, attempt_ids: Sequence[int], *, code: str) -> list[int]:
    """Gives back those of ``attempt_ids`` that are live and not started; returns the ids of the records now Queued again."""
    rows = connection.execute(
        workflow.statement(RELEASE),
        {"attempt_ids": sorted(attempt_ids), "outcome": AttemptOutcome.RELEASED.value, "code": code},
    )
    return [record_id for (record_id,) in rows]
