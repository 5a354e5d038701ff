"""The job that every contender runs: our reading of a domain's home page, its record loaded before and its facts saved after.

What differs between contenders is everything around it. Theirs is saved as one would: in a transaction of its own, from a
thread, by psycopg in C, in a database without our guards and history.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.orm import Session

from domain_scheduler.metadata import read_metadata
from scrapersky.errors import WorkError
from scrapersky.models import Domain
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome, Retry
from scrapersky.settings import Settings, load
from scrapersky.web.client import WebClient
from scripts.commands.bench.pipeline.web import FIRST_ANSWERING, host

FAILED = text(
    "UPDATE domains SET status = 'Error', error_code = :code, error = :reason, updated_at = now() WHERE id = :id"
)
UNGUARDED = ("ALTER TABLE domains DISABLE TRIGGER USER",)
FILL = """
INSERT INTO domains (domain, status)
SELECT 's' || lpad(n::text, 6, '0') || '.bench.example', CAST(:status AS work_status)
FROM generate_series(1, CAST(:records AS bigint)) AS n
"""


async def read(record: Domain, web: WebClient, settings: Settings) -> Outcome:
    """The job under its deadline, and its outcome whatever happens."""
    deadline = asyncio.get_running_loop().time() + settings.record_deadline_seconds
    context = JobContext(
        web=web, settings=settings, logger=Logger(service="bench"), deadline=deadline, secret=_none, spend=_none
    )
    try:
        async with asyncio.timeout_at(deadline):
            return await read_metadata(record, context)
    except TimeoutError:
        return Retry("deadline", "not finished in time")
    except WorkError as error:
        return Retry(error.code, error.reason)


async def warm_up(settings: Settings) -> None:
    """Reads the first home page before the clock runs: whatever is only made or imported once is there. A worker lives for
    hours and an environment for many invocations; what it costs to start one is the bench of cold starts'."""
    async with WebClient(settings, HostLimiter(settings)) as web:
        await read(Domain(id=0, domain=host(FIRST_ANSWERING).name), web, settings)


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
        """A connection in a transaction."""
        return self._engine.begin()

    def load(self, number: int) -> Domain:
        """One record, detached."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.scalars(select(Domain).where(Domain.id == number)).one()

    def save(self, number: int, outcome: Outcome) -> None:
        """Its facts, or why there are none."""
        with self._engine.begin() as connection:
            if isinstance(outcome, Done):
                assert outcome.write is not None
                outcome.write(connection)
            else:
                reason = getattr(outcome, "reason", "")[:1024]
                connection.execute(FAILED, {"id": number, "code": outcome.code, "reason": reason})

    async def work(self, number: int, web: WebClient, settings: Settings) -> None:
        """The whole of one record, the database spoken to from threads."""
        record = await asyncio.to_thread(self.load, number)
        outcome = await read(record, web, settings)
        await asyncio.to_thread(self.save, number, outcome)


def settings_of(values: Mapping[str, str]) -> Settings:
    """The settings of the job, the same for all."""
    return load(Settings, values)
