"""A plain loop: one row at a time by SKIP LOCKED, done, next. No attempts, no fence, no history, no recovery."""

import time
from collections.abc import Callable
from typing import Any

import psycopg  # type: ignore[import-not-found]

from scripts.commands.bench.status_machine.address import conninfo

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

DONE = "UPDATE jobs SET status = 'done', done_at = now() WHERE id = %s"


def prepare(url: str, first: int, last: int, bulk: bool = False) -> None:  # noqa: ARG001
    """Queues records ``first`` … ``last``."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        if first == 1:
            connection.execute(SCHEMA)
        connection.execute("INSERT INTO jobs (id) SELECT generate_series(%s::bigint, %s::bigint)", (first, last))


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:  # noqa: ARG001
    """Drains the queue."""
    worked: list[int] = []
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        go()
        while row := connection.execute(CLAIM).fetchone():
            connection.execute(DONE, row)
            worked.append(row[0])
    return worked


def claims(url: str, times: int) -> list[tuple[int, float]]:
    """(records, milliseconds) of each of ``times`` claims."""
    taken: list[tuple[int, float]] = []
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for n in range(times + 1):
            began = time.perf_counter()
            row = connection.execute(CLAIM).fetchone()
            if n:
                taken.append((1 if row else 0, (time.perf_counter() - began) * 1000))
            connection.execute(DONE, row)
    return taken


def judge(url: str) -> dict[str, Any]:
    """The records that are done, and how long each took from its claim, ms."""
    with psycopg.connect(conninfo(url)) as connection:
        rows = connection.execute(
            "SELECT id, extract(epoch FROM done_at - claimed_at)::float * 1000 FROM jobs WHERE status = 'done'"
        ).fetchall()
    return {"done": [number for number, _ in rows], "milliseconds": [taken for _, taken in rows]}
