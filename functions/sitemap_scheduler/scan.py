"""One scan of one site: every URL is tried once and indexes are followed, within limits of number, depth and time."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from scrapersky.errors import FetchError
from scrapersky.runtime.context import JobContext
from scrapersky.vocabulary import DiscoveryMethod
from scrapersky.web.response import Response
from scrapersky.web.sitemaps import Entry, Kind, Limits, SitemapRefused, read_entries, reader_of
from scrapersky.web.urls import NormalUrl
from sitemap_scheduler.candidates import in_folder_of, is_sitemap_name
from sitemap_scheduler.finding import NOT_REQUESTED, NOT_TRIED, NOTHING_THERE, SAME_FILE, Finding, report_row

SECONDS_TO_SAVE = 3
"""Seconds of the record's time that are reserved for saving the findings."""

REQUESTS_PER_GUESS = 2
"""Requests that one guess may cost: a missing file may redirect to an error page."""


class Scan:
    """Tries URLs and keeps the result of each.

    ``limit_reached`` names the limit that ended the scan early (``time``, ``requests``, ``files``, ``host``,
    ``budget``), if any. ``own_origin`` is the origin of the site (``https://host``): http URLs of the same host
    are requested there, so that one file is not found twice. ``not_sitemaps`` are URLs known to be pages: a guess that
    redirects there is not followed. ``requests`` counts all requests, those for robots.txt and the home page included.
    """

    def __init__(self, ctx: JobContext) -> None:
        self.own_origin: str | None = None
        self.findings: list[Finding] = []
        self.limit_reached: str | None = None
        self.not_sitemaps: set[str] = set()
        self.requests = 0
        self._page_rows: list[dict[str, Any]] = []
        self._ctx = ctx
        self._guesses_under_way = 0
        self._known: set[str] = set()
        self._pending: dict[str, Finding] = {}
        self._declared_by: dict[str, tuple[DiscoveryMethod, str | None]] = {}  # declarations of URLs already guessed
        self._kept = 0
        # A slow host is waited for here, where the end of the time is noticed, and not inside the web client.
        self._slots = asyncio.Semaphore(2 * ctx.settings.web_requests_per_host)

    @property
    def sitemaps(self) -> list[Finding]:
        """The findings that are sitemaps."""
        return [finding for finding in self.findings if finding.is_sitemap]

    @property
    def found_pages(self) -> bool:
        """Whether a sitemap with at least one page was found, so that guessing can end."""
        return any(finding.lists_pages for finding in self.findings)

    @property
    def report(self) -> list[dict[str, Any]]:
        """One row per URL: robots.txt and the home page first, then the findings."""
        return [*self._page_rows, *(finding.report_row() for finding in self.findings)]

    @property
    def is_unreachable(self) -> bool:
        """Whether neither robots.txt nor the home page was answered or refused so far."""
        return not self._page_rows

    def page_answered(
        self, url: str, method: DiscoveryMethod, status: int | None, *, sitemaps: int, requests: int
    ) -> None:
        """Record that a page that may name sitemaps answered, after ``requests`` requests, and named ``sitemaps``."""
        result = f"http_{status}" if status is not None and status >= 400 else "read"
        self._page_rows.append(report_row(url, method, result, status=status, urls=sitemaps))
        self.requests += requests

    def page_failed(self, url: str, method: DiscoveryMethod, error: FetchError, *, requests: int = 1) -> None:
        """Record that such a page could not be fetched, with at most ``requests`` requests."""
        self._page_rows.append(report_row(url, method, error.code))
        self.requests += requests

    @asynccontextmanager
    async def within_time(self) -> AsyncIterator[None]:
        """Cancel the body in time to save the findings; URLs that are pending then are ``not_tried``."""
        try:
            async with asyncio.timeout_at(self._ctx.deadline.at - SECONDS_TO_SAVE):
                yield
        except TimeoutError:
            self.limit_reached = "time"
        findings = [self._attributed(finding) for finding in (*self.findings, *self._pending.values())]
        read = {url for finding in self.sitemaps for url in (finding.url, finding.requested_url)}
        self.findings = [self._moved(finding, read) for finding in findings]
        self._pending.clear()

    async def try_urls(
        self,
        urls: Iterable[NormalUrl],
        method: DiscoveryMethod,
        *,
        parent_url: str | None = None,
        is_hint: bool = False,
        depth: int = 0,
    ) -> None:
        """Try each URL that was not tried before, and the children of those that are indexes."""
        accepted = []
        for url in map(self._on_own_origin, urls):
            if url in self._known and method is not DiscoveryMethod.COMMON_PATH:
                self._declared_by.setdefault(url, (method, parent_url))
            elif url not in self._known:
                if self._is_full():
                    break
                self._known.add(url)
                candidate = Finding(url, method, NOT_TRIED, parent_url, "the time was over", is_hint=is_hint)
                self._pending[url] = candidate
                self._kept += candidate.is_kept
                accepted.append(candidate)
        await asyncio.gather(*(self._try(candidate, depth) for candidate in accepted))

    def _attributed(self, finding: Finding) -> Finding:
        """Return a guessed ``finding`` with the method by which the site declares it, if it does.

        An index keeps its method: its children may link back to it.
        """
        if (
            finding.method is not DiscoveryMethod.COMMON_PATH
            or finding.is_index
            or finding.url not in self._declared_by
        ):
            return finding
        method, parent_url = self._declared_by[finding.url]
        return replace(finding, method=method, parent_url=parent_url)

    def _moved(self, finding: Finding, read: Collection[str | None]) -> Finding:
        """Return a declared ``finding`` that failed as ``same_file``, if its file was ``read`` at the present site.

        A site that moved often still names its old host: in robots.txt, or in an index beside which the children are.
        """
        if finding.is_guess or finding.error is None or self.own_origin is None:
            return finding
        parts = urlsplit(finding.url)
        places = [f"{self.own_origin}{parts._replace(scheme='', netloc='').geturl()}"]
        if finding.method is DiscoveryMethod.SITEMAP_INDEX and finding.parent_url:
            places += in_folder_of(NormalUrl(finding.parent_url), [finding.url])
        place = next((place for place in places if place in read and place != finding.url), None)
        return replace(finding, result=SAME_FILE, reason=f"was read at {place}", error=None) if place else finding

    def _on_own_origin(self, url: NormalUrl) -> NormalUrl:
        if self.own_origin and self.own_origin.startswith("https://"):
            insecure = f"http://{self.own_origin.removeprefix('https://')}/"
            if url.startswith(insecure):
                return NormalUrl(f"{self.own_origin}/{url.removeprefix(insecure)}")
        return url

    def _is_full(self) -> bool:
        settings = self._ctx.settings
        if len(self._page_rows) + len(self.findings) + len(self._pending) >= settings.discovery_max_requests:
            self.limit_reached = "requests"
        elif self._kept >= settings.discovery_max_files:
            self.limit_reached = "files"
        return self.limit_reached is not None

    async def _try(self, candidate: Finding, depth: int) -> None:
        children: list[NormalUrl] = []
        async with self._slots:
            finding = await self._request(candidate, children)
        del self._pending[candidate.url]
        self.findings.append(finding)
        self._kept += finding.is_kept - candidate.is_kept
        self.limit_reached = NOT_REQUESTED.get(finding.result, self.limit_reached)
        if children and depth < self._ctx.settings.discovery_max_depth:
            await self._try_children(finding, children, depth + 1)

    async def _try_children(self, parent: Finding, children: list[NormalUrl], depth: int) -> None:
        method, url = DiscoveryMethod.SITEMAP_INDEX, parent.url
        await self.try_urls((child for child in children if child != url), method, parent_url=url, depth=depth)
        has_child = any(finding.is_sitemap and finding.parent_url == url for finding in self.findings)
        if parent.is_index and not has_child:
            await self.try_urls(in_folder_of(url, children), method, parent_url=url, is_hint=True, depth=depth)

    async def _request(self, candidate: Finding, children: list[NormalUrl]) -> Finding:
        """Return the result of ``candidate``. A guess is not requested once a site without sitemaps cost its limit."""
        limit = self._ctx.settings.discovery_max_requests_for_nothing
        if candidate.is_guess and not self.found_pages and self._expected_requests() + REQUESTS_PER_GUESS > limit:
            return replace(candidate, reason=f"{limit} requests had found nothing")
        self.requests += 1
        self._guesses_under_way += candidate.is_guess
        try:
            return await self._read(candidate, children)
        except (FetchError, SitemapRefused) as error:
            self.requests -= error.code in NOT_REQUESTED
            return candidate.failed(error)
        finally:
            self._guesses_under_way -= candidate.is_guess

    def _expected_requests(self) -> int:
        """Return the requests made so far and those that guesses under way may still make."""
        return self.requests + self._guesses_under_way * (REQUESTS_PER_GUESS - 1)

    async def _read(self, candidate: Finding, children: list[NormalUrl]) -> Finding:
        """Read the sitemap at ``candidate.url`` to its end; append the sitemaps that it lists to ``children``."""
        settings = self._ctx.settings
        limits = Limits(urls=settings.import_max_urls, decoded_bytes=settings.import_max_decoded_bytes)

        followed: list[str] = []

        def follow(url: str) -> bool:
            is_followed = not candidate.is_guess or url not in self.not_sitemaps
            if is_followed:
                followed.append(url)
                self.requests += 1
            return is_followed

        try:
            async with self._ctx.web.stream(candidate.url, truncate=True, follow=follow) as response:
                if response.leads_to is not None:
                    return replace(candidate, result=NOTHING_THERE, reason=f"redirects to {response.leads_to}")
                response.raise_for_status()
                if self._is_duplicate(response, candidate):
                    return replace(candidate, result=SAME_FILE, reason=f"redirects to {response.url}")
                reader = reader_of(response, limits)
                async with aclosing(read_entries(reader, response)) as batches:
                    async for batch in batches:
                        if len(children) < settings.discovery_max_requests:
                            children += _sitemaps_among(batch, reader.kind)
        except (FetchError, SitemapRefused):
            self.not_sitemaps.update(followed)
            raise
        if self._is_duplicate(response, candidate):  # another redirect to the file was read meanwhile
            return replace(candidate, result=SAME_FILE, reason=f"redirects to {response.url}")
        self._known.add(response.url)
        return candidate.read(response, reader)

    def _is_duplicate(self, response: Response, candidate: Finding) -> bool:
        return response.url != candidate.url and response.url in self._known


def _sitemaps_among(batch: Iterable[Entry], kind: Kind | None) -> Iterator[NormalUrl]:
    """Return the URLs of sitemaps in ``batch``: all of an index; those named as sitemaps of a urlset.

    Some sites write an index with the elements of a urlset.
    """
    for entry in batch:
        if kind is Kind.INDEX or (entry.url.lower().endswith((".xml", ".xml.gz")) and is_sitemap_name(entry.url)):
            yield entry.url
