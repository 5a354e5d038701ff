"""Finds a domain's home page: https before http, the bare name before www."""

from collections.abc import Callable

from scrapersky.errors import FetchError
from scrapersky.web.client import Fetched, WebClient

_NO_SERVER = frozenset(("dns", "connect", "timeout", "reset", "tls", "bad_response", "robots_unreachable"))
"""Codes that say nothing about another scheme or name. A robots.txt that refuses does: it is not gone around."""


async def fetch_home_page(web: WebClient, host: str, *, seconds_each: float, remaining: Callable[[], float]) -> Fetched:
    """The answer at the home page of ``host``, whatever its status, cut at a page's size.

    No further door is tried when less than ``seconds_each`` remain. Raises FetchError: the first door's, if all are shut.
    """
    failures: list[FetchError] = []
    for name in [host] if host.startswith("www.") else [host, f"www.{host}"]:
        for scheme in ("https", "http"):
            if failures and remaining() < seconds_each:
                break
            try:
                return await web.page(f"{scheme}://{name}/")
            except FetchError as failure:
                if failure.code not in _NO_SERVER:
                    raise
                failures.append(failure)
            if failures[-1].code == "dns":
                break  # the name is missing under any scheme
    raise failures[0].with_reason("; ".join(failure.reason for failure in failures))
