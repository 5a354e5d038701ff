"""Claim: Queued → Processing, each record with a new live attempt.

A claim is one statement in three variants. They choose their ``candidates`` differently and share the CTEs that take
them. :mod:`scrapersky.status.pull` uses the same parts for workers that claim for themselves.

Fairness: every tenant's first record comes before any tenant's second, counting those that the tenant has in flight, so
that small claims share as large ones do. Tenants of equal rank take turns in alphabetical order, behind the tenant that
was served last, or behind a random one when other workflows have begun many attempts since. Where many records share a
host, the same holds for the hosts of a tenant. Otherwise the oldest due comes first.

Candidates are the oldest due records of each tenant (together at most 16 batches) and the first records of hosts met
on a walk from a random place (at most 4 batches), so that a host with ten thousand old records hides no other. With
hosts, a batch counts as 50 records at least here. The cost does not depend on the length of the queue. Each tenant that
waits adds one look-up in the index.

Warning: leave the planner no choice. A plain join of due records and candidates was a scan of the whole table (400 ms
at 500,000 rows; minutes with statistics from before a burst). So each candidate is locked in a LATERAL of its own,
which can only be a look-up by key, and every other set of keys is an ARRAY. Limits are sub-selects, so that their
values do not change the plan: otherwise Postgres plans each execution anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId

SMALLEST_WINDOW = 50
"""Where records share hosts, candidates are chosen as for a claim of at least so many records."""

OLDEST = """
WITH RECURSIVE {tenants},
-- The number of tenants that share the window of candidates.
tenant_count AS MATERIALIZED (SELECT greatest(count(tenant), 1) AS tenants FROM tenants),
-- The live attempts of the workflow.
live AS MATERIALIZED (
    SELECT attempt_id, record_id, started_at FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL
),
-- The oldest due records of each tenant, at most 4 batches of one and 16 of all.
oldest AS MATERIALIZED (
    SELECT share.* FROM tenants CROSS JOIN tenant_count CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = tenants.tenant AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT (SELECT 4 * :window)
        ) AS head
        LIMIT ceil((SELECT 16.0 * :window) / tenant_count.tenants)
    ) AS share
)"""

BY_TENANT = (
    OLDEST
    + """,
-- The live attempts of each tenant. Not counted for a single tenant, which shares with no other.
in_flight AS MATERIALIZED (
    SELECT tenant, count(*) AS live FROM {table}
    WHERE id = ANY(ARRAY(SELECT record_id FROM live)) AND (SELECT tenants > 1 FROM tenant_count)
    GROUP BY 1
),
-- Rank each record within its tenant, behind what the tenant has in flight.
candidates AS MATERIALIZED (
    SELECT id, tenant, row_number() OVER (PARTITION BY tenant ORDER BY due, id) + coalesce(live, 0) AS rank, due
    FROM oldest LEFT JOIN in_flight USING (tenant)
)"""
)

BY_HOST = (
    OLDEST
    + """,
-- Walk around each tenant's index of hosts, from a random place until the first host is met again. All tenants together
-- take at most 2 batches of steps.
hosts AS (
    SELECT tenant, host, host AS first_host, 2.0 * :window / tenant_count.tenants AS steps_left
    FROM tenants CROSS JOIN tenant_count CROSS JOIN LATERAL (
        SELECT {host} AS host FROM {table}
        WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL AND {host} >= (
            SELECT lowest + floor(random() * (highest - lowest + 1))::bigint FROM
                (SELECT {host} AS lowest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
                 ORDER BY {host}, {due_at} LIMIT 1) AS first,
                (SELECT {host} AS highest FROM {table} WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL
                 ORDER BY {host} DESC, {due_at} DESC LIMIT 1) AS last)
        ORDER BY {host}, {due_at} LIMIT 1
    ) AS anywhere
    UNION ALL
    SELECT hosts.tenant, next.host, first_host, steps_left - 1
    FROM hosts CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT {host} FROM {table}
             WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL AND {host} > hosts.host
             ORDER BY {host}, {due_at} LIMIT 1),
            (SELECT {host} FROM {table} WHERE {table}.tenant = hosts.tenant AND {due_at} IS NOT NULL
             ORDER BY {host}, {due_at} LIMIT 1)) AS host
    ) AS next
    WHERE steps_left > 1 AND next.host <> first_host
),
-- The number of hosts that share their part of the window.
host_count AS MATERIALIZED (SELECT greatest(count(host), 1) AS hosts FROM hosts),
-- For a worker that pulls: the hosts that a worker leases or that cool down, and whether the lease is this worker's own.
leases AS MATERIALIZED (
    SELECT domains.tenant, domains.id AS host, coalesce(holder = :request_id, false) AS own
    FROM host_leases CROSS JOIN LATERAL (SELECT id, tenant FROM domains WHERE domain = host_leases.host) AS domains
    WHERE held_until > now() AND CAST(:request_id AS text) IS NOT NULL
),
-- The live attempts on each host.
in_flight AS MATERIALIZED (
    SELECT tenant, {host} AS host, count(*) AS live FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM live))
    GROUP BY 1, 2
),
-- The oldest of each tenant, the oldest of each host on the walk, the latter at most 4 batches in all, and those of the
-- hosts that this worker leases.
due_records AS MATERIALIZED (
    SELECT * FROM oldest
    UNION
    SELECT share.* FROM (
        SELECT tenant, host, ceil(4.0 * :window / hosts) AS records FROM hosts CROSS JOIN host_count
        UNION
        SELECT tenant, host, :per_host FROM leases WHERE own
    ) AS chosen CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table}.id, {table}.tenant, {host} AS host, {due_at} AS due FROM {table}
            WHERE {table}.tenant = chosen.tenant AND {host} = chosen.host AND {due_at} <= now()
            ORDER BY {due_at}, {table}.id LIMIT :per_host
        ) AS head
        LIMIT chosen.records
    ) AS share
),
-- Rank each record within its host, behind what the host has in flight. Leave out the hosts of other workers.
ranked AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY tenant, host ORDER BY due, id) + coalesce(live, 0) AS host_rank
    FROM due_records LEFT JOIN in_flight USING (tenant, host) LEFT JOIN leases USING (tenant, host)
    WHERE own IS NOT FALSE
),
-- Drop what is beyond the cap of its host, and rank the rest within its tenant, behind what the tenant has in flight:
-- the hosts that this worker leases first, then host by host.
candidates AS MATERIALIZED (
    SELECT id, tenant, due,
        row_number() OVER (PARTITION BY tenant ORDER BY own NULLS LAST, host_rank, due, id)
        + coalesce((SELECT sum(live) FROM in_flight WHERE in_flight.tenant = ranked.tenant), 0) AS rank
    FROM ranked WHERE host_rank <= :per_host
)"""
)

BY_ID = """
-- The live attempts of the workflow.
WITH live AS MATERIALIZED (SELECT FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL),
-- The due records among the given ids.
candidates AS MATERIALIZED (
    SELECT id, '' AS tenant, 1 AS rank, {due_at} AS due FROM {table}
    WHERE id = ANY(CAST(:ids AS bigint[])) AND {due_at} <= now()
)"""

NO_MESSAGES = """,
-- A claim that sends messages starts nothing.
taken_over AS (SELECT NULL::bigint AS attempt_id, NULL::bigint AS record_id WHERE false)"""

LOCK = """,
-- The tenant behind which the turns go on: that of the newest claim, if it is among the last few attempts. Otherwise
-- that of a random candidate, because turns that always began anew would starve the last tenants.
served AS MATERIALIZED (
    SELECT coalesce(
        (SELECT (SELECT tenant FROM {table} WHERE {table}.id = newest.record_id) FROM (
            SELECT workflow, record_id FROM attempts ORDER BY attempt_id DESC LIMIT 20
        ) AS newest WHERE workflow = {workflow} LIMIT 1),
        (SELECT tenant FROM candidates GROUP BY tenant ORDER BY random() LIMIT 1)
    ) AS tenant
),
-- How many records may be claimed now. None while the workflow is paused.
capacity AS MATERIALIZED (
    SELECT CASE WHEN {paused} THEN 0 ELSE greatest(0, least(
        :batch - (SELECT count(*) FROM taken_over), :max_in_flight - (SELECT count(*) FROM live)
    )) END AS records
),
-- Lock candidates in fair order until the capacity is used. Skip what another transaction holds, and what is no
-- longer due.
fair AS MATERIALIZED (
    SELECT due_now.id FROM (
        SELECT id FROM candidates
        ORDER BY rank, coalesce(tenant <= (SELECT tenant FROM served), false), tenant, due, id LIMIT (SELECT 16 * :window)
    ) AS fair
    CROSS JOIN LATERAL (
        SELECT {table}.id FROM {table}
        WHERE {table}.id = fair.id AND {due_at} <= now() AND {enough_time}
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS due_now
    LIMIT (SELECT records FROM capacity)
)"""

LOCK_BEHIND = """,
-- Where others hold the candidates, look behind them, for as long as a tenant has due records that are not held.
locked AS MATERIALIZED (
    SELECT id FROM fair
    UNION ALL
    SELECT id FROM (
        SELECT due_now.id FROM tenants CROSS JOIN LATERAL (
            SELECT {table}.id FROM {table}
            WHERE {table}.tenant = tenants.tenant AND {due_at} <= now() AND {enough_time}
              AND {table}.id <> ALL(ARRAY(SELECT id FROM fair))
            ORDER BY {due_at}, {table}.id LIMIT (SELECT records FROM capacity)
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS due_now
        LIMIT (SELECT records FROM capacity) - (SELECT count(*) FROM fair)
    ) AS behind
)"""

LOCK_NO_MORE = """,
-- The records to claim.
locked AS MATERIALIZED (SELECT id FROM fair)"""

TAKE = """,
-- Insert the attempts first, because the guard lets no record into Processing without one. A record that has a stray
-- live attempt conflicts and is left out, so that it hides no other. A worker's attempt begins started.
new_attempts AS (
    INSERT INTO attempts (workflow, record_id, trigger, lease_until, started_at, worker, request_id)
    SELECT {workflow}, id, :trigger, now() + make_interval(secs => :lease),
           CASE WHEN CAST(:worker AS text) IS NOT NULL THEN now() END, :worker, :request_id
    FROM locked
    ON CONFLICT DO NOTHING
    RETURNING attempt_id, record_id
),
-- Move the records of the new attempts.
claimed AS (
    UPDATE {table} SET {status} = 'Processing' WHERE id = ANY(ARRAY(SELECT record_id FROM new_attempts)) RETURNING id
)
SELECT attempt_id, record_id, false AS claimed FROM taken_over
UNION ALL
SELECT new_attempts.attempt_id, new_attempts.record_id, true
FROM new_attempts JOIN claimed ON claimed.id = new_attempts.record_id ORDER BY attempt_id
"""


def with_time(statement: str) -> str:
    """Return ``statement`` for a worker with time for a whole deadline: it takes also what once ran out of time."""
    return statement.replace(" AND {enough_time}", "")


CLAIM_BY_TENANT = with_time(BY_TENANT + NO_MESSAGES + LOCK + LOCK_BEHIND + TAKE)
CLAIM_BY_HOST = with_time(BY_HOST + NO_MESSAGES + LOCK + LOCK_NO_MORE + TAKE)
CLAIM_BY_ID = with_time(BY_ID + NO_MESSAGES + LOCK + LOCK_NO_MORE + TAKE)


def window(workflow: Workflow, batch: int) -> int:
    """Return the number of records on which the number of candidates of a claim of ``batch`` depends."""
    return batch if workflow.host is None else max(batch, SMALLEST_WINDOW)


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
    values: dict[str, object] = {
        "batch": batch,
        "window": window(workflow, batch),
        "max_in_flight": max_in_flight,
        "lease": dispatch_lease,
        "trigger": trigger,
        "worker": None,
        "request_id": None,
    }
    if ids is not None:
        statement = CLAIM_BY_ID
        values["ids"] = sorted(ids)
    elif workflow.host is not None:
        statement = CLAIM_BY_HOST
        values["per_host"] = per_host
    else:
        statement = CLAIM_BY_TENANT
    rows = connection.execute(workflow.statement(statement), values)
    return [Claimed(attempt_id, record_id) for attempt_id, record_id, _ in rows]
