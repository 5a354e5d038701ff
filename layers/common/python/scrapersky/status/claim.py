"""Claim: Queued → Processing, each with a live attempt. The dispatcher's verb, and nobody else's.

One statement. MATERIALIZED is not style: without that fence the planner may run the locking sub-select more than once
and take more than LIMIT. The attempt is inserted before the record moves, because the guard wants to see it.

The danger first: the planner must not be given a choice. The table of due records joined plainly to the candidates was
read as a whole (400 ms at half a million rows), and for minutes with statistics from before a burst. So each candidate
is locked in a LATERAL of its own, which can only be a look-up by key, and every other set of keys is an ARRAY.

Fair between tenants, and between hosts where many records share one: everybody's first record comes before anybody's
second, and within a turn the oldest due comes first. Candidates are the oldest due of each tenant and, so that one host
with ten thousand old records cannot hide the others, the first few of the hosts met by a walk around the index that starts
at a random place. Together the tenants' shares are at most 16 batches, and the hosts' 4: what is read does not grow with
the queue, and with the number of tenants that wait only by one look at the index for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

OLDEST_OF_EACH_TENANT = """
tenants AS (
    (SELECT tenant FROM {table} WHERE {due_at} IS NOT NULL ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT {table}.tenant FROM {table} WHERE {due_at} IS NOT NULL AND {table}.tenant > tenants.tenant
            ORDER BY {table}.tenant LIMIT 1)
    FROM tenants WHERE tenants.tenant IS NOT NULL
),
waiting AS MATERIALIZED (SELECT greatest(count(tenant), 1) AS tenants FROM tenants),
oldest AS MATERIALIZED (
    SELECT share.* FROM tenants CROSS JOIN waiting CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = tenants.tenant AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT 4 * :batch
        ) AS head
        LIMIT ceil(16.0 * :batch / waiting.tenants)
    ) AS share
)"""

CANDIDATES = (
    OLDEST_OF_EACH_TENANT
    + """,
candidates AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY tenant ORDER BY due, id) AS turn, due FROM oldest
)"""
)

CANDIDATES_OF_HOSTS = (
    OLDEST_OF_EACH_TENANT
    + """,
hosts AS (
    SELECT tenant, host, host AS first_met, 2.0 * :batch / waiting.tenants AS steps_left
    FROM tenants CROSS JOIN waiting CROSS JOIN LATERAL (
        SELECT {host} AS host FROM {table}
        WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL AND {host} >= (
            SELECT lowest + floor(random() * (highest - lowest + 1))::bigint FROM
                (SELECT {host} AS lowest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
                 ORDER BY {host} LIMIT 1) AS first,
                (SELECT {host} AS highest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
                 ORDER BY {host} DESC LIMIT 1) AS last)
        ORDER BY {host} LIMIT 1
    ) AS anywhere
    UNION ALL
    SELECT hosts.tenant, next.host, first_met, steps_left - 1
    FROM hosts CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT {host} FROM {table}
             WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL AND {host} > hosts.host
             ORDER BY {host} LIMIT 1),
            (SELECT {host} FROM {table} WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL
             ORDER BY {host} LIMIT 1)) AS host
    ) AS next
    WHERE steps_left > 1 AND next.host <> first_met
),
met AS MATERIALIZED (SELECT greatest(count(host), 1) AS hosts FROM hosts),
busy AS MATERIALIZED (
    SELECT {host} AS host, count(*) AS live FROM {table} WHERE id = ANY(ARRAY(
        SELECT record_id FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL))
    GROUP BY 1
),
known AS MATERIALIZED (
    SELECT * FROM oldest
    UNION
    SELECT share.* FROM hosts CROSS JOIN met CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = hosts.tenant AND {host} = hosts.host AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT :per_host
        ) AS head
        LIMIT ceil(4.0 * :batch / met.hosts)
    ) AS share
),
queues AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY tenant, host ORDER BY due, id) + coalesce(live, 0) AS turn_of_host
    FROM known LEFT JOIN busy USING (host)
),
candidates AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY tenant ORDER BY turn_of_host, due, id) AS turn, due
    FROM queues WHERE turn_of_host <= :per_host
)"""
)

CANDIDATES_BY_ID = """
candidates AS MATERIALIZED (
    SELECT id, 1 AS turn, {due_at} AS due FROM {table} WHERE id = ANY(CAST(:ids AS bigint[])) AND {due_at} <= now()
)"""

CLAIM = """,
room AS MATERIALIZED (
    SELECT CASE WHEN EXISTS (
        SELECT FROM service_controls
        WHERE workflow = {workflow} AND paused_at IS NOT NULL AND coalesce(paused_until > now(), true)
    ) THEN 0 ELSE (
        SELECT greatest(0, least(:batch, :max_in_flight - count(*))) FROM attempts
        WHERE workflow = {workflow} AND finished_at IS NULL
    ) END AS records
),
due AS MATERIALIZED (
    SELECT free.id FROM (SELECT id FROM candidates ORDER BY turn, due, id LIMIT 16 * :batch) AS in_turn
    CROSS JOIN LATERAL (
        SELECT {table}.id FROM {table} WHERE {table}.id = in_turn.id AND {due_at} <= now() FOR UPDATE SKIP LOCKED
    ) AS free
    LIMIT (SELECT records FROM room)
),
held AS (
    INSERT INTO attempts (workflow, record_id, trigger, lease_until)
    SELECT {workflow}, id, :trigger, now() + make_interval(secs => :lease) FROM due
    ON CONFLICT DO NOTHING
    RETURNING attempt_id, record_id
),
moved AS (
    UPDATE {table} SET {status} = 'Processing' WHERE id = ANY(ARRAY(SELECT record_id FROM held)) RETURNING id
)
SELECT held.attempt_id, held.record_id FROM held JOIN moved ON moved.id = held.record_id ORDER BY held.attempt_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A record that this caller now holds, by its live attempt."""

    attempt_id: int
    record_id: int


def claim(
    connection: Connection,
    workflow: Workflow,
    *,
    batch: int,
    max_in_flight: int,
    dispatch_lease: float,
    per_host: int = 1_000_000,
    trigger: str = "schedule",
    ids: Sequence[int] | None = None,
) -> list[Claimed]:
    """Claims at most ``min(batch, max_in_flight − live attempts)`` due records, of ``ids`` only when given.

    A paused workflow gives none. ``per_host`` caps the live attempts on one host's records, where many share one; an
    operator's ``ids`` are not held to it. ``dispatch_lease`` is seconds; recovery takes an attempt not started by then.
    """
    values: dict[str, object] = {
        "batch": batch,
        "max_in_flight": max_in_flight,
        "lease": dispatch_lease,
        "trigger": trigger,
    }
    if ids is not None:
        candidates = CANDIDATES_BY_ID
        values["ids"] = sorted(ids)
    elif workflow.host is not None:
        candidates = CANDIDATES_OF_HOSTS
        values["per_host"] = per_host
    else:
        candidates = CANDIDATES
    rows = connection.execute(workflow.statement("WITH RECURSIVE " + candidates + CLAIM), values)
    return [Claimed(attempt_id, record_id) for attempt_id, record_id in rows]
