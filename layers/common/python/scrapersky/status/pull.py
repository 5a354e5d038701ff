"""Pull: a worker that has free slots and time takes more work, in one statement.

First it starts attempts whose message has not arrived, the oldest first; the message is stale when it comes. Then it
claims due records, under all the rules of a claim, with attempts that are started already: no attempt without a message
ever waits for a dispatch lease.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.status.claim import BY_HOST, BY_TENANT, LOCK, LOCK_BEHIND, LOCK_NO_MORE, TAKE, window, with_time
from scrapersky.status.start import Started
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId

TRIGGER = "pull"
"""``attempts.trigger`` of an attempt that a worker pulled, also of one that a tick or a manual run had claimed."""

TAKE_OVER = """,
-- The live attempts that are not started, oldest first. None while the workflow is paused.
waiting AS MATERIALIZED (
    SELECT held.attempt_id FROM (
        SELECT attempt_id, record_id FROM live WHERE started_at IS NULL AND NOT {paused} ORDER BY attempt_id
    ) AS first
    -- Before the lock, so that no attempt is locked that stays. OFFSET keeps this order.
    CROSS JOIN LATERAL (
        SELECT first.attempt_id FROM {table} WHERE {table}.id = first.record_id AND {enough_time} OFFSET 0
    ) AS in_time
    CROSS JOIN LATERAL (
        SELECT attempt_id FROM attempts
        WHERE attempts.attempt_id = in_time.attempt_id AND outcome IS NULL AND started_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS held
    LIMIT (SELECT CAST(:batch AS bigint))
),
-- Start them with the work lease.
taken_over AS (
    UPDATE attempts SET started_at = now(), lease_until = now() + make_interval(secs => :lease), trigger = :trigger,
                        worker = :worker, request_id = :request_id
    WHERE attempt_id = ANY(ARRAY(SELECT attempt_id FROM waiting))
    RETURNING attempt_id, record_id
)"""

TAKE_OVER_BY_HOST = TAKE_OVER.replace(
    "AND {enough_time}", "AND {enough_time} AND {host} <> ALL(ARRAY(SELECT host FROM leases WHERE NOT own))"
)
"""Leaves out the hosts of other workers: those attempts would only wait in a slot."""

PULL_BY_TENANT = BY_TENANT + TAKE_OVER + LOCK + LOCK_BEHIND + TAKE
PULL_BY_HOST = BY_HOST + TAKE_OVER_BY_HOST + LOCK + LOCK_NO_MORE + TAKE
PULL_BY_TENANT_WITH_TIME = with_time(PULL_BY_TENANT)
PULL_BY_HOST_WITH_TIME = with_time(PULL_BY_HOST)

UNANSWERED = text("""
-- The live attempts in a CTE of their own, so that history is not read.
WITH live AS MATERIALIZED (
    SELECT attempt_id, workflow, record_id, dispatched_at = started_at AS claimed, request_id FROM attempts
    WHERE workflow = ANY(CAST(:workflows AS text[])) AND finished_at IS NULL
)
SELECT workflow, attempt_id, record_id, claimed FROM live
WHERE request_id = :request_id AND attempt_id <> ALL(CAST(:known AS bigint[])) ORDER BY attempt_id
""")

MISSED = text("""
SELECT attempt_id, trigger = :trigger AS pulled FROM attempts
WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[]))
  AND (trigger = :trigger OR (outcome IS NULL AND started_at IS NULL))
""")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A started attempt. ``claimed``: it is a new one; otherwise its message is under way."""

    attempt: Started
    claimed: bool


def pull(
    connection: Connection,
    workflow: Workflow,
    *,
    batch: int,
    max_in_flight: int,
    per_host: int,
    lease: float,
    worker: str,
    request_id: str,
    enough_time: bool,
) -> list[Pulled]:
    """Start at most ``batch`` attempts of ``workflow``, waiting ones first, and new ones up to ``max_in_flight``.

    ``lease``: the seconds this invocation has left plus a margin. Without ``enough_time`` for a whole record deadline,
    records whose last attempt ended ``out_of_time`` are left out. ``request_id`` is also the holder of this worker's
    host leases: its hosts come first, and those of other workers are left out.
    """
    values: dict[str, object] = {
        "batch": batch,
        "window": window(workflow, batch),
        "max_in_flight": max_in_flight,
        "lease": lease,
        "trigger": TRIGGER,
        "worker": worker,
        "request_id": request_id,
    }
    if workflow.host is not None:
        statement = PULL_BY_HOST_WITH_TIME if enough_time else PULL_BY_HOST
        values["per_host"] = per_host
    else:
        statement = PULL_BY_TENANT_WITH_TIME if enough_time else PULL_BY_TENANT
    rows = connection.execute(workflow.statement(statement), values)
    return [
        Pulled(Started(attempt_id, workflow.name, record_id, correlation_id=request_id), claimed)
        for attempt_id, record_id, claimed in rows
    ]


def find_unanswered(
    connection: Connection, workflows: Sequence[Workflow], *, request_id: str, known: Collection[AttemptId]
) -> list[Pulled]:
    """Return the live attempts that ``request_id`` has started except for ``known``: those of pulls without a reply."""
    names = [workflow.name for workflow in workflows]
    rows = connection.execute(UNANSWERED, {"workflows": names, "request_id": request_id, "known": list(known)})
    return [
        Pulled(Started(attempt_id, workflow, record_id, correlation_id=request_id), claimed)
        for workflow, attempt_id, record_id, claimed in rows
    ]


def find_missed(connection: Connection, attempt_ids: Collection[AttemptId]) -> dict[AttemptId, bool]:
    """Return whether a worker pulled those of ``attempt_ids`` that were pulled, or are live and not started."""
    rows = connection.execute(MISSED, {"attempt_ids": sorted(attempt_ids), "trigger": TRIGGER})
    return {row.attempt_id: row.pulled for row in rows}
