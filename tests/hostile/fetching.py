"""One request of the real client in an internet of hostile servers."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapersky.web.client import FetchError
from scrapersky.web.fetched import Fetched
from tests.hostile.answers import Answer
from tests.hostile.server import Sites, hostile_internet


@dataclass(frozen=True)
class Seen:
    """What came of one request: ``page`` or ``error``, what the servers were asked, and how long it took."""

    page: Fetched | None
    error: FetchError | None
    asked: list[str]
    headers: list[Mapping[str, str]]
    seconds: float

    @property
    def code(self) -> str:
        """The error's code, or the status."""
        return self.error.code if self.error else str(self.page and self.page.status)

    @property
    def body(self) -> bytes:
        """The body; the request must have worked."""
        assert self.page is not None, self.error
        return self.page.body


def fetch(
    sites: Sites,
    url: str,
    directory: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    on_tls_port: Answer | None = None,
    **options: Any,
) -> Seen:
    """One ``WebClient.get(url, **options)`` in the internet made of ``sites``; without robots.txt unless asked for."""

    async def go() -> Seen:
        async with (
            hostile_internet(sites, directory, on_tls_port=on_tls_port, **(settings or {})) as internet,
            internet.client() as web,
        ):
            page = error = None
            start = time.monotonic()
            try:
                page = await web.get(url, **{"robots": False, **options})
            except FetchError as failure:
                error = failure
            seconds = time.monotonic() - start
            asked = internet.asked
            return Seen(page, error, [each.url for each in asked], [each.headers for each in asked], seconds)

    return asyncio.run(go())
