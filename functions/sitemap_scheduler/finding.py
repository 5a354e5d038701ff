"""What a scan finds: one row a url tried, and what is worth keeping of those that were sitemaps or were said to be."""

from dataclasses import dataclass
from typing import Any

from scrapersky.models import DiscoveryMethod


@dataclass(frozen=True, slots=True)
class Finding:
    """One url that was tried. ``result`` is ``sitemap``, or the code of why it is none (``http_404``, ``not_xml``, …)."""

    url: str
    method: DiscoveryMethod
    result: str
    parent_url: str | None = None
    reason: str | None = None
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
        return self.result == "sitemap"

    @property
    def worth_keeping(self) -> bool:
        """A sitemap, or something that the site itself calls one; not a path that we made up and did not find."""
        return self.is_sitemap or self.method is not DiscoveryMethod.COMMON_PATH

    def reported(self) -> dict[str, Any]:
        """The row of the scan's report."""
        return {
            "url": self.url,
            "method": self.method.value,
            "result": self.result,
            "http_status": self.http_status,
            "type": self.sitemap_type,
            "urls": self.url_count,
        }
