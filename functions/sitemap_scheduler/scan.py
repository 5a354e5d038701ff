"""One scan of one site: every url tried once, indexes followed to their children, all within caps and the time there is."""

import asyncio
from collections.abc import Iterable

from scrapersky.models import DiscoveryMethod
from scrapersky.service.context import JobContext
from scrapersky.web.client import Response
from scrapersky.web.errors import FetchError
from scrapersky.web.sitemaps import Kind, Limits, SitemapReader, SitemapRefused
from scrapersky.web.urls import normalise_url
from sitemap_scheduler.finding import Finding

SECONDS_TO_SAVE = 3
"""Of the record's time, kept back for the end: no new url is tried with less."""


class Scan:
    """Tries urls and keeps what came of each. ``cut`` says which cap ended it early, if one did."""

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._tried: set[str] = set()
        self.findings: list[Finding] = []
        self.cut: str | None = None

    @property
    def sitemaps(self) -> list[Finding]:
        """The findings that are sitemaps."""
        return [finding for finding in self.findings if finding.is_sitemap]

    async def look_at(
        self, urls: Iterable[str], method: DiscoveryMethod, *, parent_url: str | None = None, depth: int = 0
    ) -> None:
        """Tries each url that was not tried before, and the children of those that are indexes."""
        new = []
        for url in urls:
            normal = normalise_url(url)
            if normal and normal not in self._tried and self._may_go_on():
                self._tried.add(normal)
                new.append(normal)
        await asyncio.gather(*(self._try(url, method, parent_url, depth) for url in new))

    def _may_go_on(self) -> bool:
        settings = self._ctx.settings
        if len(self._tried) >= settings.discovery_max_requests:
            self.cut = "requests"
        elif len(self.sitemaps) >= settings.discovery_max_files:
            self.cut = "files"
        else:
            return self._has_time()
        return False

    def _has_time(self) -> bool:
        if self._ctx.remaining() < SECONDS_TO_SAVE:
            self.cut = "time"
            return False
        return True

    async def _try(self, url: str, method: DiscoveryMethod, parent_url: str | None, depth: int) -> None:
        if not self._has_time():  # it may have waited for its turn at the host
            return
        children: list[str] = []
        try:
            finding = await self._read(url, method, parent_url, children)
        except (FetchError, SitemapRefused) as failure:
            finding = Finding(
                url, method, failure.code, parent_url, failure.reason, http_status=_status_of(failure.code)
            )
        self.findings.append(finding)
        if children and depth < self._ctx.settings.discovery_max_depth:
            await self.look_at(children, DiscoveryMethod.SITEMAP_INDEX, parent_url=url, depth=depth + 1)

    async def _read(self, url: str, method: DiscoveryMethod, parent_url: str | None, children: list[str]) -> Finding:
        """Reads the sitemap at ``url`` to its end; an index's entries go into ``children``."""
        settings = self._ctx.settings
        limits = Limits(urls=settings.import_max_urls, decoded_bytes=settings.import_max_decoded_bytes)
        deadline = max(self._ctx.remaining() - SECONDS_TO_SAVE, 0.1)
        seconds = min(settings.web_request_deadline_seconds, deadline)
        async with self._ctx.web.stream(url, deadline=seconds, truncate=True) as response:
            response.raise_for_status()
            reader = SitemapReader(response.url, limits, _charset(response))
            async for chunk in response.chunks():
                self._take(reader, reader.feed(chunk), children)
                if reader.finished:
                    break
            self._take(reader, reader.close(truncated=response.truncated), children)
            return Finding(
                url,
                method,
                "sitemap",
                parent_url,
                http_status=response.status,
                sitemap_type=reader.file_type,
                size_bytes=response.wire_bytes,
                url_count=reader.urls,
                has_lastmod=reader.with_lastmod > 0,
                is_gzip=reader.is_gzip,
                broken_at=reader.trouble,
            )

    def _take(self, reader: SitemapReader, entries: Iterable[object], children: list[str]) -> None:
        for entry in entries:
            if reader.kind is Kind.INDEX and len(children) < self._ctx.settings.discovery_max_requests:
                children.append(entry.url)  # type: ignore[attr-defined]


def _status_of(code: str) -> int | None:
    number = code.removeprefix("http_")
    return int(number) if number != code and number.isdecimal() else None


def _charset(response: Response) -> str | None:
    _, _, given = response.headers.get("content-type", "").lower().partition("charset=")
    return given.split(";")[0].strip(" \"'") or None
