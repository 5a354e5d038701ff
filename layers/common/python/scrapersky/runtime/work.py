"""The work on started attempts: every job under its own deadline, all at once, and each end saved in a short transaction.

No session is open while a job runs. pg8000 is synchronous, so the database is spoken to from a thread, one at a time:
the function has one connection.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from scrapersky import metrics
from scrapersky.importing import importing
from scrapersky.models.vocabulary import Status
from scrapersky.runtime.job import run_job
from scrapersky.runtime.outcomes import Outcome, Snooze
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.saving import Saving
from scrapersky.status.finish import Finished
from scrapersky.status.start import Started

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded
    from scrapersky.runtime.batch import Delivery
    from scrapersky.web.client import WebClient


def work_on_started(
    runtime: Runtime, started: Sequence[Started], deliveries: Mapping[int, "Delivery"], remaining: float
) -> dict[str, int]:
    """Works on all of ``started`` within ``remaining`` seconds; answers how many ended with which code."""
    if not started:
        return {}
    return asyncio.run(_work_on_all(runtime, started, deliveries, remaining))


async def _work_on_all(
    runtime: Runtime, started: Sequence[Started], deliveries: Mapping[int, "Delivery"], remaining: float
) -> dict[str, int]:
    end = asyncio.get_running_loop().time() + remaining - runtime.settings.saving_seconds
    records = records_of(runtime, started)
    at_once = asyncio.Semaphore(runtime.own.max_instances)
    one_connection = asyncio.Lock()
    saving = Saving(runtime, one_connection)
    codes: Counter[str] = Counter()
    async with web_client(runtime, started, one_connection) as web:

        async def work_on_one(attempt: Started) -> None:
            async with at_once:
                began = time.monotonic()
                outcome = await run_job(
                    runtime,
                    attempt,
                    records.get((attempt.workflow, attempt.record_id)),
                    web=web,
                    end=end,
                    one_connection=one_connection,
                )
                finished = await saving.save(attempt, outcome)
            codes[outcome.code if finished else "stale"] += 1
            _tell(runtime, attempt, deliveries.get(attempt.attempt_id), outcome, finished, time.monotonic() - began)

        await asyncio.gather(*(work_on_one(attempt) for attempt in started))
    return dict(codes)


@asynccontextmanager
async def web_client(
    runtime: Runtime, started: Sequence[Started], one_connection: asyncio.Lock
) -> "AsyncIterator[WebClient | None]":
    """The web client of this invocation; none where no job of it asks anybody, who need not wait for its import."""
    workflows = {runtime.workflow(attempt.workflow) for attempt in started}
    if not any(map(runtime.service.needs_web_client, workflows)):
        yield None
        return
    with importing():
        from scrapersky.politeness.lease_manager import LeaseManager  # noqa: PLC0415
        from scrapersky.politeness.limiter import HostLimiter  # noqa: PLC0415
        from scrapersky.web.client import WebClient  # noqa: PLC0415

    settings = runtime.settings
    async with (
        LeaseManager(settings, runtime.database, one_connection, runtime.observer.log) as leases,
        WebClient(settings, HostLimiter(settings, leases)) as web,
    ):
        yield web


def records_of(runtime: Runtime, started: Sequence[Started]) -> "dict[tuple[str, int], Recorded]":
    """The records of ``started`` by workflow and id, detached: nobody writes through them."""
    records: dict[tuple[str, int], Recorded] = {}
    with runtime.database.autocommit() as connection, Session(connection) as session:
        for name in {attempt.workflow for attempt in started}:
            model = runtime.workflow(name).model
            ids = [attempt.record_id for attempt in started if attempt.workflow == name]
            for record in session.scalars(select(model).where(model.id.in_(ids))):
                records[name, record.id] = record
        session.expunge_all()
    return records


def _tell(
    runtime: Runtime,
    attempt: Started,
    delivery: "Delivery | None",
    outcome: Outcome,
    finished: Finished | None,
    seconds: float,
) -> None:
    if finished is None:
        runtime.observer.count(metrics.STALE)
        return
    metric = {
        Status.COMPLETED: metrics.COMPLETED,
        Status.ERROR: metrics.ERRORED,
        Status.QUEUED: metrics.SNOOZED if isinstance(outcome, Snooze) else metrics.RETRIED,
    }[finished.status]
    runtime.observer.count(metric, workflow=attempt.workflow)
    runtime.observer.count(metrics.RECORD_MILLISECONDS, round(seconds * 1000), workflow=attempt.workflow)
    runtime.observer.transition(
        workflow=attempt.workflow,
        record_id=attempt.record_id,
        attempt_id=attempt.attempt_id,
        from_status=Status.PROCESSING,
        to_status=finished.status,
        outcome=type(outcome).__name__.lower(),
        code=outcome.code,
        error_code=outcome.code if finished.status is Status.ERROR else None,
        duration_ms=round(seconds * 1000),
        attempt=finished.failures + (finished.status is Status.COMPLETED),
        receive_count=delivery.receive_count if delivery else 1,
        correlation_id=delivery.correlation_id if delivery else None,
    )
