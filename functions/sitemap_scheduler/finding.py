"""What a scan finds: one row a url tried, and what is worth keeping of those that were sitemaps or were said to be."""

from dataclasses import dataclass
from typing import Any

from scrapersky.models import DiscoveryMethod
from scrapersky.service.classification import Kind, kind_of

SITEMAP = "sitemap"
SAME_FILE = "same_file"
NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One url that was tried.

    ``result`` is ``sitemap``; ``same_file`` (it redirects to one that is known); ``not_tried`` (the time was over); or the
    code of why it is none (``http_404``, ``not_xml``, …). ``url`` is the file's own, behind redirects from ``asked``.
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

    @property
    def is_sitemap(self) -> bool:
        """Whether the body was a sitemap, by its content."""
        return self.result == SITEMAP

    @property
    def is_valid(self) -> bool | None:
        """Whether the file is a sitemap; None where trouble that may pass kept us from knowing."""
        return None if self.result == NOT_TRIED or self.may_pass else self.is_sitemap

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go better later."""
        try:
            return kind_of(self.result) is Kind.TRANSIENT
        except KeyError:
            return False

    @property
    def worth_keeping(self) -> bool:
        """A sitemap, or something that the site itself calls one; not a path that we made up and did not find."""
        named = self.method is not DiscoveryMethod.COMMON_PATH and not self.hint
        return self.is_sitemap or (named and self.result != SAME_FILE)

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
