"""One record's job, run as it is in production, in an internet of hostile servers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from domain_scheduler.metadata import read_metadata
from scrapersky.models import Domain, Place, Sitemap, SitemapFile
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.context import Job, JobContext
from scrapersky.runtime.outcomes import Outcome, outcome_of
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from sitemap_import_scheduler.sitemap_import import import_sitemap
from sitemap_scheduler.deep_scan import deep_scan_place
from sitemap_scheduler.discovery import discover_sitemaps
from tests.hostile.answers import slam
from tests.hostile.server import Sites, hostile_internet

JOBS: dict[str, Job] = {
    "import": import_sitemap,
    "discovery": discover_sitemaps,
    "metadata": read_metadata,
    "deep scan": deep_scan_place,
}
KEY = "AIzaHostile"
HURRIED = {"web_host_interval_seconds": 0}
"""Politeness is tested elsewhere."""


@dataclass(frozen=True)
class Worked:
    """A job's outcome and the urls that the servers were asked for."""

    outcome: Outcome
    asked: list[str]

    @property
    def code(self) -> str:
        """The outcome's code."""
        return self.outcome.code

    @property
    def detail(self) -> Mapping[str, Any]:
        """The outcome's detail."""
        return self.outcome.detail


def work(job: str, sites: Sites, directory: Path, *, path: str = "/sitemap.xml", **settings: Any) -> Worked:
    """The outcome of ``job`` for shop.example, or for its sitemap at ``path``, while exactly ``sites`` exist.

    Without https, for the tests' time: a connection a request is dear with it.
    """

    async def go() -> Worked:
        async with hostile_internet(sites, directory, on_tls_port=slam) as internet:
            known = {"web_loopback_internet": internet.settings.web_loopback_internet, **HURRIED, **settings}
            outcome = await outcome_in(job, "shop.example", path, known)
            return Worked(outcome, [asked.url for asked in internet.asked])

    return asyncio.run(go())


async def outcome_in(job: str, host: str, path: str, settings: Mapping[str, Any]) -> Outcome:
    """The outcome of ``job`` as the runtime sees it, with what the job raises classified."""

    async def secret(_: str) -> str:
        return KEY

    async def spend(_: str) -> None:
        """Budgets are the runtime's, and tested there."""

    known = Settings.model_validate({"places_secret": "places", **settings})
    async with WebClient(known, HostLimiter(known)) as web:
        deadline = asyncio.get_running_loop().time() + known.record_deadline_seconds
        context = JobContext(web, known, Logger(service="hostile"), deadline, secret, spend)
        try:
            return await JOBS[job](_record(job, host, path), context)
        except FetchError as failure:
            return outcome_of(failure, known)


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
