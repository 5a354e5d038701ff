"""One scan of one site: every url tried once, indexes followed to their children, all within caps and the time there is."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from scrapersky.models import DiscoveryMethod
from scrapersky.service.context import JobContext
from scrapersky.web.errors import FetchError
from scrapersky.web.response import Response
from scrapersky.web.sitemaps import Kind, Limits, SitemapRefused, read_entries, reader_of
from scrapersky.web.urls import normalise_url
from sitemap_scheduler.finding import NOT_TRIED, SAME_FILE, SITEMAP, Finding
from sitemap_scheduler.visits import Visits

SECONDS_TO_SAVE = 3
"""Of the record's time, kept back for the end."""


class Scan:
    """Tries urls and keeps what came of each. ``cut`` says which cap ended it early, if one did.

    ``own_origin`` is where the home page is (``https://host``): urls of the same host with http are asked there, so that
    one file is not two.
    """

    def __init__(self, ctx: JobContext, visits: Visits) -> None:
        self.own_origin: str | None = None
        self.findings: list[Finding] = []
        self.cut: str | None = None
        self._ctx = ctx
        self._visits = visits
        self._known: set[str] = set()
        self._open: dict[str, Finding] = {}  # accepted, and nothing came of it yet
        self._claims: dict[str, tuple[DiscoveryMethod, str | None]] = {}  # who names what a guess had found already
        self._kept = 0
        # Waiting for a turn at a slow host is done out here, where the end of the time is seen.
        self._at_once = asyncio.Semaphore(2 * ctx.settings.web_requests_per_host)

    @property
    def sitemaps(self) -> list[Finding]:
        """The findings that are sitemaps."""
        return [finding for finding in self.findings if finding.is_sitemap]

    @asynccontextmanager
    async def within_time(self) -> AsyncIterator[None]:
        """Ends what happens inside in time to save what was found; what was not tried by then is noted as such."""
        try:
            async with asyncio.timeout_at(self._ctx.deadline - SECONDS_TO_SAVE):
                yield
        except TimeoutError:
            self.cut = "time"
        self.findings = [self._as_claimed(finding) for finding in (*self.findings, *self._open.values())]
        self._open.clear()

    async def look_at(
        self,
        urls: Iterable[str],
        method: DiscoveryMethod,
        *,
        parent_url: str | None = None,
        hint: bool = False,
        depth: int = 0,
    ) -> None:
        """Tries each url that was not tried before, and the children of those that are indexes."""
        accepted = []
        for text in urls:
            url = self._on_own_origin(normalise_url(text))
            if url in self._known and method is not DiscoveryMethod.COMMON_PATH:
                self._claims.setdefault(url, (method, parent_url))
            elif url and url not in self._known:
                if self._is_full():
                    break
                self._known.add(url)
                self._open[url] = wanted = Finding(url, method, NOT_TRIED, parent_url, "the time was over", hint=hint)
                self._kept += wanted.worth_keeping
                accepted.append(url)
        await asyncio.gather(*(self._try(self._open[url], depth) for url in accepted))

    def _as_claimed(self, finding: Finding) -> Finding:
        """``finding``, owed to whoever names it rather than to a guess; an index stays a root, whoever points back at it."""
        is_index = finding.sitemap_type == Kind.INDEX.value
        if finding.method is not DiscoveryMethod.COMMON_PATH or is_index or finding.url not in self._claims:
            return finding
        method, parent_url = self._claims[finding.url]
        return replace(finding, method=method, parent_url=parent_url)

    def _on_own_origin(self, url: str | None) -> str | None:
        if url and self.own_origin and self.own_origin.startswith("https://"):
            insecure = f"http://{self.own_origin.removeprefix('https://')}/"
            return url.replace(insecure, f"{self.own_origin}/", 1) if url.startswith(insecure) else url
        return url

    def _is_full(self) -> bool:
        settings = self._ctx.settings
        if len(self._visits.rows) + len(self.findings) + len(self._open) >= settings.discovery_max_requests:
            self.cut = "requests"
        elif self._kept >= settings.discovery_max_files:
            self.cut = "files"
        return self.cut is not None

    async def _try(self, wanted: Finding, depth: int) -> None:
        children: list[str] = []
        async with self._at_once:
            try:
                finding = await self._read(wanted, children)
            except (FetchError, SitemapRefused) as failure:
                finding = replace(
                    wanted, result=failure.code, reason=failure.reason, http_status=_status_of(failure.code)
                )
        del self._open[wanted.url]
        self.findings.append(finding)
        self._kept += finding.worth_keeping - wanted.worth_keeping
        if children and depth < self._ctx.settings.discovery_max_depth:
            await self.look_at(children, DiscoveryMethod.SITEMAP_INDEX, parent_url=finding.url, depth=depth + 1)

    async def _read(self, wanted: Finding, children: list[str]) -> Finding:
        """Reads the sitemap at ``wanted.url`` to its end; an index's entries go into ``children``."""
        settings = self._ctx.settings
        limits = Limits(urls=settings.import_max_urls, decoded_bytes=settings.import_max_decoded_bytes)
        async with self._ctx.web.stream(wanted.url, truncate=True) as response:
            response.raise_for_status()
            if self._is_known_elsewhere(response, wanted):
                return replace(wanted, result=SAME_FILE, reason=f"redirects to {response.url}")
            reader = reader_of(response, limits)
            async with aclosing(read_entries(reader, response)) as batches:
                async for batch in batches:
                    if reader.kind is Kind.INDEX and len(children) < settings.discovery_max_requests:
                        children += (entry.url for entry in batch)
        if self._is_known_elsewhere(response, wanted):  # another redirect to it was quicker
            return replace(wanted, result=SAME_FILE, reason=f"redirects to {response.url}")
        self._known.add(response.url)
        return replace(
            wanted,
            url=response.url,
            asked=wanted.url,
            result=SITEMAP,
            reason=None,
            http_status=response.status,
            sitemap_type=reader.file_type,
            size_bytes=response.wire_bytes,
            url_count=reader.urls,
            has_lastmod=reader.with_lastmod > 0,
            is_gzip=reader.is_gzip,
            broken_at=reader.trouble,
        )

    def _is_known_elsewhere(self, response: Response, wanted: Finding) -> bool:
        return response.url != wanted.url and response.url in self._known


def _status_of(code: str) -> int | None:
    number = code.removeprefix("http_")
    return int(number) if number != code and number.isdecimal() else None
