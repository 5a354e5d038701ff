"""The job and nothing else: no queue, no database, one event loop, one web client. What nobody can do without."""

import asyncio
from collections.abc import Callable, Mapping

from scrapersky.models import Domain
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.pipeline import job
from scripts.commands.bench.pipeline.web import host


def work(records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> int:
    """Reads every domain's home page; answers how many there were."""
    asyncio.run(_read_all(records, settings, at_once, go))
    return records


async def _read_all(records: int, values: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:
    settings = job.settings_of(values)
    room = asyncio.Semaphore(at_once)
    async with WebClient(settings, HostLimiter(settings)) as web:

        async def read(number: int) -> None:
            async with room:
                await job.read(Domain(id=number, domain=host(number).name), web, settings)

        await job.warm_up(settings)
        go()
        await asyncio.gather(*(read(number) for number in range(1, records + 1)))
