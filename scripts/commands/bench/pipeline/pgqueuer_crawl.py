"""pgqueuer: its manager on asyncpg, many jobs at once in one event loop, one web client for all of them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import asyncpg  # type: ignore[import-not-found]
from pgqueuer.db import AsyncpgPoolDriver  # type: ignore[import-not-found]
from pgqueuer.models import Job  # type: ignore[import-not-found]
from pgqueuer.qm import QueueManager  # type: ignore[import-not-found]
from pgqueuer.queries import Queries  # type: ignore[import-not-found]
from pgqueuer.types import QueueExecutionMode  # type: ignore[import-not-found]

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.peers import conninfo
from scripts.commands.bench.pipeline import job
from scripts.commands.bench.status_machine import pgqueuer_queue


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    pgqueuer_queue.prepare(url, first=1, last=records)


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:  # noqa: ARG001
    """Drain the queue."""
    asyncio.run(_drain(url, settings, at_once, go))


async def _drain(url: str, values: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:
    settings = job.settings_of(values)
    records = job.Records(url, pool=8)
    async with (
        WebClient(settings, HostLimiter(settings)) as web,
        asyncpg.create_pool(conninfo(url), min_size=2, max_size=8) as pool,
    ):
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

        @manager.entrypoint("nothing")  # type: ignore[untyped-decorator]
        async def read(one: Job) -> None:
            await records.work(int(one.payload or b"0"), web, settings)

        await job.warm_up(settings)
        go()
        await manager.run(
            batch_size=max(1, min(10, at_once // 2)),
            max_concurrent_tasks=max(2, at_once),
            mode=QueueExecutionMode.drain,
            dequeue_timeout=timedelta(milliseconds=100),
        )
