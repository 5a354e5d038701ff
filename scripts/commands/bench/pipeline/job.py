"""The job that every contender runs: read a domain's home page. What differs between contenders is everything around it.

Ours also reads contact pages, each the page of another domain.

Other projects load the record before and save its facts after, as one usually does: in a transaction of its own, from a
thread, by psycopg in C, in a database without our guard and history.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from pkgutil import resolve_name
from typing import Any

from aws_lambda_powertools import Logger
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.orm import Session

from scrapersky.errors import WorkError
from scrapersky.models import Domain, Page
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.context import Deadline, Job, JobContext
from scrapersky.runtime.outcomes import Done, Outcome, Retry
from scrapersky.runtime.registry import METADATA
from scrapersky.settings import Settings, load
from scrapersky.status.workflow import Workflow
from scrapersky.web.client import WebClient
from scrapersky.web.reading.reader import PageReader
from scripts.commands.bench.pipeline.web import FIRST_ANSWERING, host

ReadPage = Callable[..., Awaitable[dict[str, Any]]]
FAILED = text(
    "UPDATE domains SET status = 'Error', error_code = :code, error = :reason, updated_at = now() WHERE id = :id"
)
UNGUARDED = ("ALTER TABLE domains DISABLE TRIGGER USER",)
FILL = """
INSERT INTO domains (domain, status)
SELECT 's' || lpad(n::text, 6, '0') || '.bench.example', CAST(:status AS work_status)
FROM generate_series(1, CAST(:records AS bigint)) AS n
"""
FILL_PAGES = """
INSERT INTO pages (domain_id, url, page_type, path_depth, page_reading_status)
SELECT id, 'https://' || domain || '/contact', 'contact', 1, 'Queued' FROM domains ORDER BY id
"""


def settings_of(values: Mapping[str, str]) -> Settings:
    """Return the settings of the job, the same for all contenders."""
    return load(Settings, values)


@cache
def page_reader() -> PageReader:
    """Return the page reader of this process."""
    return PageReader(Settings(), [str(METADATA.page_function)])


async def read(
    record: Domain | Page,
    web: WebClient,
    settings: Settings,
    read_page: ReadPage | None = None,
    workflow: Workflow = METADATA,
) -> Outcome:
    """Run the job under its deadline; return its outcome, also when it fails. ``read_page``: by default this process'."""
    job: Job = resolve_name(workflow.job)
    deadline = Deadline(settings.record_deadline_seconds)
    context = JobContext(
        web_client=web,
        settings=settings,
        logger=Logger(service="bench"),
        deadline=deadline,
        secret=_none,
        spend=_none,
        read_page=partial(read_page or page_reader().read, str(workflow.page_function), waiting=deadline.paused),
    )
    try:
        async with deadline.enforced():
            return await job(record, context)
    except TimeoutError:
        return Retry("deadline", "not finished in time")
    except WorkError as error:
        return Retry(error.code, error.reason)


async def warm_up(settings: Settings, read_page: ReadPage | None = None, workflow: Workflow = METADATA) -> None:
    """Read one page before the clock runs, so that everything made or imported once exists.

    A worker lives for hours and an environment for many invocations; the benchmark of cold starts measures their start.
    """
    domain = Domain(id=0, domain=host(FIRST_ANSWERING).name)
    page = Page(id=0, url=f"https://{domain.domain}/contact", page_type="contact", domain=domain)
    async with WebClient(settings, HostLimiter(settings)) as web:
        await read(domain if workflow == METADATA else page, web, settings, read_page, workflow)


def work(records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:
    """Run the job alone: read every domain's home page in one event loop, without a queue and a database."""

    async def read_all() -> None:
        loaded = settings_of(settings)
        slots = asyncio.Semaphore(at_once)
        async with WebClient(loaded, HostLimiter(loaded)) as web:

            async def read_one(number: int) -> None:
                async with slots:
                    await read(Domain(id=number, domain=host(number).name), web, loaded)

            await warm_up(loaded)
            go()
            await asyncio.gather(*(read_one(number) for number in range(1, records + 1)))

    asyncio.run(read_all())


def crawl(
    url: str, settings: Mapping[str, str], drain: Callable[[Callable[[int], Awaitable[None]]], Awaitable[None]]
) -> None:
    """Run ``drain`` with the function that works on a record by its number: one event loop, one web client."""

    async def run() -> None:
        loaded, domains = settings_of(settings), Records(url, pool=8)
        async with WebClient(loaded, HostLimiter(loaded)) as web:
            await warm_up(loaded)
            await drain(partial(domains.work, web=web, settings=loaded))

    asyncio.run(run())


async def _none(_: str) -> Any:
    raise AssertionError("reading a home page needs no secret and spends nothing")


@dataclass
class Records:
    """The domains in the contender's own database."""

    url: str
    pool: int

    def __post_init__(self) -> None:
        driver = self.url.replace("postgresql+pg8000://", "postgresql+psycopg://")
        self._engine = create_engine(driver, pool_size=self.pool, max_overflow=0)

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction."""
        return self._engine.begin()

    def load(self, number: int) -> Domain:
        """Return one record, detached."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.scalars(select(Domain).where(Domain.id == number)).one()

    def save(self, number: int, outcome: Outcome) -> None:
        """Save the record's facts, or why there are none."""
        with self._engine.begin() as connection:
            if isinstance(outcome, Done):
                assert outcome.write is not None
                outcome.write(connection)
            else:
                reason = getattr(outcome, "reason", "")[:1024]
                connection.execute(FAILED, {"id": number, "code": outcome.code, "reason": reason})

    async def work(self, number: int, web: WebClient, settings: Settings) -> None:
        """Work on one record, with the database calls in threads."""
        record = await asyncio.to_thread(self.load, number)
        outcome = await read(record, web, settings)
        await asyncio.to_thread(self.save, number, outcome)
