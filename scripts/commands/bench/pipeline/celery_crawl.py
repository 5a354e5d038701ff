"""Celery on Redis: a worker with a pool of threads; each task runs the job in an event loop of its own."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Any

import celery  # type: ignore[import-not-found]
import redis  # type: ignore[import-not-found]

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.web.client import WebClient
from scripts.commands.bench.pipeline import job

DONE = "records-done"


def prepare(url: str, records: int, broker: str) -> None:  # noqa: ARG001
    """Queue the records."""
    redis.Redis.from_url(broker).flushall()
    app = celery.Celery("bench", broker=broker)
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(1, records + 1):
            app.send_task("read", (number,), producer=producer)


def work(
    url: str, records: int, settings: Mapping[str, str], at_once: int, broker: str, go: Callable[[], None]
) -> None:
    """Drain the queue; the worker stops when the last record of all workers is done."""
    app = celery.Celery("bench", broker=broker)
    app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)
    own = job.settings_of(settings)
    database = job.Records(url, pool=at_once)
    counter = redis.Redis.from_url(broker)

    reading = asyncio.new_event_loop()
    threading.Thread(target=reading.run_forever, daemon=True).start()

    async def read_page(*given: Any, **options: Any) -> dict[str, Any]:
        """Read a page in the process that all threads share, from the one event loop that talks to it."""
        options["waiting"] = nullcontext
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(job.page_reader().read(*given, **options), reading)
        )

    async def read_in_a_loop(number: int) -> None:
        async with WebClient(own, HostLimiter(own)) as web:
            outcome = await job.read(database.load(number), web, own, read_page)
        database.save(number, outcome)

    @app.task(name="read")  # type: ignore[untyped-decorator]
    def read(number: int) -> None:
        try:
            asyncio.run(read_in_a_loop(number))
        finally:
            counter.incr(DONE)

    def watch() -> None:
        while int(counter.get(DONE) or 0) < records:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    asyncio.run(job.warm_up(own, read_page))
    go()
    worker = app.Worker(
        pool="threads", concurrency=at_once, loglevel="ERROR", without_gossip=True, without_mingle=True,
        without_heartbeat=True, quiet=True, hostname=f"bench-{os.getpid()}@localhost",
    )  # fmt: skip
    with suppress(SystemExit):
        worker.start()
