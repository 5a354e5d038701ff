"""What a scan finds: one row a url tried, and what is worth keeping of those that were sitemaps or were said to be."""

from dataclasses import dataclass, replace
from typing import Any

from scrapersky.errors import Transient, WorkError
from scrapersky.models import DiscoveryMethod, SitemapType
from scrapersky.web.response import Response
from scrapersky.web.sitemaps import SitemapReader

SITEMAP = "sitemap"
SAME_FILE = "same_file"
NOT_TRIED = "not_tried"
NOTHING_THERE = "nothing_there"

KEPT_FROM_ASKING = {"host_busy": "host", "host_cooldown": "host", "budget_of_the_record": "budget"}
"""Results that say nothing about the url, as it was not asked for, and what of us or of the host was against it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One url that was tried.

    ``result`` is ``sitemap``; ``same_file`` (it redirects to one that is known); ``nothing_there`` (it redirects to a page
    that is known to be none); ``not_tried`` (the time was over, or we had asked enough); or the code of why it is none
    (``http_404``, ``not_xml``, …). ``url`` is the file's own, behind redirects from ``asked``.
    ``hint``: nobody says that this is a sitemap, its name only sounds so.
    """

    url: str
    method: DiscoveryMethod
    result: str
    parent_url: str | None = None
    reason: str | None = None
    asked: str | None = None
    hint: bool = False
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
        """Whether the body was a sitemap, by its content."""
        return self.result == SITEMAP

    @property
    def is_guess(self) -> bool:
        """Whether the url is of our own making, or at least not called a sitemap by anybody."""
        return self.method is DiscoveryMethod.COMMON_PATH or self.hint

    @property
    def lists_pages(self) -> bool:
        """Whether it is a sitemap with urls of pages in it: what a search is for."""
        return self.is_sitemap and self.sitemap_type != SitemapType.INDEX.value and bool(self.url_count)

    @property
    def is_valid(self) -> bool | None:
        """Whether the file is a sitemap; None where trouble that may pass kept us from knowing."""
        unknown = self.result == NOT_TRIED or self.result in KEPT_FROM_ASKING or self.may_pass
        return None if unknown else self.is_sitemap

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go better later."""
        return isinstance(self.error, Transient)

    @property
    def worth_keeping(self) -> bool:
        """A sitemap, or something that the site itself calls one; not a path that we made up and did not find."""
        return self.is_sitemap or (not self.is_guess and self.result != SAME_FILE)

    def read(self, response: Response, reader: SitemapReader) -> "Finding":
        """This, after ``response`` was read to its end as a sitemap."""
        return replace(
            self,
            url=response.url,
            asked=self.url,
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

    def failed(self, failure: WorkError) -> "Finding":
        """This, after ``failure`` to read a sitemap there."""
        number = failure.code.removeprefix("http_")
        return replace(
            self,
            result=failure.code,
            reason=failure.reason,
            http_status=int(number) if number != failure.code and number.isdecimal() else None,
            error=failure,
        )

    def reported(self) -> dict[str, Any]:
        """The row of the scan's report."""
        return {
            "url": self.asked or self.url,
            "method": self.method.value,
            "result": self.result,
            "http_status": self.http_status,
            "type": self.sitemap_type,
            "urls": self.url_count,
        }
