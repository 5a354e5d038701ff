"""Cancel: Queued → New, on an operator's request, before the work has begun."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId

CANCEL = """
WITH {set_actor},
-- Lock the queued records in ascending order. Skip those that a claim holds: they are about to be Processing.
locked AS MATERIALIZED (
    SELECT {table}.id FROM {table}, actor
    WHERE {table}.id = ANY(CAST(:ids AS bigint[])) AND {status} = 'Queued'
    ORDER BY {table}.id FOR NO KEY UPDATE OF {table} SKIP LOCKED
)
UPDATE {table} SET {status} = 'New' FROM locked WHERE {table}.id = locked.id RETURNING {table}.id
"""


def cancel(
    connection: Connection, workflow: Workflow, ids: Sequence[RecordId], *, actor: str, reason: str
) -> list[RecordId]:
    """Cancel those of ``ids`` that are Queued and return them. A record that a claim holds right now is left alone."""
    rows = connection.execute(workflow.statement(CANCEL), {"ids": sorted(ids), "actor": actor, "reason": reason})
    return [record_id for (record_id,) in rows]
