"""Work on started attempts: run their jobs concurrently, each under its own deadline, and save each result.

No database session is open while a job runs. pg8000 is synchronous and a function has one connection, so statements run
in the database's thread, one at a time.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from scrapersky import metrics
from scrapersky.errors import Misconfigured, WorkError
from scrapersky.runtime.context import Deadline, JobContext
from scrapersky.runtime.outcomes import Outcome, Retry, Snooze, outcome_of, unexpected
from scrapersky.runtime.paid_calls import spend_one
from scrapersky.runtime.results import Results
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.start import Started

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded
    from scrapersky.web.client import WebClient
    from scrapersky.web.fetched import Fetched

Secret = Callable[[str], Awaitable[str]]
Spend = Callable[[str], Awaitable[None]]


def work_on_started(runtime: Runtime, started: Sequence[Started], remaining: float) -> dict[str, int]:
    """Work on all of ``started`` within ``remaining`` seconds; return the number of results by code."""
    return asyncio.run(_work_on_all(runtime, started, remaining)) if started else {}


async def _work_on_all(runtime: Runtime, started: Sequence[Started], remaining: float) -> dict[str, int]:
    end = asyncio.get_running_loop().time() + remaining - runtime.settings.saving_seconds
    records = read_records(runtime, started)
    slots = asyncio.Semaphore(runtime.service_settings.max_instances)
    results = Results(runtime)
    if any(runtime.workflow(attempt.workflow).page_function for attempt in started):
        # The child imports its modules while the first websites answer.
        asyncio.get_running_loop().call_soon(runtime.page_reader.start)
    async with open_web(runtime, started) as web:
        worker = Worker(runtime, end, web)

        async def work_on(attempt: Started) -> None:
            async with slots:
                began = time.monotonic()
                outcome = await worker.run_job(attempt, records.get((attempt.workflow, attempt.record_id)))
                await results.add(attempt, outcome, began)

        await asyncio.gather(*map(work_on, started))
    return dict(results.codes)


def read_records(runtime: Runtime, started: Sequence[Started]) -> "dict[tuple[str, int], Recorded]":
    """Return the records of ``started`` by workflow and id, detached from the session: jobs only read them."""
    # Imported here, with the models, because a tick, a manual payload and a stale message need no mapper.
    from sqlalchemy.orm import Session  # noqa: PLC0415

    records: dict[tuple[str, int], Recorded] = {}
    with runtime.database.autocommit() as connection, Session(connection) as session:
        for name in {attempt.workflow for attempt in started}:
            model = runtime.workflow(name).model
            ids = [attempt.record_id for attempt in started if attempt.workflow == name]
            for record in session.scalars(select(model).where(model.id.in_(ids))):
                records[name, record.id] = record
        session.expunge_all()
    return records


@asynccontextmanager
async def open_web(
    runtime: Runtime, started: Sequence[Started]
) -> "AsyncIterator[Callable[[Secret, Spend], WebClient] | None]":
    """Open the invocation's web client, and yield what makes one record's client of it; None if no job needs one."""
    if not any(runtime.workflow(attempt.workflow).needs_web_client for attempt in started):
        yield None
        return
    # Imported here because aiohttp takes a third of the cold start of a batch whose jobs need no web client.
    from scrapersky.runtime.web_access import open_web_client, web_of_the_record  # noqa: PLC0415

    async with open_web_client(runtime) as web:
        yield partial(web_of_the_record, web, runtime.settings)


@dataclass(frozen=True)
class Worker:
    """Runs the jobs of one invocation. ``end`` is in the event loop's time; ``web`` makes a record's web client."""

    runtime: Runtime
    end: float
    web: "Callable[[Secret, Spend], WebClient] | None"

    async def run_job(self, attempt: Started, record: "Recorded | None") -> Outcome:
        """Return the job's outcome, or the outcome of its exception. Only the invocation's cancellation escapes."""
        if record is None:
            return Retry("record_gone", f"{attempt.workflow} record {attempt.record_id} no longer exists")
        settings, workflow = self.runtime.settings, self.runtime.workflow(attempt.workflow)
        deadline = Deadline(settings.record_deadline_seconds, self.end)
        context = self._context(attempt, deadline)
        try:
            async with deadline.enforced():
                return await self.runtime.job_of(workflow)(record, context)
        except TimeoutError:
            if deadline.is_end:
                return Snooze("out_of_time", "the invocation ended before the record's own deadline", after=0)
            return Retry(
                "deadline", f"not finished within RECORD_DEADLINE_SECONDS={settings.record_deadline_seconds:g}"
            )
        except WorkError as error:
            return outcome_of(error, settings)
        except BaseException as error:  # also a CancelledError or SystemExit of the job's own
            task = asyncio.current_task()
            if isinstance(error, KeyboardInterrupt) or (task is not None and task.cancelling()):
                raise
            self.runtime.observer.log.exception(
                "unexpected exception in a job", extra={"workflow": attempt.workflow, "record_id": attempt.record_id}
            )
            return unexpected(error)

    def _context(self, attempt: Started, deadline: Deadline) -> JobContext:
        spend = partial(self._spend, attempt)
        return JobContext(
            web_client=None if self.web is None else self.web(self._secret, spend),
            settings=self.runtime.settings,
            logger=self.runtime.observer.log,
            deadline=deadline,
            secret=self._secret,
            spend=spend,
            read_page=partial(self._read_page, attempt, deadline),
        )

    async def _read_page(
        self, attempt: Started, deadline: Deadline, fetched: "Fetched", **options: object
    ) -> dict[str, Any]:
        function = self.runtime.workflow(attempt.workflow).page_function
        if function is None:
            raise RuntimeError(f"{attempt.workflow} cannot read pages: set its page_function in the registry")
        return await self.runtime.page_reader.read(function, fetched, waiting=deadline.paused, **options)

    async def _secret(self, name: str) -> str:
        return await asyncio.to_thread(self.runtime.read_secret, name)

    async def _spend(self, attempt: Started, budget: str) -> None:
        """Charge one paid call. The metric is counted here, because metrics are not safe for use in threads."""
        observer = self.runtime.observer
        try:
            await self.runtime.database.in_thread(spend_one, self.runtime, budget, attempt.workflow, attempt.record_id)
        except Misconfigured:
            observer.count(metrics.BUDGET_SPENT, workflow=attempt.workflow)
            raise
        observer.count(metrics.PAID_CALLS, workflow=attempt.workflow)
