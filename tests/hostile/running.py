"""Runs the code under test against hostile servers: one request of the web client, or the job of one record."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from domain_scheduler.metadata import read_metadata
from scrapersky.models import Domain, Place, Sitemap, SitemapFile
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.context import Deadline, Job, JobContext
from scrapersky.runtime.outcomes import Outcome, Retry, outcome_of
from scrapersky.runtime.registry import DISCOVERY, METADATA
from scrapersky.settings import Settings
from scrapersky.web.client import Fetched, FetchError, WebClient
from scrapersky.web.reading.reader import PageReader
from sitemap_import_scheduler.sitemap_import import import_sitemap
from sitemap_scheduler.deep_scan import deep_scan_place
from sitemap_scheduler.discovery import discover_sitemaps
from tests.hostile.server import Answer, Sites, hostile_internet, reset

JOBS: dict[str, Job] = {
    "import": import_sitemap,
    "discovery": discover_sitemaps,
    "metadata": read_metadata,
    "deep scan": deep_scan_place,
}
KEY = "AIzaHostile"
PAGE_FUNCTIONS = {"metadata": METADATA.page_function or "", "discovery": DISCOVERY.page_function or ""}
NO_INTERVAL = {"web_host_interval_seconds": 0}
"""Settings without pauses between requests; politeness has its own tests."""


@dataclass(frozen=True)
class FetchResult:
    """The result of one request: ``page`` or ``error``, the URLs and headers that the servers received, and the time."""

    page: Fetched | None
    error: FetchError | None
    requests: list[str]
    headers: list[Mapping[str, str]]
    seconds: float

    @property
    def code(self) -> str:
        """The code of the error, or the status."""
        return self.error.code if self.error else str(self.page and self.page.status)

    @property
    def body(self) -> bytes:
        """The body of a request that must have succeeded."""
        assert self.page is not None, self.error
        return self.page.body


def fetch(
    sites: Sites,
    url: str,
    directory: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    on_tls_port: Answer | None = None,
    **options: Any,
) -> FetchResult:
    """Run ``WebClient.get(url, **options)`` while exactly ``sites`` exist; ``robots`` is False by default."""

    async def go() -> FetchResult:
        async with (
            hostile_internet(sites, directory, on_tls_port=on_tls_port, **(settings or {})) as internet,
            internet.client() as web,
        ):
            page = error = None
            start = time.monotonic()
            try:
                page = await web.get(url, **{"robots": False, **options})
            except FetchError as failure:
                error = failure
            seconds = time.monotonic() - start
            received = internet.requests
            urls, headers = [each.url for each in received], [each.headers for each in received]
            return FetchResult(page, error, urls, headers, seconds)

    return asyncio.run(go())


@dataclass(frozen=True)
class JobResult:
    """The outcome of a job, and the URLs that the servers received."""

    outcome: Outcome
    requests: list[str]

    @property
    def code(self) -> str:
        """The code of the outcome."""
        return self.outcome.code

    @property
    def detail(self) -> Mapping[str, Any]:
        """The detail of the outcome."""
        return self.outcome.detail


def run_job(job: str, sites: Sites, directory: Path, *, path: str = "/sitemap.xml", **settings: Any) -> JobResult:
    """Run ``job`` for shop.example, or for its sitemap at ``path``, while exactly ``sites`` exist.

    The https port resets every connection, to save the time of TLS handshakes.
    """

    async def go() -> JobResult:
        async with hostile_internet(sites, directory, on_tls_port=reset) as internet:
            known = {"web_loopback_internet": internet.settings.web_loopback_internet, **NO_INTERVAL, **settings}
            outcome = await outcome_in(job, "shop.example", path, known)
            return JobResult(outcome, [request.url for request in internet.requests])

    return asyncio.run(go())


async def outcome_in(job: str, host: str, path: str, settings: Mapping[str, Any]) -> Outcome:
    """Return the outcome of ``job`` as the runtime sees it, also for the errors that the job raises."""

    async def secret(_: str) -> str:
        return KEY

    async def spend(*_: object) -> None:
        """Do nothing: the tests of the runtime cover budgets."""

    known = Settings.model_validate({"places_secret": "places", **settings})
    async with WebClient(known, HostLimiter(known)) as web:
        deadline = Deadline(known.record_deadline_seconds)
        read_page = partial(page_reader(os.getpid()).read, PAGE_FUNCTIONS.get(job, ""))
        context = JobContext(web, known, Logger(service="hostile"), deadline, secret, spend, read_page)
        try:
            # The runtime enforces the deadline; here a little later, so that a job that keeps it by itself is seen.
            async with asyncio.timeout(known.record_deadline_seconds + 0.5):
                return await JOBS[job](_record(job, host, path), context)
        except TimeoutError:
            return Retry("deadline", "stopped at the deadline")
        except FetchError as failure:
            return outcome_of(failure, known)


@cache
def page_reader(process: int) -> PageReader:
    """Return the page reader of this process; a fork needs a child of its own."""
    return PageReader(Settings(), list(PAGE_FUNCTIONS.values()))


def _record(job: str, host: str, path: str) -> object:
    domain = Domain(id=1, domain=host, tenant="default")
    match job:
        case "import":
            return SitemapFile(id=1, domain_id=1, domain=domain, tenant="default", url=f"http://{host}{path}")
        case "discovery":
            return Sitemap(id=1, domain_id=1, domain=domain, tenant="default")
        case "deep scan":
            return Place(id=1, place_id="ChIJ1", tenant="default")
        case _:
            return domain
