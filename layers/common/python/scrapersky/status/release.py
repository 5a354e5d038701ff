"""Release: Processing → Queued without counting a failure, when a message was not sent or its work was not started.

Warning: a send that reported a failure may have succeeded, and a worker may have started. Started attempts are left
to their worker; otherwise the work would be done, and paid for, twice.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, AttemptOutcome, RecordId

RELEASE = """
-- Lock the attempts that are live and not started, in ascending order.
WITH locked AS MATERIALIZED (
    SELECT attempt_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL AND started_at IS NULL
    ORDER BY attempt_id FOR NO KEY UPDATE
),
-- End those of this workflow.
finished AS (
    UPDATE attempts SET finished_at = now(), outcome = :outcome, code = :code
    FROM locked WHERE attempts.attempt_id = locked.attempt_id AND workflow = {workflow}
    RETURNING attempts.record_id
),{records}
UPDATE {table} SET {status} = 'Queued', {due_at} = now()
WHERE id = ANY(ARRAY(SELECT id FROM records)) AND {status} = 'Processing'
RETURNING id
"""


def release(
    connection: Connection, workflow: Workflow, attempt_ids: Sequence[AttemptId], *, code: str
) -> list[RecordId]:
    """Release those of ``attempt_ids`` that are live and not started; return the ids of the records now Queued."""
    rows = connection.execute(
        workflow.statement(RELEASE),
        {"attempt_ids": sorted(attempt_ids), "outcome": AttemptOutcome.RELEASED.value, "code": code},
    )
    return [record_id for (record_id,) in rows]
