"""The pages that a scan reads to learn where sitemaps are: robots.txt and the home page. Rows of its report."""

from dataclasses import dataclass, field
from typing import Any

from scrapersky.errors import FetchError
from scrapersky.models import DiscoveryMethod


@dataclass
class Visits:
    """What came of each, and how many ``requests`` that took; ``urls`` of a row counts the sitemaps that the page names."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0

    def read(self, url: str, method: DiscoveryMethod, status: int | None, named: int, *, requests: int = 1) -> None:
        """The page answered, be it with an error, at the last of so many ``requests``."""
        result = f"http_{status}" if status is not None and status >= 400 else "read"
        self.rows.append(_row(url, method, result, status, named))
        self.requests += requests

    def failed(self, url: str, method: DiscoveryMethod, failure: FetchError, *, requests: int = 1) -> None:
        """The page could not be had, with so many ``requests`` at most."""
        self.rows.append(_row(url, method, failure.code, None, None))
        self.requests += requests


def _row(url: str, method: DiscoveryMethod, result: str, status: int | None, named: int | None) -> dict[str, Any]:
    return {
        "url": url,
        "method": method.value,
        "result": result,
        "http_status": status,
        "type": None,
        "urls": named,
    }
