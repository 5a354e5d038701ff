"""Work on started attempts: run their jobs concurrently, each under its own deadline, and save each result.

No database session is open while a job runs. pg8000 is synchronous and a function has one connection, so statements run
in the database's thread, one at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from sqlalchemy import Connection, select

from scrapersky import metrics
from scrapersky.database import ONCE_MORE, sqlstate
from scrapersky.errors import Misconfigured, WorkError
from scrapersky.runtime.context import Deadline, JobContext
from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.outcomes import Outcome, Retry, Snooze, outcome_of, unexpected
from scrapersky.runtime.paid_calls import spend_one
from scrapersky.runtime.results import Results
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.start import Started
from scrapersky.vocabulary import AttemptId, RecordId

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded
    from scrapersky.web.client import WebClient
    from scrapersky.web.fetched import Fetched

Secret = Callable[[str], Awaitable[str]]
Spend = Callable[[str], Awaitable[None]]
T = TypeVar("T")


class Worked(NamedTuple):
    """What an invocation did: the number of records that it worked on, and of results by code."""

    number: int
    outcomes: dict[str, int]


def work_on_started(runtime: Runtime, invocation: Invocation, started: Sequence[Started]) -> None:
    """Work on ``started`` and on nothing else."""

    async def run() -> None:
        async with Work(runtime, invocation) as work:
            await work.begin(started)
            while work.tasks:
                await asyncio.wait(work.tasks)

    if started:
        asyncio.run(run())


def read_records(runtime: Runtime, connection: Connection, started: Sequence[Started]) -> "dict[Started, Recorded]":
    """Return the records of ``started``, detached from the session: jobs only read them."""
    # Imported here, with the models, because a tick, a manual payload and a stale message need no mapper.
    from sqlalchemy.orm import Session  # noqa: PLC0415

    records: dict[Started, Recorded] = {}
    with Session(connection) as session:
        for name in {attempt.workflow for attempt in started}:
            model = runtime.workflow(name).model
            attempts = {attempt.record_id: attempt for attempt in started if attempt.workflow == name}
            for record in session.scalars(select(model).where(model.id.in_(attempts))):
                records[attempts[record.id]] = record
        session.expunge_all()
    return records


@asynccontextmanager
async def open_web(runtime: Runtime, invocation: Invocation) -> "AsyncIterator[Callable[[Secret, Spend], WebClient]]":
    """Open the invocation's web client, and yield what makes one record's client of it."""
    # Imported here because aiohttp takes a third of the cold start of a batch whose jobs need no web client.
    from scrapersky.runtime.web_access import open_web_client, web_of_the_record  # noqa: PLC0415

    async with open_web_client(runtime, invocation) as web:
        yield partial(web_of_the_record, web, runtime.settings)


class JobThreads(ThreadPoolExecutor):
    """The threads of jobs. The end of the event loop does not wait for one that hangs."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Abandon the calls that are running, and cancel the others."""
        super().shutdown(wait=False, cancel_futures=True)


class Work:
    """The work of one invocation, on the attempts ``begun``; use as ``async with``.

    ``jobs`` are the running jobs, ``saving`` the results of those that have ended.

    ``end`` is when the invocation ends, in the event loop's time, read after the database answered.
    """

    def __init__(self, runtime: Runtime, invocation: Invocation) -> None:
        self.jobs: dict[asyncio.Task[tuple[Outcome, float]], Started] = {}
        self.saving: set[asyncio.Task[None]] = set()
        self.begun: set[AttemptId] = set()
        self.end = asyncio.get_running_loop().time() + invocation.remaining()
        self._runtime = runtime
        self._invocation = invocation
        self._results = Results(runtime, lambda: len(self.jobs))
        self._slots = asyncio.Semaphore(runtime.service_settings.records_at_once)
        self._resources = AsyncExitStack()
        self._web: Callable[[Secret, Spend], WebClient] | None = None

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_default_executor(JobThreads())
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._resources.aclose()

    @property
    def tasks(self) -> set[asyncio.Task[Any]]:
        """What must end before the invocation does."""
        return {*self.jobs, *self.saving}

    @property
    def worked(self) -> Worked:
        """What was done so far."""
        return Worked(len(self.begun), dict(self._results.codes))

    async def query(self, run: Callable[[Connection], T]) -> T:
        """Run ``run`` in the database's thread, in AUTOCOMMIT."""

        def with_connection() -> T:
            with self._runtime.database.autocommit() as connection:
                return run(connection)

        return await self._runtime.database.in_thread(with_connection)

    async def begin(self, started: Iterable[Started]) -> None:
        """Read the records of ``started`` and begin their jobs; each waits for a slot."""
        attempts = list(started)
        if not attempts:
            return
        records = await self.query(partial(read_records, self._runtime, started=attempts))
        workflows = [self._runtime.workflow(name) for name in {attempt.workflow for attempt in attempts}]
        if any(workflow.page_function for workflow in workflows):
            # The child imports its modules while the first websites answer.
            asyncio.get_running_loop().call_soon(self._runtime.page_reader.start)
        if self._web is None and any(workflow.needs_web_client for workflow in workflows):
            self._web = await self._resources.enter_async_context(open_web(self._runtime, self._invocation))
        for attempt in attempts:
            self.begun.add(attempt.attempt_id)
            job = asyncio.create_task(self._work_on(attempt, records.get(attempt)))
            self.jobs[job] = attempt
            job.add_done_callback(self._ended)

    async def _work_on(self, attempt: Started, record: "Recorded | None") -> tuple[Outcome, float]:
        """Return the job's outcome, and the event loop's time when it began."""
        async with self._slots:
            began = asyncio.get_running_loop().time()
            end = self.end - self._runtime.settings.saving_seconds
            return await Worker(self._runtime, end, self._web).run_job(attempt, record), began

    def _ended(self, job: asyncio.Task[tuple[Outcome, float]]) -> None:
        """Save the job's result. Its slot is free meanwhile."""
        attempt = self.jobs.pop(job)
        if not self._has_failed(attempt, job):
            saving = asyncio.create_task(self._results.add(attempt, *job.result()))
            self.saving.add(saving)
            saving.add_done_callback(self.saving.discard)
            saving.add_done_callback(partial(self._has_failed, attempt))

    def _has_failed(self, attempt: Started, task: asyncio.Task[Any]) -> bool:
        """Return whether ``task`` has no result; log why."""
        if not task.cancelled() and (error := task.exception()):
            self._runtime.observer.log.error(
                "could not end the attempt; recovery will pick the record up",
                extra={"attempt_id": attempt.attempt_id, "error": f"{type(error).__name__}: {error}"},
            )
        return task.cancelled() or task.exception() is not None


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
        except WorkError as error:
            return outcome_of(error, settings)
        except BaseException as error:  # also a CancelledError or SystemExit of the job's own
            task = asyncio.current_task()
            if isinstance(error, KeyboardInterrupt) or (task is not None and task.cancelling()):
                raise
            if isinstance(error, TimeoutError) and deadline.has_passed:
                if deadline.is_end:
                    return Snooze("out_of_time", "the invocation ended before the record's own deadline", after=0)
                seconds = f"{settings.record_deadline_seconds:g}"
                return Retry("deadline", f"not finished within RECORD_DEADLINE_SECONDS={seconds}")
            if self.runtime.database.may_pass(error) and sqlstate(error) not in ONCE_MORE:
                return Snooze(
                    "database_away", f"{type(error).__name__}: {sqlstate(error)}", settings.retry_base_seconds
                )
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
            read=partial(self._read, asyncio.get_running_loop()),
        )

    async def _read_page(
        self, attempt: Started, deadline: Deadline, fetched: "Fetched", **options: object
    ) -> dict[str, Any]:
        function = self.runtime.workflow(attempt.workflow).page_function
        if function is None:
            raise RuntimeError(f"{attempt.workflow} cannot read pages: set its page_function in the registry")
        return await self.runtime.page_reader.read(function, fetched, waiting=deadline.paused, **options)

    def _read(self, loop: asyncio.AbstractEventLoop, read: Callable[[Connection], T]) -> T:
        def in_transaction() -> T:
            with self.runtime.database.transaction() as connection:
                return read(connection)

        return asyncio.run_coroutine_threadsafe(self.runtime.database.in_thread(in_transaction), loop).result()

    async def _secret(self, name: str) -> str:
        return await asyncio.to_thread(self.runtime.read_secret, name)

    async def _spend(self, attempt: Started, budget: str, charged: RecordId | None = None) -> None:
        """Charge one paid call. The metric is counted here, because metrics are not safe for use in threads."""
        observer = self.runtime.observer
        try:
            record_id = charged or attempt.record_id
            await self.runtime.database.in_thread(spend_one, self.runtime, budget, attempt.workflow, record_id)
        except Misconfigured:
            observer.count(metrics.BUDGET_SPENT, workflow=attempt.workflow)
            raise
        observer.count(metrics.PAID_CALLS, workflow=attempt.workflow)
