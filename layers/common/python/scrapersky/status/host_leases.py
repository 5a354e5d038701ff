"""Host leases: one worker at a time speaks to a website, and a website that asks for a rest gets it from all of them.

A lease ends by itself, so a worker that vanished blocks nobody for long. A row is only there while a host is spoken to
or left alone: giving back deletes it, and takes a few forgotten ones along. All time is the database's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

# now() is the statement's start: where it had to wait for another worker's statement, it is too early by that, so that
# it takes less than it could and never more.
TAKE = text("""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:hosts AS text[]), CAST(:seconds AS float8[])) AS wanted (host, seconds) ORDER BY host
),
taken AS (
    INSERT INTO host_leases AS lease (host, holder, held_until)
    SELECT host, :holder, now() + make_interval(secs => seconds) FROM wanted
    ON CONFLICT (host) DO UPDATE SET holder = excluded.holder, held_until = greatest(
        excluded.held_until, CASE WHEN lease.holder = excluded.holder THEN lease.held_until END)
    WHERE lease.holder = excluded.holder OR lease.held_until <= now()
    RETURNING host, extract(epoch FROM held_until - now())::float8 AS seconds
)
SELECT wanted.host, taken.seconds, lease.holder,
       greatest(0, extract(epoch FROM lease.held_until - now())::float8) AS refused_for
FROM wanted LEFT JOIN taken USING (host) LEFT JOIN host_leases AS lease USING (host)
""")

GIVE_BACK = text("""
WITH mine AS MATERIALIZED (
    SELECT lease.host, rests.seconds
    FROM unnest(CAST(:hosts AS text[]), CAST(:seconds AS float8[])) AS rests (host, seconds)
    JOIN host_leases AS lease ON lease.host = rests.host AND lease.holder = :holder
    ORDER BY lease.host FOR UPDATE OF lease
),
resting AS (
    UPDATE host_leases SET holder = NULL, held_until = now() + make_interval(secs => seconds)
    FROM mine WHERE host_leases.host = mine.host AND seconds > 0
),
forgotten AS MATERIALIZED (
    SELECT host FROM host_leases WHERE held_until < now() - interval '1 hour'
    ORDER BY held_until LIMIT 20 FOR UPDATE SKIP LOCKED
)
DELETE FROM host_leases
WHERE host = ANY(ARRAY(SELECT host FROM mine WHERE seconds <= 0 UNION ALL SELECT host FROM forgotten))
""")

REST = text("""
INSERT INTO host_leases AS lease (host, held_until) VALUES (:host, now() + make_interval(secs => :seconds))
ON CONFLICT (host) DO UPDATE SET holder = NULL, held_until = greatest(
    excluded.held_until, CASE WHEN lease.holder IS NULL THEN lease.held_until END)
""")


@dataclass(frozen=True, slots=True)
class Held:
    """The host is this holder's for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Another worker speaks to the host, or (``resting``) nobody may; that ends in ``seconds`` at the latest."""

    seconds: float
    resting: bool


def take(connection: Connection, holder: str, wanted: Mapping[str, float]) -> dict[str, Held | Refused]:
    """Takes or prolongs each of the ``wanted`` hosts (host → seconds) for ``holder``, where nobody else has it.

    One statement for all of them; never waits for a lease to end.
    """
    rows = connection.execute(
        TAKE, {"holder": holder, "hosts": list(wanted), "seconds": [float(seconds) for seconds in wanted.values()]}
    )
    return {
        row.host: Held(row.seconds)
        if row.seconds is not None
        # Without a row to see, somebody took it in this very moment.
        else Refused(row.refused_for or 0.0, resting=row.refused_for is not None and row.holder is None)
        for row in rows
    }


def give_back(connection: Connection, holder: str, rests: Mapping[str, float]) -> None:
    """Gives back what ``holder`` still holds of the hosts in ``rests``: each may be taken again in so many seconds."""
    connection.execute(
        GIVE_BACK, {"holder": holder, "hosts": list(rests), "seconds": [float(seconds) for seconds in rests.values()]}
    )


def rest(connection: Connection, host: str, seconds: float) -> None:
    """Nobody may speak to ``host`` for ``seconds``, whoever holds it now; a longer rest stays."""
    connection.execute(REST, {"host": host, "seconds": seconds})
