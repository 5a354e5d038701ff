"""A proxy API in front of websites (ScraperAPI's kind): it is asked for a url, and answers with the page from elsewhere.

Danger first: each call costs money, so it is counted before it is made; and the key is worth money to others, so it
travels in a header and stands in no url. The proxy looks names up and follows redirects where our guard does not reach: it
gets names of the public internet only, and what it says about where it ended is judged like any other url.
Source: docs.scraperapi.com, API endpoint method, status codes.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import aiohttp
import can_ada

from scrapersky.errors import FetchError, FetchFailed, FetchRefused, Misconfigured, Permanent, Unavailable, WorkError
from scrapersky.settings import Settings
from scrapersky.web.failures import shown_url
from scrapersky.web.sending import Sender

_LITERAL = re.compile(r"\[.*\]|[0-9.]+")
_NOT_PUBLIC = frozenset(
    ("alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localhost", "onion", "private")
)
"""Last labels of names that are looked up in private networks, by the registries or by habit (RFC 6761, 6762, 8375, 9476)."""

_WALL_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
_CHALLENGES = frozenset(("challenge", "captcha", "deny"))
_ENDED_AT = ("sa-final-url", "spb-resolved-url", "wsa-scraped-resolved-url")


class ProxyAccess:
    """One record's way through the proxy: ``spend`` counts a call before it is made, ``key`` reads the proxy's key."""

    def __init__(
        self, settings: Settings, *, key: Callable[[], Awaitable[str]], spend: Callable[[], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._key = key
        self._spend = spend

    @property
    def always(self) -> bool:
        """Whether every page comes by the proxy, not only those of sites that shut us out."""
        return self._settings.web_proxy == "always"

    @property
    def seconds(self) -> float:
        """How long it may take: it tries again and again by itself."""
        return self._settings.web_proxy_deadline_seconds

    async def pay(self) -> bool:
        """Counts a call; False when the record has had its share. Raises WorkError when nobody may call any more today."""
        try:
            await self._spend()
        except Permanent:
            return False
        except WorkError as refused:
            if self.always:
                raise
            # Other records need no proxy, and go on.
            raise Unavailable("proxy_budget_of_the_day", refused.reason, refused.retry_after) from None
        return True

    async def send(self, sender: Sender, target: can_ada.URL, ends_at: float) -> aiohttp.ClientResponse:
        """The page at ``target`` as the proxy answers it. To be paid for before.

        Raises FetchError: blocked_address, proxy_busy, proxy_failed; WorkError ``proxy_denied`` when no page can be had.
        """
        self._refuse_private(target)
        parameters = [("url", target.href), *parse_qsl(self._settings.web_proxy_parameters)]
        endpoint = f"{self._settings.web_proxy_url}?{urlencode(parameters)}"
        headers = {self._settings.web_proxy_key_header: await self._key()}
        shown = f"the proxy, asked for {shown_url(target.href)},"
        try:
            answer = await sender.send(endpoint, headers, ends_at, shown=shown)
        except FetchError as failure:
            raise FetchFailed("proxy_failed", failure.reason) from None
        if (refused := _refusal(answer.status, shown)) is not None:
            answer.close()
            raise refused
        return answer

    def _refuse_private(self, target: can_ada.URL) -> None:
        name = str(target.hostname)
        labels = name.split(".")
        if _LITERAL.fullmatch(name) or len(labels) < 2 or labels[-1] in _NOT_PUBLIC:
            raise FetchRefused(
                "blocked_address",
                f"{shown_url(target.href)} is no name of the public internet; no proxy is asked for it",
            )


def is_wall(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer shuts out who we seem to be rather than what we ask for: 403, or a challenge for humans."""
    return status == 403 or challenge_header(headers) is not None


def challenge_header(headers: Mapping[str, str]) -> str | None:
    """The name of the header by which an answer says that it is a challenge for humans."""
    return next((name for name in _WALL_HEADERS if headers.get(name, "").lower() in _CHALLENGES), None)


def ended_at(headers: Mapping[str, str]) -> str | None:
    """The url where the proxy's own redirects ended, if it says so."""
    return next((headers[name] for name in _ENDED_AT if name in headers), None)


def _refusal(status: int, shown: str) -> WorkError | None:
    """What the proxy's own statuses mean; the others are the page's."""
    match status:
        case 401 | 402 | 403:
            return Misconfigured(
                "proxy_denied", f"{shown} answered {status}: the key is wrong, or its credits are used up"
            )
        case 400 | 422:
            return FetchRefused("proxy_refused", f"{shown} answered {status}: it does not take such a url")
        case 429:
            return FetchFailed("proxy_busy", f"{shown} answered 429: too many of our requests at once")
        case _ if status >= 500:
            return FetchFailed("proxy_failed", f"{shown} answered {status}: it could not get the page")
    return None
