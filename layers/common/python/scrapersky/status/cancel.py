"""Cancel: Queued → New. Work that nobody has begun is taken back, by a person, with a reason."""

from collections.abc import Sequence

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

CANCEL = """
WITH said AS MATERIALIZED (
    SELECT set_config('scrapersky.actor', :actor, true), set_config('scrapersky.reason', :reason, true)
),
chosen AS MATERIALIZED (
    SELECT {table}.id FROM {table}, said
    WHERE {table}.id = ANY(CAST(:ids AS bigint[])) AND {status} = 'Queued'
    ORDER BY {table}.id FOR UPDATE OF {table} SKIP LOCKED
)
UPDATE {table} SET {status} = 'New' FROM chosen WHERE {table}.id = chosen.id RETURNING {table}.id
"""


def cancel(connection: Connection, workflow: Workflow, ids: Sequence[int], *, actor: str, reason: str) -> list[int]:
    """Takes back those of ``ids`` that are Queued; returns them. One that a claim holds right now goes on."""
    rows = connection.execute(workflow.statement(CANCEL), {"ids": sorted(ids), "actor": actor, "reason": reason})
    return [record_id for (record_id,) in rows]
