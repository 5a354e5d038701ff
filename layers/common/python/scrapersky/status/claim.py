"""Claim: Queued → Processing, each record with a new live attempt. Only dispatchers claim.

A claim is one statement in three variants. They choose their ``candidates`` differently and share the CTEs that take
them.

Fairness: every tenant's first record comes before any tenant's second, and so do hosts where many records share one;
within a rank the oldest due comes first. Candidates are the oldest due records of each tenant (together at most 16
batches) and the first records of hosts met on a walk from a random place (at most 4 batches), so that a host with ten
thousand old records hides no other. The cost does not depend on the length of the queue. Each tenant that waits adds
one look-up in the index.

Warning: leave the planner no choice. A plain join of due records and candidates was a scan of the whole table (400 ms
at 500,000 rows; minutes with statistics from before a burst). So each candidate is locked in a LATERAL of its own,
which can only be a look-up by key, and every other set of keys is an ARRAY.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId

OLDEST = """
WITH RECURSIVE {tenants},
-- The number of tenants that share the window of candidates.
tenant_count AS MATERIALIZED (SELECT greatest(count(tenant), 1) AS tenants FROM tenants),
-- The oldest due records of each tenant, at most 4 batches of one and 16 of all.
oldest AS MATERIALIZED (
    SELECT share.* FROM tenants CROSS JOIN tenant_count CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = tenants.tenant AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT 4 * :batch
        ) AS head
        LIMIT ceil(16.0 * :batch / tenant_count.tenants)
    ) AS share
)"""

TAKE = """,
-- How many records may be claimed now. None while the workflow is paused.
capacity AS MATERIALIZED (
    SELECT CASE WHEN {paused} THEN 0 ELSE (
        SELECT greatest(0, least(:batch, :max_in_flight - count(*))) FROM attempts
        WHERE workflow = {workflow} AND finished_at IS NULL
    ) END AS records
),
-- Lock candidates in fair order until the capacity is used. Skip what another transaction holds, and what is no
-- longer due.
locked AS MATERIALIZED (
    SELECT due_now.id FROM (SELECT id FROM candidates ORDER BY rank, due, id LIMIT 16 * :batch) AS fair
    CROSS JOIN LATERAL (
        SELECT {table}.id FROM {table} WHERE {table}.id = fair.id AND {due_at} <= now() FOR UPDATE SKIP LOCKED
    ) AS due_now
    LIMIT (SELECT records FROM capacity)
),
-- Insert the attempts first, because the guard lets no record into Processing without one. A record that has a stray
-- live attempt conflicts and is left out, so that it hides no other.
new_attempts AS (
    INSERT INTO attempts (workflow, record_id, trigger, lease_until)
    SELECT {workflow}, id, :trigger, now() + make_interval(secs => :lease) FROM locked
    ON CONFLICT DO NOTHING
    RETURNING attempt_id, record_id
),
-- Move the records of the new attempts.
claimed AS (
    UPDATE {table} SET {status} = 'Processing' WHERE id = ANY(ARRAY(SELECT record_id FROM new_attempts)) RETURNING id
)
SELECT new_attempts.attempt_id, new_attempts.record_id
FROM new_attempts JOIN claimed ON claimed.id = new_attempts.record_id ORDER BY new_attempts.attempt_id
"""

CLAIM_BY_TENANT = (
    OLDEST
    + """,
-- Rank each record within its tenant.
candidates AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY tenant ORDER BY due, id) AS rank, due FROM oldest
)"""
    + TAKE
)

CLAIM_BY_HOST = (
    OLDEST
    + """,
-- Walk around each tenant's index of hosts, from a random place until the first host is met again. All tenants together
-- take at most 2 batches of steps.
hosts AS (
    SELECT tenant, host, host AS first_host, 2.0 * :batch / tenant_count.tenants AS steps_left
    FROM tenants CROSS JOIN tenant_count CROSS JOIN LATERAL (
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
    SELECT hosts.tenant, next.host, first_host, steps_left - 1
    FROM hosts CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT {host} FROM {table}
             WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL AND {host} > hosts.host
             ORDER BY {host} LIMIT 1),
            (SELECT {host} FROM {table} WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL
             ORDER BY {host} LIMIT 1)) AS host
    ) AS next
    WHERE steps_left > 1 AND next.host <> first_host
),
-- The number of hosts that share their part of the window.
host_count AS MATERIALIZED (SELECT greatest(count(host), 1) AS hosts FROM hosts),
-- The live attempts on each host.
in_flight AS MATERIALIZED (
    SELECT {host} AS host, count(*) AS live FROM {table} WHERE id = ANY(ARRAY(
        SELECT record_id FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL))
    GROUP BY 1
),
-- The oldest of each tenant, and the oldest of each host on the walk, the latter at most 4 batches in all.
due_records AS MATERIALIZED (
    SELECT * FROM oldest
    UNION
    SELECT share.* FROM hosts CROSS JOIN host_count CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = hosts.tenant AND {host} = hosts.host AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT :per_host
        ) AS head
        LIMIT ceil(4.0 * :batch / host_count.hosts)
    ) AS share
),
-- Rank each record within its host, behind what the host has in flight.
ranked AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY tenant, host ORDER BY due, id) + coalesce(live, 0) AS host_rank
    FROM due_records LEFT JOIN in_flight USING (host)
),
-- Drop what is beyond the cap of its host, and rank the rest within its tenant, host by host.
candidates AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY tenant ORDER BY host_rank, due, id) AS rank, due
    FROM ranked WHERE host_rank <= :per_host
)"""
    + TAKE
)

CLAIM_BY_ID = (
    """
-- The due records among the given ids.
WITH candidates AS MATERIALIZED (
    SELECT id, 1 AS rank, {due_at} AS due FROM {table} WHERE id = ANY(CAST(:ids AS bigint[])) AND {due_at} <= now()
)"""
    + TAKE
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A record that this caller holds, by its live attempt."""

    attempt_id: AttemptId
    record_id: RecordId


def claim(
    connection: Connection,
    workflow: Workflow,
    *,
    batch: int,
    max_in_flight: int,
    dispatch_lease: float,
    per_host: int = 1_000_000,
    trigger: str = "schedule",
    ids: Sequence[RecordId] | None = None,
) -> list[Claimed]:
    """Claim at most ``min(batch, max_in_flight − live attempts)`` due records, only of ``ids`` when given.

    A paused workflow yields none. ``per_host`` caps the live attempts on the records of one host, where many share
    one; it does not apply to ``ids``. ``dispatch_lease`` is in seconds: recovery takes an attempt that has not
    started by then.
    """
    values: dict[str, object] = {"batch": batch, "max_in_flight": max_in_flight}
    values |= {"lease": dispatch_lease, "trigger": trigger}
    if ids is not None:
        statement = CLAIM_BY_ID
        values["ids"] = sorted(ids)
    elif workflow.host is not None:
        statement = CLAIM_BY_HOST
        values["per_host"] = per_host
    else:
        statement = CLAIM_BY_TENANT
    rows = connection.execute(workflow.statement(statement), values)
    return [Claimed(attempt_id, record_id) for attempt_id, record_id in rows]
