"""The SQL of host leases: one worker at a time may send requests to a host, and a cooldown holds for all of them.

A lease expires by itself, so a worker that vanished blocks a host for a limited time. A row exists only while a host is
leased or cooling down: releasing deletes it, together with a few expired rows of other workers. All times are the
database's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

# now() is the statement's start. Where the statement waited for another worker's, now() is early by that time, so that
# a lease that has just expired may be refused, and one that is still valid is never taken over.
ACQUIRE = text("""
WITH
-- In a fixed order, so that two workers lock the hosts in the same one.
wanted AS MATERIALIZED (
    SELECT *, is_suppressed(host) AS suppressed
    FROM unnest(CAST(:hosts AS text[]), CAST(:seconds AS float8[])) AS wanted (host, seconds) ORDER BY host
),
-- Insert a lease, extend this holder's own, or take over an expired one; the leases of others stay unchanged. A
-- suppressed host is not leased.
acquired AS (
    INSERT INTO host_leases AS lease (host, holder, held_until)
    SELECT host, :holder, now() + make_interval(secs => seconds) FROM wanted WHERE NOT suppressed
    ON CONFLICT (host) DO UPDATE SET holder = excluded.holder, held_until = greatest(
        excluded.held_until, CASE WHEN lease.holder = excluded.holder THEN lease.held_until END)
    WHERE lease.holder = excluded.holder OR lease.held_until <= now()
    RETURNING host, extract(epoch FROM held_until - now())::float8 AS seconds
)
SELECT wanted.host, wanted.suppressed, acquired.seconds, lease.holder,
       extract(epoch FROM lease.held_until - now())::float8 AS refused_for
FROM wanted LEFT JOIN acquired USING (host) LEFT JOIN host_leases AS lease USING (host)
""")

RELEASE = text("""
WITH
-- Lock the leases that this holder still has.
mine AS MATERIALIZED (
    SELECT lease.host, waits.seconds
    FROM unnest(CAST(:hosts AS text[]), CAST(:seconds AS float8[])) AS waits (host, seconds)
    JOIN host_leases AS lease ON lease.host = waits.host AND lease.holder = :holder
    ORDER BY lease.host FOR UPDATE OF lease
),
-- Keep the row where the next request must wait: it becomes a cooldown.
waiting AS (
    UPDATE host_leases SET holder = NULL, held_until = now() + make_interval(secs => seconds)
    FROM mine WHERE host_leases.host = mine.host AND seconds > 0
),
-- Clear away up to 20 leases of workers that vanished.
expired AS MATERIALIZED (
    SELECT host FROM host_leases WHERE held_until < now() - interval '1 hour'
    ORDER BY held_until LIMIT 20 FOR UPDATE SKIP LOCKED
)
DELETE FROM host_leases
WHERE host = ANY(ARRAY(SELECT host FROM mine WHERE seconds <= 0 UNION ALL SELECT host FROM expired))
""")

# A row without a holder is a cooldown. It ends every lease, and a longer cooldown stays.
COOL_DOWN = text("""
INSERT INTO host_leases AS lease (host, held_until) VALUES (:host, now() + make_interval(secs => :seconds))
ON CONFLICT (host) DO UPDATE SET holder = NULL, held_until = greatest(
    excluded.held_until, CASE WHEN lease.holder IS NULL THEN lease.held_until END)
""")


@dataclass(frozen=True, slots=True)
class Held:
    """The holder has the host for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker has the host, for ``seconds`` at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CoolingDown:
    """No worker may send requests to the host for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Suppressed:
    """No worker may ever send requests to the host."""

    seconds: float = math.inf


LeaseResult = Held | Busy | CoolingDown | Suppressed


def acquire(connection: Connection, holder: str, wanted: Mapping[str, float]) -> dict[str, LeaseResult]:
    """Acquire or extend the lease of each host in ``wanted`` (host → seconds) for ``holder``, unless another has it.

    One statement for all hosts; it never waits for a lease to end.
    """
    rows = connection.execute(
        ACQUIRE, {"holder": holder, "hosts": list(wanted), "seconds": [float(seconds) for seconds in wanted.values()]}
    )
    return {
        row.host: Suppressed() if row.suppressed else _result(row.seconds, row.holder, row.refused_for) for row in rows
    }


def _result(held_for: float | None, holder: str | None, refused_for: float | None) -> LeaseResult:
    if held_for is not None:
        return Held(held_for)
    if refused_for is None:  # no row is visible yet: another worker acquired the host at this very moment
        return Busy(0.0)
    left = max(refused_for, 0.0)
    return CoolingDown(left) if holder is None else Busy(left)


def release(connection: Connection, holder: str, waits: Mapping[str, float]) -> None:
    """Release the hosts in ``waits`` that ``holder`` still has; each may be leased again after so many seconds."""
    connection.execute(
        RELEASE, {"holder": holder, "hosts": list(waits), "seconds": [float(seconds) for seconds in waits.values()]}
    )


def cool_down(connection: Connection, host: str, seconds: float) -> None:
    """End every lease of ``host`` and let no worker acquire it for ``seconds``; a longer cooldown stays."""
    connection.execute(COOL_DOWN, {"host": host, "seconds": seconds})
