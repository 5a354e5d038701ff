"""Requeue and hand-off: New, Completed or Error → Queued, in one audited statement with actor and reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, Status

MAX_REQUEUED = 5_000
"""The records that one requeue may move. More needs several staggered calls."""

REQUEUE = """
WITH {set_actor},
-- Lock the records in ascending order. Skip those that another transaction holds.
locked AS MATERIALIZED (
    SELECT {table}.id, {status} AS before FROM {table}, actor
    WHERE {status} IN ('New', 'Completed', 'Error')
      AND (CAST(:ids AS bigint[]) IS NULL OR {table}.id = ANY(CAST(:ids AS bigint[])))
      AND (CAST(:error_code AS text) IS NULL OR {error_code} = :error_code)
    ORDER BY {table}.id LIMIT :limit
    FOR NO KEY UPDATE OF {table} SKIP LOCKED
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now() + make_interval(secs => random() * :spread)
FROM locked WHERE {table}.id = locked.id
RETURNING {table}.id, locked.before
"""

HAND_OFF = """
WITH {set_actor},
-- Lock the records in ascending order. Wait for those that another transaction holds: a hand-off must not be lost.
locked AS MATERIALIZED (
    SELECT {table}.id, {status} AS before FROM {table}, actor
    WHERE {table}.id = ANY(CAST(:ids AS bigint[]))
      AND ({status} = 'New' OR :again AND {status} IN ('Completed', 'Error'))
      AND (CONDITION)
    ORDER BY {table}.id FOR NO KEY UPDATE OF {table}
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now() /* label */
FROM locked WHERE {table}.id = locked.id
RETURNING {table}.id, locked.before
"""

LOCK_HOSTS = """
WITH
-- Lock the records first, in ascending order, as HAND_OFF does.
candidates AS MATERIALIZED (
    SELECT {host} AS host FROM {table}
    WHERE id = ANY(CAST(:ids AS bigint[])) AND {status} = 'New' AND (CONDITION) ORDER BY id FOR NO KEY UPDATE
)
-- Lock their hosts until the transaction ends, in ascending order: two hand-offs must not fill the same places. These
-- locks are the last of a transaction, and no other verb takes them.
SELECT pg_advisory_xact_lock(hashtextextended({workflow}, host))
FROM (SELECT DISTINCT host FROM candidates ORDER BY host) AS hosts
"""

TAKE_LABEL = ", label = coalesce({table}.label, (SELECT domains.label FROM domains WHERE domains.id = {host}))"
"""A page that was known before its domain had a label takes it now. All others are labelled by the job that finds them."""

WITHIN_LIMIT = """
-- An ARRAY and one count for each host: as a join, Postgres may run all of it again for each record.
{table}.id = ANY(ARRAY(
    WITH numbered AS MATERIALIZED (
        SELECT id, {host} AS host, KIND AS kind,
            row_number() OVER (PARTITION BY {host}, KIND ORDER BY ORDERED, id) AS number
        FROM {table} WHERE id = ANY(CAST(:ids AS bigint[])) AND {status} = 'New' AND (CONDITION)
    ),
    hosts AS MATERIALIZED (SELECT DISTINCT host FROM numbered),
    -- Places are taken by all that are no longer New.
    taken AS MATERIALIZED (
        SELECT host, (
            SELECT count(*) FROM {table} WHERE {table}.{host} = hosts.host AND {status} <> 'New' AND (COUNTED)
        ) AS places FROM hosts
    )
    SELECT id FROM (
        -- The first record of each kind comes before the second of any.
        SELECT id, row_number() OVER (PARTITION BY host ORDER BY number, kind) + places AS place
        FROM numbered JOIN taken USING (host)
    ) AS placed
    WHERE place <= :most
))
"""


@dataclass(frozen=True, slots=True)
class PerHost:
    """At most ``most`` records of a host are handed off, counting those that meet ``counted`` and are no longer New.

    The first record of each ``kind`` (ascending) by ``order`` comes first, then the second of each, and so on. All
    three are trusted SQL over the columns of the table.
    """

    most: int
    counted: str
    kind: str
    order: str


def requeue(
    connection: Connection,
    workflow: Workflow,
    *,
    actor: str,
    reason: str,
    limit: int,
    ids: Sequence[RecordId] | None = None,
    error_code: str | None = None,
    spread: float = 0.0,
) -> dict[RecordId, Status]:
    """Queue at most ``limit`` records selected by ``ids`` or by ``error_code``, due within ``spread`` seconds.

    Return the ids that were queued, each with its previous status; Queued and Processing records are left alone. Raise
    ValueError without a filter, without a reason, or beyond :data:`MAX_REQUEUED`: an empty filter would mean every record.
    """
    if ids is None and error_code is None:
        raise ValueError("requeue needs a filter: ids or error_code")
    if not reason.strip():
        raise ValueError("requeue needs a reason for the audit trail")
    if not 1 <= limit <= MAX_REQUEUED:
        raise ValueError(f"limit={limit}: requeue moves 1 to {MAX_REQUEUED} records at once")
    rows = connection.execute(
        workflow.statement(REQUEUE),
        {"ids": None if ids is None else sorted(ids), "error_code": error_code, "actor": actor, "reason": reason}
        | {"limit": limit, "spread": spread},
    )
    return {record_id: Status(before) for record_id, before in rows}


def hand_off(
    connection: Connection,
    workflow: Workflow,
    ids: Sequence[RecordId],
    *,
    actor: str,
    reason: str,
    again: bool,
    condition: str = "TRUE",
    per_host: PerHost | None = None,
) -> dict[RecordId, Status]:
    """Queue ``ids`` for the next workflow, in the transaction that finishes the previous one.

    Queue New records, and Completed and Error ones only with ``again``; never Queued or Processing ones. Queue only
    those that meet ``condition``, trusted SQL over the columns of the workflow's table, and New ones within ``per_host``,
    however many transactions hand off at once. Return those queued, each with its previous status.
    """
    if not ids:
        return {}
    values = {"ids": sorted(ids), "actor": actor, "reason": reason, "again": again}
    if per_host is not None:
        connection.execute(workflow.statement(LOCK_HOSTS.replace("CONDITION", condition)), {"ids": values["ids"]})
        # A statement of its own: its snapshot must be taken after the locks.
        sql = {"CONDITION": condition, "COUNTED": per_host.counted, "KIND": per_host.kind, "ORDERED": per_host.order}
        limit = reduce(lambda template, name: template.replace(name, sql[name]), sql, WITHIN_LIMIT)
        condition = f"{condition} AND {limit}"
        values["most"] = per_host.most
    statement = HAND_OFF.replace("CONDITION", condition).replace("/* label */", TAKE_LABEL if per_host else "")
    rows = connection.execute(workflow.statement(statement), values)
    return {record_id: Status(before) for record_id, before in rows}
