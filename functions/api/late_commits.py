"""Read a listing so that a record which is committed late is still listed.

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
SELECT near FROM (
    -- each id with the one before it, in the order of the index, so that the search ends at the first gap
    SELECT id, lag(id, 1, CAST(:start AS bigint)) OVER (ORDER BY id) AS near
    FROM {table} WHERE id > :start AND id <= :end
) AS pairs WHERE id > near + 1 LIMIT 1
"""

GAP_BELOW = """
SELECT near FROM (
    -- each id with the one above it
    SELECT id, lag(id, 1, CAST(:start AS bigint)) OVER (ORDER BY id DESC) AS near
    FROM {table} WHERE id < :start AND id >= :end
) AS pairs WHERE id < near - 1 LIMIT 1
"""

LOWEST = "SELECT coalesce(min(id), CAST(:start AS bigint)) FROM {table} WHERE id < :start"

Read = Callable[[int], tuple[Sequence[Any], int | None]]


def open_writers(connection: Connection, table: str) -> tuple[int, list[str]]:
    """Return the highest visible id of ``table``, and the transactions that may still insert lower ones."""
    last, writers = connection.execute(text(OPEN.format(table=table))).one()
    return last, writers


def wait(connection: Connection, writers: list[str], seconds: float) -> bool:
    """Wait until ``writers`` have ended; return whether one is still open after ``seconds``."""
    deadline = monotonic() + seconds
    while writers and connection.execute(text(STILL_OPEN), {"writers": writers}).first():
        if monotonic() >= deadline:
            return True
        sleep(POLL_SECONDS)
    return False


def read_page(
    connection: Connection, table: str, read: Read, start: int | None, seconds: float, *, newest_first: bool = False
) -> tuple[Sequence[Any], int | None]:
    """Return the rows of ``table`` that follow the id ``start``, and the id after which the next page starts, None at the end.

    ``read(bound)`` returns rows, and the id at which it ended, None if it read up to the last. With ``newest_first``
    ids descend from ``bound - 1``; else they ascend up to ``bound``. If an open transaction may still insert an id of
    the page, it has ``seconds`` to end; then the page ends before that id.
    """
    last, writers = open_writers(connection, table)
    start = start if start is not None else (last + 1 if newest_first else 0)
    bound = start if newest_first else last
    rows, end = read(bound)
    gap = _first_gap(connection, table, start, end, bound, newest_first) if writers else None
    if gap is not None:
        still_open = wait(connection, writers, seconds)
        rows, end = read(bound)
        gap = _first_gap(connection, table, start, end, bound, newest_first) if still_open else None
    if gap is not None:
        return [row for row in rows if (row.id >= gap if newest_first else row.id <= gap)], gap
    return rows, end


def _first_gap(
    connection: Connection, table: str, start: int, end: int | None, bound: int, newest_first: bool
) -> int | None:
    """Return the id before the first missing id from ``start`` to ``end``, or of all that follows on the last page."""
    if not newest_first:
        values = {"start": start, "end": bound if end is None else end}
        return connection.execute(text(GAP.format(table=table)), values).scalar()
    values = {"start": start, "end": end or 0}
    gap = connection.execute(text(GAP_BELOW.format(table=table)), values).scalar()
    if gap is None and end is None:
        lowest = connection.execute(text(LOWEST.format(table=table)), {"start": start}).scalar_one()
        gap = lowest if lowest > 1 else None
    return gap
