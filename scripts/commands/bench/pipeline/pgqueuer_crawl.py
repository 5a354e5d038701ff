"""pgqueuer: its manager on asyncpg, many jobs at once in one event loop, one web client for all of them."""

import asyncio
from collections.abc import Callable, Mapping

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.pipeline import job
from scripts.commands.bench.status_machine import pgqueuer_queue


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    pgqueuer_queue.prepare(url, first=1, last=records)


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:  # noqa: ARG001
    """Drain the queue."""

    async def drain() -> None:
        loaded, domains = job.settings_of(settings), job.Records(url, pool=8)
        async with WebClient(loaded, HostLimiter(loaded)) as web:

            async def read(number: int) -> None:
                await domains.work(number, web, loaded)

            await job.warm_up(loaded)
            options = {"batch_size": max(1, min(10, at_once // 2)), "max_concurrent_tasks": max(2, at_once)}
            await pgqueuer_queue.drain(url, read, go, connections=8, **options)

    asyncio.run(drain())
