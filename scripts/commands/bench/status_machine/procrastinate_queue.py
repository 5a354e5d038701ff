"""procrastinate: its own worker, ten jobs at once, its own schema."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import procrastinate  # type: ignore[import-not-found]
import psycopg  # type: ignore[import-not-found]
from procrastinate import sql

from scripts.commands.bench.peers import conninfo

CONCURRENCY = 10

FILL = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'default', 'nothing', jsonb_build_object('number', n) FROM generate_series(%s::bigint, %s::bigint) AS n
"""

DONE = """
SELECT (args ->> 'number')::bigint, extract(epoch FROM done.at - began.at)::float * 1000 FROM procrastinate_jobs AS jobs
JOIN procrastinate_events AS began ON began.job_id = jobs.id AND began.type = 'started'
JOIN procrastinate_events AS done ON done.job_id = jobs.id AND done.type = 'succeeded'
WHERE jobs.status = 'succeeded'
"""


def prepare(url: str, first: int, last: int, bulk: bool = False) -> None:
    """Queue records ``first`` … ``last``; in ``bulk`` without events and notifications."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        if first == 1:
            connection.execute(procrastinate.schema.SchemaManager.get_schema())
        if bulk:
            connection.execute("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER")
        connection.execute(FILL, (first, last))
        if bulk:
            connection.execute("ALTER TABLE procrastinate_jobs ENABLE TRIGGER USER")


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:  # noqa: ARG001
    """Drain the queue with the library's worker; return the records worked on."""
    worked: list[int] = []

    async def nothing(number: int) -> None:
        worked.append(number)

    asyncio.run(drain(url, nothing, go, connections=CONCURRENCY + 2, at_once=CONCURRENCY))
    return worked


async def drain(
    url: str,
    work_on: Callable[[int], Awaitable[None]],
    go: Callable[[], None],
    *,
    connections: int,
    at_once: int,
) -> None:
    """Call ``work_on`` with the number of each job, by the library's worker, until none is left."""
    connector = procrastinate.PsycopgConnector(conninfo=conninfo(url), min_size=4, max_size=connections)
    app = procrastinate.App(connector=connector)
    app.task(work_on, name="nothing")
    async with app.open_async():
        go()
        await app.run_worker_async(wait=False, concurrency=at_once, install_signal_handlers=False)


def claims(url: str, times: int) -> list[tuple[int, float]]:
    """Return (records, milliseconds) of each of ``times`` fetches, by the worker's own statement."""
    taken: list[tuple[int, float]] = []
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        ((worker,),) = connection.execute(sql.queries["register_worker"]).fetchall()
        for n in range(times + 1):
            began = time.perf_counter()
            row = connection.execute(sql.queries["fetch_job"], {"queues": None, "worker_id": worker}).fetchone()
            if n:
                taken.append((1 if row else 0, (time.perf_counter() - began) * 1000))
            connection.execute(
                sql.queries["finish_job"], {"job_id": row[0], "status": "succeeded", "delete_job": False}
            )
    return taken


def done(url: str) -> list[tuple[int, float]]:
    """Return (record, milliseconds from its start) of the records that are done."""
    with psycopg.connect(conninfo(url)) as connection:
        rows: list[tuple[int, float]] = connection.execute(DONE).fetchall()
        return rows
