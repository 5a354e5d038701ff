"""pgqueuer: its own manager on asyncpg, its durable schema. It takes in batches, and writes completions in as large ones."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg  # type: ignore[import-not-found]
from pgqueuer.db import AsyncpgPoolDriver  # type: ignore[import-not-found]
from pgqueuer.models import Job  # type: ignore[import-not-found]
from pgqueuer.qm import QueueManager  # type: ignore[import-not-found]
from pgqueuer.queries import EntrypointExecutionParameter, Queries  # type: ignore[import-not-found]
from pgqueuer.types import QueueExecutionMode  # type: ignore[import-not-found]

from scripts.commands.bench.peers import conninfo

CLAIMED = 50

FILL = """
INSERT INTO pgqueuer (priority, status, entrypoint, payload)
SELECT 0, 'queued', 'nothing', convert_to(n::text, 'UTF8') FROM generate_series($1::bigint, $2::bigint) AS n
"""

# A job's number is in its payload, which is deleted with the job; ids are assigned in the same order.
DONE = """
SELECT done.job_id, extract(epoch FROM done.created - picked.created)::float * 1000 FROM pgqueuer_log AS done
JOIN pgqueuer_log AS picked ON picked.job_id = done.job_id AND picked.status = 'picked'
WHERE done.status = 'successful'
"""


def prepare(url: str, first: int, last: int, bulk: bool = False) -> None:
    """Queue records ``first`` … ``last``; in ``bulk`` without notifications."""

    async def fill() -> None:
        async with asyncpg.create_pool(conninfo(url), min_size=1, max_size=1) as pool:
            if first == 1:
                await Queries(AsyncpgPoolDriver(pool)).install()
            if bulk:
                await pool.execute("ALTER TABLE pgqueuer DISABLE TRIGGER USER")
            await pool.execute(FILL, first, last, timeout=3_600)
            if bulk:
                await pool.execute("ALTER TABLE pgqueuer ENABLE TRIGGER USER")

    asyncio.run(fill())


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:
    """Drain the queue with the library's manager, ``batch`` jobs at a time; return the records worked on."""
    worked: list[int] = []

    async def nothing(number: int) -> None:
        worked.append(number)

    asyncio.run(drain(url, nothing, go, connections=4, batch_size=batch))
    return worked


async def drain(
    url: str,
    work_on: Callable[[int], Awaitable[None]],
    go: Callable[[], None],
    *,
    connections: int,
    **options: int,
) -> None:
    """Call ``work_on`` with the number of each job, by the library's manager with ``options``, until none is left."""
    async with asyncpg.create_pool(conninfo(url), min_size=2, max_size=connections) as pool:
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

        @manager.entrypoint("nothing")  # type: ignore[untyped-decorator]
        async def entry_point(job: Job) -> None:
            await work_on(int(job.payload or b"0"))

        go()
        timeout = timedelta(milliseconds=100)
        await manager.run(mode=QueueExecutionMode.drain, dequeue_timeout=timeout, **options)


def claims(url: str, times: int) -> list[tuple[int, float]]:
    """Return (records, milliseconds) of each of ``times`` dequeues, by the manager's own statement."""
    taken: list[tuple[int, float]] = []

    async def measure() -> None:
        async with asyncpg.create_pool(conninfo(url), min_size=1, max_size=1) as pool:
            queries = Queries(AsyncpgPoolDriver(pool))
            manager = uuid.uuid4()
            for n in range(times + 1):
                began = time.perf_counter()
                jobs = await queries.dequeue(
                    batch_size=CLAIMED,
                    entrypoints={"nothing": EntrypointExecutionParameter(concurrency_limit=0)},
                    queue_manager_id=manager,
                    global_concurrency_limit=None,
                    heartbeat_timeout=timedelta(seconds=30),
                )
                if n:
                    taken.append((len(jobs), (time.perf_counter() - began) * 1000))
                await queries.log_jobs([(job, "successful", None) for job in jobs])

    asyncio.run(measure())
    return taken


def done(url: str) -> list[tuple[int, float]]:
    """Return (record, milliseconds from its dequeue) of the records that are done."""

    async def fetch() -> list[tuple[int, float]]:
        async with asyncpg.create_pool(conninfo(url), min_size=1, max_size=1) as pool:
            return [tuple(row) for row in await pool.fetch(DONE)]

    return asyncio.run(fetch())
