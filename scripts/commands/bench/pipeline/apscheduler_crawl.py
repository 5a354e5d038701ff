"""APScheduler as the original uses it: a job that takes ten queued records and works on them one after the other.

The minute between two batches is left out: the job is scheduled again as soon as it is done. What the waiting would add
is computed from the duration of each batch.
"""

import asyncio
import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-not-found]
from sqlalchemy import text

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.pipeline import job

BATCH = 10
TAKE = text("""
UPDATE domains SET status = 'Processing', due_at = NULL WHERE id IN (
    SELECT id FROM domains WHERE status = 'Queued' ORDER BY due_at, id LIMIT 10 FOR UPDATE SKIP LOCKED) RETURNING id
""")
QUEUED = text("UPDATE domains SET status = 'Queued', due_at = now() WHERE id <= :records")
COMPLETED = text("UPDATE domains SET status = 'Completed' WHERE id = :id AND status = 'Processing'")


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    with job.Records(url, pool=1).transaction() as connection:
        connection.execute(QUEUED, {"records": records})


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> dict[str, Any]:  # noqa: ARG001
    """Drain the queue; return the seconds of each batch."""
    return {"batches": asyncio.run(_drain(url, settings, go))}


async def _drain(url: str, values: Mapping[str, str], go: Callable[[], None]) -> list[float]:
    settings = job.settings_of(values)
    records = job.Records(url, pool=2)
    scheduler = AsyncIOScheduler()
    finished = asyncio.Event()
    batches: list[float] = []

    async def work_on_ten() -> None:
        began = time.perf_counter()
        with records.transaction() as connection:
            taken = list(connection.execute(TAKE).scalars())
        async with WebClient(settings, HostLimiter(settings)) as web:
            for number in taken:
                await records.work(number, web, settings)
                with records.transaction() as connection:
                    connection.execute(COMPLETED, {"id": number})
        batches.append(time.perf_counter() - began)
        if len(taken) < BATCH:
            finished.set()
        else:
            scheduler.add_job(work_on_ten, "date", run_date=datetime.datetime.now(datetime.UTC))

    await job.warm_up(settings)
    go()
    scheduler.start()
    scheduler.add_job(work_on_ten, "date", run_date=datetime.datetime.now(datetime.UTC))
    await finished.wait()
    scheduler.shutdown(wait=False)
    return batches
