"""Abandon: Processing → Error, on an operator's request. The worker's result will be stale."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.status.sql import error_text
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptOutcome, RecordId

ABANDON = """
WITH {set_actor},
-- Lock the live attempts in ascending order, before any record, as every verb does.
locked AS MATERIALIZED (
    SELECT attempt_id FROM attempts, actor
    WHERE workflow = {workflow} AND record_id = ANY(CAST(:ids AS bigint[])) AND finished_at IS NULL
    ORDER BY attempt_id FOR NO KEY UPDATE OF attempts
),
-- End them.
finished AS (
    UPDATE attempts SET finished_at = now(), outcome = :outcome, code = 'abandoned',
        detail = jsonb_build_object('reason', CAST(:reason AS text))
    FROM locked WHERE attempts.attempt_id = locked.attempt_id
    RETURNING record_id
),{records}
UPDATE {table} SET {status} = 'Error', {failures} = {failures} + 1, {error_code} = 'abandoned', {error} = :reason
WHERE id = ANY(ARRAY(SELECT id FROM records)) AND {status} = 'Processing'
RETURNING id
"""


def abandon(
    connection: Connection, workflow: Workflow, ids: Sequence[RecordId], *, actor: str, reason: str
) -> list[RecordId]:
    """End those of ``ids`` that are Processing in Error ``abandoned``, with their live attempts; return them."""
    rows = connection.execute(
        workflow.statement(ABANDON),
        {"ids": sorted(ids), "actor": actor, "reason": error_text(reason), "outcome": AttemptOutcome.ABANDONED.value},
    )
    return [record_id for (record_id,) in rows]
