"""A proxy API in front of websites, of ScraperAPI's kind: it is sent a URL and answers with that page.

Warning: every call costs money, so it is counted before it is made. The key is worth money, so it is sent in a header and
is never part of a URL. The proxy resolves names and follows redirects beyond the reach of our guard: it is sent names of
the public internet only, and the final URL that it reports is checked like any other.
Source: docs.scraperapi.com, API endpoint method, status codes.
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import aiohttp
import can_ada

from scrapersky.errors import (
    FetchError,
    FetchFailed,
    FetchRefused,
    Misconfigured,
    Permanent,
    Unavailable,
    WorkError,
    shorten,
)
from scrapersky.settings import Settings
from scrapersky.web.fetched import challenge_header
from scrapersky.web.guard import is_address
from scrapersky.web.transport import Transport

_PRIVATE_SUFFIXES = frozenset(
    ("alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localhost", "onion", "private")
)
"""Last labels of names in private networks, by registration or by habit (RFC 6761, 6762, 8375, 9476)."""

_FINAL_URL_HEADERS = ("sa-final-url", "spb-resolved-url", "wsa-scraped-resolved-url")


class ProxyAccess:
    """The proxy as one record uses it: ``spend`` counts a call before it is made, ``key`` reads the proxy's key."""

    def __init__(
        self, settings: Settings, *, key: Callable[[], Awaitable[str]], spend: Callable[[], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._key = key
        self._spend = spend

    @property
    def always(self) -> bool:
        """Whether every page is fetched through the proxy, and not only those of hosts with a bot challenge."""
        return self._settings.web_proxy == "always"

    @property
    def seconds(self) -> float:
        """The deadline of one call; long, because the proxy itself tries a page several times."""
        return self._settings.web_proxy_deadline_seconds

    async def pay(self) -> bool:
        """Count a call; return False when the record's budget is spent. Raises WorkError when the day's budget is."""
        try:
            await self._spend()
        except Permanent:
            return False
        except WorkError as refused:
            if self.always:
                raise
            # Snooze this record only: other records need no proxy.
            raise Unavailable("proxy_budget_of_the_day", refused.reason, refused.retry_after) from None
        return True

    async def send(self, transport: Transport, target: can_ada.URL, ends_at: float) -> aiohttp.ClientResponse:
        """Return the page at ``target`` through the proxy. Call :meth:`pay` before.

        Raises FetchError: ``blocked_address``, ``proxy_refused``, ``proxy_busy``, ``proxy_failed``; and
        :class:`Misconfigured` ``proxy_denied`` when the proxy accepts no call.
        """
        _check_public(target)
        parameters = [("url", target.href), *parse_qsl(self._settings.web_proxy_parameters)]
        endpoint = f"{self._settings.web_proxy_url}?{urlencode(parameters)}"
        headers = {self._settings.web_proxy_key_header: await self._key()}
        shown = f"the proxy, called for {shorten(target.href)},"
        try:
            answer = await transport.send(endpoint, headers, ends_at, shown=shown)
        except FetchError as failure:
            raise FetchFailed("proxy_failed", failure.reason) from None
        if (refusal := _refusal(answer.status, shown)) is not None:
            answer.close()
            raise refusal
        return answer


def is_challenge(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer rejects the crawler and not the URL: a 403, or a bot challenge."""
    return status == 403 or challenge_header(headers) is not None


def final_url(headers: Mapping[str, str]) -> str | None:
    """Return the URL at which the proxy's own redirects ended, or None if it reports none."""
    return next((headers[name] for name in _FINAL_URL_HEADERS if name in headers), None)


def _check_public(target: can_ada.URL) -> None:
    name = str(target.hostname)
    labels = name.split(".")
    if is_address(name) or len(labels) < 2 or labels[-1] in _PRIVATE_SUFFIXES:
        raise FetchRefused(
            "blocked_address",
            f"{shorten(target.href)} is not a name of the public internet, so it is not sent to the proxy",
        )


def _refusal(status: int, shown: str) -> WorkError | None:
    """Return the error that a status of the proxy itself means, or None where the status is the page's."""
    match status:
        case 401 | 402 | 403:
            return Misconfigured(
                "proxy_denied", f"{shown} answered {status}: the key is wrong, or its credits are used up"
            )
        case 400 | 422:
            return FetchRefused("proxy_refused", f"{shown} answered {status}: it does not accept this URL")
        case 429:
            return FetchFailed("proxy_busy", f"{shown} answered 429: too many concurrent calls")
        case _ if status >= 500:
            return FetchFailed("proxy_failed", f"{shown} answered {status}: it could not fetch the page")
    return None
