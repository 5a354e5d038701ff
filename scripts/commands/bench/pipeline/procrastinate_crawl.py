"""procrastinate: its worker, many jobs at once in one event loop, one web client for all of them."""

import asyncio
from collections.abc import Callable, Mapping

import procrastinate  # type: ignore[import-not-found]
import psycopg  # type: ignore[import-not-found]

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.peers import conninfo
from scripts.commands.bench.pipeline import job

QUEUE = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'default', 'read', jsonb_build_object('number', n) FROM generate_series(1, %s::bigint) AS n
"""


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(procrastinate.schema.SchemaManager.get_schema())
        connection.execute(QUEUE, (records,))


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:  # noqa: ARG001
    """Drain the queue."""
    asyncio.run(_drain(url, settings, at_once, go))


async def _drain(url: str, values: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:
    settings = job.settings_of(values)
    records = job.Records(url, pool=8)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo(url), min_size=4, max_size=8))
    async with WebClient(settings, HostLimiter(settings)) as web, app.open_async():

        @app.task(name="read")  # type: ignore[untyped-decorator]
        async def read(number: int) -> None:
            await records.work(number, web, settings)

        await job.warm_up(settings)
        go()
        await app.run_worker_async(wait=False, concurrency=at_once, install_signal_handlers=False)
