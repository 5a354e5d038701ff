"""Dead letter: a message that could not even be started, again and again, ends its record in Error with the reason.

Fenced like every end: a late message must not kill a newer attempt, nor one that a worker is still busy with.
"""

from sqlalchemy import Connection, text

from scrapersky.models.vocabulary import AttemptOutcome
from scrapersky.status.finish import shortened
from scrapersky.status.workflow import Workflow

WORKFLOW_OF = text("SELECT workflow FROM attempts WHERE attempt_id = :attempt_id")

DEAD_LETTER = """
WITH finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = :code, detail = jsonb_build_object('reason', CAST(:reason AS text))
    WHERE attempt_id = :attempt_id AND workflow = {workflow} AND outcome IS NULL
      AND (started_at IS NULL OR lease_until < now())
    RETURNING record_id
)
UPDATE {table} SET {status} = 'Error', {failures} = {failures} + 1, {error_code} = :code, {error} = :reason
FROM finished WHERE {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING {table}.id
"""


def workflow_of(connection: Connection, attempt_id: int) -> str | None:
    """The name of the workflow that attempt ``attempt_id`` belongs to, or None when there is no such attempt."""
    name: str | None = connection.execute(WORKFLOW_OF, {"attempt_id": attempt_id}).scalar_one_or_none()
    return name


def dead_letter(
    connection: Connection, workflow: Workflow, attempt_id: int, *, reason: str, code: str = "dead_letter"
) -> int | None:
    """Processing → Error; returns the record's id, or None when the attempt is not live or still at work (changes nothing)."""
    record_id: int | None = connection.execute(
        workflow.statement(DEAD_LETTER),
        {
            "attempt_id": attempt_id,
            "outcome": AttemptOutcome.DEAD_LETTER.value,
            "code": code,
            "reason": shortened(reason),
        },
    ).scalar_one_or_none()
    return record_id
