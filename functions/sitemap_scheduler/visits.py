"""The pages that a scan reads to learn where sitemaps are: robots.txt and the home page. Rows of its report."""

from dataclasses import dataclass, field
from typing import Any

from scrapersky.models import DiscoveryMethod
from scrapersky.web.errors import FetchError


@dataclass
class Visits:
    """What came of each; ``urls`` of a row counts the sitemaps that the page names."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def read(self, url: str, method: DiscoveryMethod, status: int | None, named: int) -> None:
        """The page answered, be it with an error."""
        result = f"http_{status}" if status is not None and status >= 400 else "read"
        self.rows.append(_row(url, method, result, status, named))

    def failed(self, url: str, method: DiscoveryMethod, failure: FetchError) -> None:
        """The page could not be had."""
        self.rows.append(_row(url, method, failure.code, None, None))


def _row(url: str, method: DiscoveryMethod, result: str, status: int | None, named: int | None) -> dict[str, Any]:
    return {
        "url": url,
        "method": method.value,
        "result": result,
        "http_status": status,
        "type": None,
        "urls": named,
    }
