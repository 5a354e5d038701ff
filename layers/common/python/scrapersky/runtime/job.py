"""One record's job: under its own deadline, and whatever it does, an outcome comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from scrapersky import metrics
from scrapersky.errors import Misconfigured, WorkError
from scrapersky.runtime.context import JobContext, NoWeb
from scrapersky.runtime.outcomes import Outcome, Retry, Snooze, outcome_of, unexpected
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.spending import spend_one
from scrapersky.status.start import Started

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded
    from scrapersky.web.client import WebClient


async def run_job(
    runtime: Runtime,
    attempt: Started,
    record: "Recorded | None",
    *,
    web: "WebClient | None",
    end: float,
    one_connection: asyncio.Lock,
) -> Outcome:
    """The job's outcome, or what its exception means. Only cancellation of the whole invocation escapes."""
    now = asyncio.get_running_loop().time()
    full = now + runtime.settings.record_deadline_seconds
    deadline = min(full, end)
    if record is None:
        return Retry("record_gone", f"{attempt.workflow} record {attempt.record_id} is not there any more")

    async def secret(name: str) -> str:
        return await asyncio.to_thread(runtime.read_secret, name)

    spend = _spending(runtime, attempt, one_connection)
    context = JobContext(
        web=_web_of_the_record(runtime, web, secret, spend),
        settings=runtime.settings,
        logger=runtime.observer.log,
        deadline=deadline,
        secret=secret,
        spend=spend,
    )
    try:
        async with asyncio.timeout_at(deadline):
            return await runtime.jobs[attempt.workflow](record, context)
    except TimeoutError:
        if deadline < full:
            return Snooze("out_of_time", "the invocation's time ran out before the record's own did", after=0)
        seconds = runtime.settings.record_deadline_seconds
        return Retry("deadline", f"not finished within RECORD_DEADLINE_SECONDS={seconds:g}")
    except WorkError as error:
        return outcome_of(error, runtime.settings)
    except Exception as error:
        runtime.observer.log.exception(
            "unexpected exception in a job", extra={"workflow": attempt.workflow, "record_id": attempt.record_id}
        )
        return unexpected(error)


def _web_of_the_record(
    runtime: Runtime,
    web: "WebClient | None",
    secret: Callable[[str], Awaitable[str]],
    spend: Callable[[str], Awaitable[None]],
) -> "WebClient":
    if web is None:
        return cast("WebClient", NoWeb())
    from scrapersky.runtime.proxy import web_of_the_record  # noqa: PLC0415 - nor need those wait who have none

    return web_of_the_record(web, runtime.settings, secret, spend)


def _spending(runtime: Runtime, attempt: Started, one_connection: asyncio.Lock) -> Callable[[str], Awaitable[None]]:
    """What the job calls before each paid call; counted here, in the event loop, and not in the thread that asks."""

    async def spend(budget: str) -> None:
        try:
            async with one_connection:
                await asyncio.to_thread(spend_one, runtime, budget, attempt.workflow, attempt.record_id)
        except Misconfigured:
            runtime.observer.count(metrics.BUDGET_SPENT, workflow=attempt.workflow)
            raise
        runtime.observer.count(metrics.PAID_CALLS, workflow=attempt.workflow)

    return spend
