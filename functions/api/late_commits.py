"""Read a page of a listing so that a record which is committed late is still listed.

Ids are assigned in the order of the inserts, but records become visible in the order of the commits. A reader who continues
after the last id that was shown would miss a record with a lower id that was not committed yet.
"""

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, text

POLL_SECONDS = 0.05

OPEN = """
SELECT
    -- The snapshot is older than the locks below: they include each transaction that may still insert a lower id.
    coalesce((SELECT max(id) FROM {table}), 0) AS last,
    -- An INSERT locks its table before it takes an id, until its transaction ends; so does an UPDATE.
    ARRAY(SELECT virtualtransaction FROM pg_locks
          WHERE relation = CAST('{table}' AS regclass) AND mode = 'RowExclusiveLock' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers
"""

STILL_OPEN = "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE virtualtransaction = ANY(:writers)"

GAP = """
SELECT before FROM (
    -- each id with the one before it, in the order of the index, so that the search ends at the first gap
    SELECT id, lag(id, 1, CAST(:after AS bigint)) OVER (ORDER BY id) AS before
    FROM {table} WHERE id > :after AND id <= :last
) AS pairs WHERE id > before + 1 LIMIT 1
"""


def read_page(
    connection: Connection,
    table: str,
    read: Callable[[int], Sequence[Any]],
    after: int,
    limit: int,
    seconds: float,
) -> tuple[Sequence[Any], int | None]:
    """Return at most ``limit`` rows after the id ``after``, and the id after which the next page starts, None at the end.

    ``read(last)`` returns up to ``limit + 1`` rows of ``table`` with ids above ``after`` and up to ``last``, by id. If an
    open transaction may still insert an id of the page, it has ``seconds`` to end; then the page ends before that id.
    """
    last, writers = connection.execute(text(OPEN.format(table=table))).one()
    rows = read(last)
    gap = _first_gap(connection, table, after, rows, limit, last) if writers else None
    if gap is not None:
        still_open = _wait(connection, writers, seconds)
        rows = read(last)
        gap = _first_gap(connection, table, after, rows, limit, last) if still_open else None
    if gap is not None:
        return [row for row in rows[:limit] if row.id <= gap], gap
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _first_gap(
    connection: Connection, table: str, after: int, rows: Sequence[Any], limit: int, last: int
) -> int | None:
    """Return the id before the first missing id of the page, or of all that follows on the last page."""
    end = rows[limit - 1].id if len(rows) > limit else last
    return connection.execute(text(GAP.format(table=table)), {"after": after, "last": end}).scalar()


def _wait(connection: Connection, writers: list[str], seconds: float) -> bool:
    """Wait until ``writers`` have ended; return whether one is still open after ``seconds``."""
    deadline = monotonic() + seconds
    while connection.execute(text(STILL_OPEN), {"writers": writers}).first():
        if monotonic() >= deadline:
            return True
        sleep(POLL_SECONDS)
    return False
