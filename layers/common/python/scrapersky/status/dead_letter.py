"""Dead letter: Processing → Error, for a message that was received too often without its attempt being started.

The statement is fenced like every other end: a late dead letter ends neither a newer attempt nor one that a worker
holds.
"""

from sqlalchemy import Connection, text

from scrapersky.status.sql import error_text
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, AttemptOutcome, RecordId

FIRST_SECOND, LAST_SECOND = 1_700_000_000, 10_000_000_000
"""The seconds that the id of an attempt may carry (2023 to 2286)."""

WORKFLOW_OF = text("SELECT workflow FROM attempts WHERE attempt_id = :attempt_id")

DEAD_LETTER = """
-- End the attempt if it is live and no worker is within its lease.
WITH finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = :code,
        detail = jsonb_build_object('reason', CAST(:reason AS text))
    WHERE attempt_id = :attempt_id AND workflow = {workflow} AND outcome IS NULL
      AND (started_at IS NULL OR lease_until < now())
    RETURNING record_id
)
UPDATE {table} SET {status} = 'Error', {failures} = {failures} + 1, {error_code} = :code, {error} = :reason
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id
"""


def workflow_of(connection: Connection, attempt_id: AttemptId) -> str | None:
    """Return the name of the workflow of attempt ``attempt_id``, or None when there is no such attempt."""
    name: str | None = connection.execute(WORKFLOW_OF, {"attempt_id": attempt_id}).scalar_one_or_none()
    return name


def was_chosen(attempt_id: AttemptId) -> bool:
    """Return whether a database may have chosen this id, also one that was restored and has forgotten it since."""
    return FIRST_SECOND <= attempt_id // 1_000_000 < LAST_SECOND


def dead_letter(
    connection: Connection, workflow: Workflow, attempt_id: AttemptId, *, reason: str, code: str = "dead_letter"
) -> RecordId | None:
    """End the attempt and its record in Error; return the record's id.

    Change nothing and return None when the attempt is not live or a worker holds it.
    """
    reason = error_text(reason)
    record_id: RecordId | None = connection.execute(
        workflow.statement(DEAD_LETTER),
        {"attempt_id": attempt_id, "outcome": AttemptOutcome.DEAD_LETTER.value, "code": code, "reason": reason},
    ).scalar_one_or_none()
    return record_id
