"""A plain loop that takes one row at a time by SKIP LOCKED. No attempts, no fence, no history, no recovery."""

import time
from collections.abc import Callable

import psycopg  # type: ignore[import-not-found]

from scripts.commands.bench.peers import conninfo

SCHEMA = """
CREATE TABLE jobs (
    id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'queued', claimed_at timestamptz, done_at timestamptz
);
CREATE INDEX ON jobs (id) WHERE status = 'queued'
"""

CLAIM = """
UPDATE jobs SET status = 'doing', claimed_at = now()
WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""

FINISH = "UPDATE jobs SET status = 'done', done_at = now() WHERE id = %s"


def prepare(url: str, first: int, last: int, bulk: bool = False) -> None:  # noqa: ARG001
    """Queue records ``first`` … ``last``."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        if first == 1:
            connection.execute(SCHEMA)
        connection.execute("INSERT INTO jobs (id) SELECT generate_series(%s::bigint, %s::bigint)", (first, last))


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:  # noqa: ARG001
    """Drain the queue; return the records worked on."""
    worked: list[int] = []
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        go()
        while row := connection.execute(CLAIM).fetchone():
            connection.execute(FINISH, row)
            worked.append(row[0])
    return worked


def claims(url: str, times: int) -> list[tuple[int, float]]:
    """Return (records, milliseconds) of each of ``times`` claims."""
    taken: list[tuple[int, float]] = []
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for n in range(times + 1):
            began = time.perf_counter()
            row = connection.execute(CLAIM).fetchone()
            if n:
                taken.append((1 if row else 0, (time.perf_counter() - began) * 1000))
            connection.execute(FINISH, row)
    return taken


def done(url: str) -> list[tuple[int, float]]:
    """Return (record, milliseconds from its claim) of the records that are done."""
    with psycopg.connect(conninfo(url)) as connection:
        rows: list[tuple[int, float]] = connection.execute(
            "SELECT id, extract(epoch FROM done_at - claimed_at)::float * 1000 FROM jobs WHERE status = 'done'"
        ).fetchall()
        return rows
