"""Runs the job of one record in a simulated internet on loopback, as the runtime does, without a database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from aws_lambda_powertools import Logger

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.context import Deadline, Job, JobContext
from scrapersky.runtime.outcomes import Outcome
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.runtime.web_access import web_of_the_record
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient
from scrapersky.web.fetched import Fetched
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Answer, Request, Website


@dataclass(frozen=True)
class Answers:
    """A website that is one function."""

    answer: Callable[[Request], Answer]


def page(html: str | bytes, status: int = 200, content_type: str = "text/html; charset=utf-8", **more: str) -> Answers:
    """Return a website that answers every path with this page; it has no robots.txt."""
    body = html.encode() if isinstance(html, str) else html
    headers = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in more.items()}}

    def answer(request: Request) -> Answer:
        return Answer(404) if request.path == "/robots.txt" else Answer(status, body, headers)

    return Answers(answer)


async def read_page_here(job: Job, fetched: Fetched, **options: Any) -> dict[str, Any]:
    """Call the page function of the workflow of ``job`` in this process instead of the child."""
    name = f"{job.__module__}:{job.__qualname__}"
    [function] = [workflow.page_function for workflow in WORKFLOWS.values() if workflow.job == name]
    assert function, f"{name} has no page_function in the registry"
    result: dict[str, Any] = resolve_name(function)(fetched, **options)
    return result


def run_job(
    job: Job,
    record: object,
    websites: Mapping[str, Website],
    directory: Path,
    *,
    secrets: Mapping[str, str] | None = None,
    without_https: tuple[str, ...] = (),
    spend: Callable[..., Awaitable[None]] | None = None,
    **settings: Any,
) -> Outcome:
    """Return the outcome of ``job`` on ``record`` while exactly ``websites`` exist. ``secrets`` are the readable ones.

    Paid calls are free unless ``spend`` is given; the tests of the runtime cover the real budgets.
    """

    async def secret(name: str) -> str:
        return (secrets or {})[name]

    async def free(_: str, charged: int | None = None) -> None:
        """Do nothing."""

    pay = spend or free

    async def run(known: Settings) -> Outcome:
        async with WebClient(known, HostLimiter(known)) as web:
            context = JobContext(
                web_client=web_of_the_record(web, known, secret, pay),
                settings=known,
                logger=Logger(service="test"),
                deadline=Deadline(known.record_deadline_seconds),
                secret=secret,
                spend=pay,
                read_page=partial(read_page_here, job),
            )
            return await job(record, context)

    with Internet.start(websites, directory, without_https=without_https) as internet:
        own = {"web_loopback_internet": internet.file, "web_host_interval_seconds": 0}
        return asyncio.run(run(Settings.model_validate(own | settings)))
