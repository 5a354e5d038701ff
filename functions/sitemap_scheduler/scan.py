"""One scan of one site: every url tried once, indexes followed to their children, all within caps and the time there is."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from scrapersky.errors import FetchError
from scrapersky.models import DiscoveryMethod
from scrapersky.runtime.context import JobContext
from scrapersky.web.response import Response
from scrapersky.web.sitemaps import Entry, Kind, Limits, SitemapRefused, read_entries, reader_of
from scrapersky.web.urls import normalise_url
from sitemap_scheduler.finding import KEPT_FROM_ASKING, NOT_TRIED, NOTHING_THERE, SAME_FILE, Finding
from sitemap_scheduler.visits import Visits
from sitemap_scheduler.well_known import beside

_CALLED_A_SITEMAP = re.compile(r"site[-_]?map[^/?#]*\.xml(?:\.gz)?\Z", re.IGNORECASE)

SECONDS_TO_SAVE = 3
"""Of the record's time, kept back for the end."""

REQUESTS_OF_A_GUESS = 2
"""Most that one costs: what is not there may send us on to a page that says so."""


class Scan:
    """Tries urls and keeps what came of each. ``cut`` says which cap ended it early, if one did.

    ``own_origin`` is where the home page is (``https://host``): urls of the same host with http are asked there, so that
    one file is not two. ``pages`` are urls known to be no sitemaps: a guess that leads there is not followed.
    """

    def __init__(self, ctx: JobContext, visits: Visits) -> None:
        self.own_origin: str | None = None
        self.findings: list[Finding] = []
        self.cut: str | None = None
        self.pages: set[str] = set()
        self.requests = 0
        self._ctx = ctx
        self._visits = visits
        self._guessing = 0
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

    @property
    def found(self) -> bool:
        """Whether there is a sitemap with pages in it, so that guessing may end."""
        return any(finding.lists_pages for finding in self.findings)

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
            finding = await self._finding(wanted, children)
        del self._open[wanted.url]
        self.findings.append(finding)
        self._kept += finding.worth_keeping - wanted.worth_keeping
        self.cut = KEPT_FROM_ASKING.get(finding.result, self.cut)
        if children and depth < self._ctx.settings.discovery_max_depth:
            await self._look_at_children(finding, children, depth + 1)

    async def _look_at_children(self, parent: Finding, children: list[str], depth: int) -> None:
        named, url = DiscoveryMethod.SITEMAP_INDEX, parent.url
        await self.look_at((child for child in children if child != url), named, parent_url=url, depth=depth)
        is_index = parent.sitemap_type == Kind.INDEX.value
        if is_index and not any(finding.is_sitemap and finding.parent_url == url for finding in self.findings):
            await self.look_at(beside(url, children), named, parent_url=url, hint=True, depth=depth)

    async def _finding(self, wanted: Finding, children: list[str]) -> Finding:
        """What comes of ``wanted``; a guess is not tried when enough was asked of a site that shows nothing."""
        most = self._ctx.settings.discovery_max_requests_for_nothing
        if wanted.is_guess and not self.found and self._foreseen() + REQUESTS_OF_A_GUESS > most:
            return replace(wanted, reason=f"{most} requests had found nothing")
        self.requests += 1
        self._guessing += wanted.is_guess
        try:
            return await self._read(wanted, children)
        except (FetchError, SitemapRefused) as failure:
            self.requests -= failure.code in KEPT_FROM_ASKING
            return wanted.failed(failure)
        finally:
            self._guessing -= wanted.is_guess

    def _foreseen(self) -> int:
        """The requests made so far, and those that the guesses under way may still make."""
        return self._visits.requests + self.requests + self._guessing * (REQUESTS_OF_A_GUESS - 1)

    async def _read(self, wanted: Finding, children: list[str]) -> Finding:
        """Reads the sitemap at ``wanted.url`` to its end; the sitemaps that it names go into ``children``."""
        settings = self._ctx.settings
        limits = Limits(urls=settings.import_max_urls, decoded_bytes=settings.import_max_decoded_bytes)

        followed: list[str] = []

        def follow(url: str) -> bool:
            wants = not wanted.is_guess or url not in self.pages
            if wants:
                followed.append(url)
                self.requests += 1
            return wants

        try:
            async with self._ctx.web.stream(wanted.url, truncate=True, follow=follow) as response:
                if response.leads_to is not None:
                    return replace(wanted, result=NOTHING_THERE, reason=f"leads to {response.leads_to}")
                response.raise_for_status()
                if self._is_known_elsewhere(response, wanted):
                    return replace(wanted, result=SAME_FILE, reason=f"redirects to {response.url}")
                reader = reader_of(response, limits)
                async with aclosing(read_entries(reader, response)) as batches:
                    async for batch in batches:
                        if len(children) < settings.discovery_max_requests:
                            children += _sitemaps_among(batch, reader.kind)
        except (FetchError, SitemapRefused):
            self.pages.update(followed)
            raise
        if self._is_known_elsewhere(response, wanted):  # another redirect to it was quicker
            return replace(wanted, result=SAME_FILE, reason=f"redirects to {response.url}")
        self._known.add(response.url)
        return wanted.read(response, reader)

    def _is_known_elsewhere(self, response: Response, wanted: Finding) -> bool:
        return response.url != wanted.url and response.url in self._known


def _sitemaps_among(batch: Iterable[Entry], kind: Kind | None) -> Iterator[str]:
    """The urls of sitemaps in ``batch``: all of an index; of a urlset, which some write for an index, those called so."""
    for entry in batch:
        if kind is Kind.INDEX or (".xml" in entry.url and _CALLED_A_SITEMAP.search(entry.url)):
            yield entry.url
