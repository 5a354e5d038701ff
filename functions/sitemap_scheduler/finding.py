"""The result of trying one URL as a sitemap."""

from dataclasses import dataclass, replace
from typing import Any

from scrapersky.errors import Transient, WorkError
from scrapersky.vocabulary import DiscoveryMethod, SitemapType
from scrapersky.web.response import Response
from scrapersky.web.sitemaps import SitemapReader
from scrapersky.web.urls import NormalUrl

SITEMAP = "sitemap"
SAME_FILE = "same_file"
NOT_TRIED = "not_tried"
NOTHING_THERE = "nothing_there"

NOT_REQUESTED = {"host_busy": "host", "host_cooldown": "host", "budget_of_the_record": "budget"}
"""Codes of URLs that were not requested, mapped to the limit that prevented it (the host's or the record's budget)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One URL of a scan.

    ``result`` is ``sitemap``; ``same_file`` (it redirects to a sitemap that is already known); ``nothing_there`` (it
    redirects to a page that is known not to be a sitemap); ``not_tried`` (a limit ended the scan); or an error code
    (``http_404``, ``not_xml``, …). ``url`` is the file's own URL behind redirects from ``requested_url``.
    ``is_hint``: the link's text suggests a sitemap, but nothing declares it to be one.
    """

    url: NormalUrl
    method: DiscoveryMethod
    result: str
    parent_url: str | None = None
    reason: str | None = None
    requested_url: str | None = None
    is_hint: bool = False
    http_status: int | None = None
    sitemap_type: str | None = None
    size_bytes: int | None = None
    url_count: int | None = None
    has_lastmod: bool | None = None
    is_gzip: bool | None = None
    broken_at: str | None = None
    error: WorkError | None = None

    @property
    def is_sitemap(self) -> bool:
        """Whether the content is a sitemap."""
        return self.result == SITEMAP

    @property
    def is_index(self) -> bool:
        """Whether it is a sitemap that lists other sitemaps."""
        return self.sitemap_type == SitemapType.INDEX.value

    @property
    def is_guess(self) -> bool:
        """Whether the site itself does not declare the URL to be a sitemap."""
        return self.method is DiscoveryMethod.COMMON_PATH or self.is_hint

    @property
    def lists_pages(self) -> bool:
        """Whether it is a sitemap with at least one page."""
        return self.is_sitemap and not self.is_index and bool(self.url_count)

    @property
    def is_valid(self) -> bool | None:
        """Whether the file is a sitemap; None if a limit or a transient error left that open."""
        is_unknown = self.result == NOT_TRIED or self.result in NOT_REQUESTED or self.is_transient
        return None if is_unknown else self.is_sitemap

    @property
    def is_transient(self) -> bool:
        """Whether the error may pass."""
        return isinstance(self.error, Transient)

    @property
    def is_kept(self) -> bool:
        """Whether it becomes a SitemapFile: a sitemap, or a URL that the site declares to be one."""
        return self.is_sitemap or (not self.is_guess and self.result != SAME_FILE)

    def read(self, response: Response, reader: SitemapReader) -> "Finding":
        """Return the finding after ``reader`` read the whole ``response`` as a sitemap."""
        return replace(
            self,
            url=response.url,
            requested_url=self.url,
            result=SITEMAP,
            reason=None,
            http_status=response.status,
            sitemap_type=reader.file_type,
            size_bytes=response.wire_bytes,
            url_count=reader.urls,
            has_lastmod=reader.with_lastmod > 0,
            is_gzip=reader.is_gzip,
            broken_at=reader.error,
        )

    def failed(self, error: WorkError) -> "Finding":
        """Return the finding after ``error``."""
        number = error.code.removeprefix("http_")
        return replace(
            self,
            result=error.code,
            reason=error.reason,
            http_status=int(number) if number != error.code and number.isdecimal() else None,
            error=error,
        )

    def report_row(self) -> dict[str, Any]:
        """Return the URL's row in the scan's report."""
        return report_row(
            self.requested_url or self.url,
            self.method,
            self.result,
            status=self.http_status,
            sitemap_type=self.sitemap_type,
            urls=self.url_count,
        )


def report_row(
    url: str,
    method: DiscoveryMethod,
    result: str,
    *,
    status: int | None = None,
    sitemap_type: str | None = None,
    urls: int | None = None,
) -> dict[str, Any]:
    """Return one row of a scan's report; ``urls`` counts the pages or sitemaps that the file lists."""
    return {
        "url": url,
        "method": method.value,
        "result": result,
        "http_status": status,
        "type": sitemap_type,
        "urls": urls,
    }
