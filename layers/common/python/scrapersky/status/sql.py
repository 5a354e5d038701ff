"""SQL that several verbs share: fragments that :meth:`Workflow.sql` fills in by name.

Warning: SQLAlchemy takes a colon before a word for a parameter, in SQL comments too.
"""

from collections.abc import Mapping

from scrapersky.errors import shorten
from scrapersky.status.retry_policy import BACKOFF_SECONDS
from scrapersky.vocabulary import MAX_ERROR_LENGTH

SET_ACTOR = "SELECT set_config('scrapersky.actor', :actor, true), set_config('scrapersky.reason', :reason, true)"
"""Names who acts and why for the audit trigger, until the end of the transaction."""

FRAGMENTS: Mapping[str, str] = {
    "set_actor": f"""
-- Name actor and reason for the audit trigger. The next CTE joins this one, as Postgres does not run an unused CTE.
actor AS MATERIALIZED ({SET_ACTOR})""",
    "records": """
-- Lock the records of the attempts that were ended, in ascending order, after the attempts, as every verb does.
records AS MATERIALIZED (
    SELECT id FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM finished)) ORDER BY id FOR NO KEY UPDATE
)""",
    "paused": """EXISTS (
        SELECT FROM pauses
        WHERE workflow = {workflow} AND resumed_at IS NULL AND coalesce(paused_until > now(), true))""",
    "tenants": """
-- The tenants with queued records, one look-up in the index for each (a loose index scan). The last row is NULL. In the
-- order of the index of due records, because any other index is read from its start, past all that is done.
tenants AS (
    (SELECT tenant FROM {table} WHERE {due_at} IS NOT NULL ORDER BY tenant, {due_at} LIMIT 1)
    UNION ALL
    SELECT (SELECT {table}.tenant FROM {table} WHERE {due_at} IS NOT NULL AND {table}.tenant > tenants.tenant
            ORDER BY {table}.tenant, {due_at} LIMIT 1)
    FROM tenants WHERE tenants.tenant IS NOT NULL
)""",
    # A record that ended for lack of time needs a worker with time for a whole deadline.
    "enough_time": """(
        SELECT code FROM attempts WHERE workflow = {workflow} AND record_id = {table}.id AND finished_at IS NOT NULL
        ORDER BY attempt_id DESC LIMIT 1) IS DISTINCT FROM 'out_of_time'""",
    "backoff": BACKOFF_SECONDS,
}


def storable_text(text: str) -> str:
    """Return ``text`` as Postgres can store it: without NUL, with ``?`` for each lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def error_text(reason: str) -> str:
    """Return ``reason`` as a record can store it: at most :data:`MAX_ERROR_LENGTH` characters."""
    return shorten(storable_text(reason), MAX_ERROR_LENGTH)
