"""The web client: the only code that opens connections to websites and APIs. Guarded, polite, bounded in time and size.

Warning: every URL here is untrusted input. :mod:`scrapersky.web.exchange` checks each hop of each redirect, and
:mod:`scrapersky.web.guard` checks each address when it is connected to. Every failure is a
:class:`~scrapersky.errors.FetchError`.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from typing import Self

from scrapersky.errors import FetchError
from scrapersky.settings import Settings
from scrapersky.web.body import PageBytes
from scrapersky.web.exchange import Exchange, Limiter, Network, Request
from scrapersky.web.fetched import Fetched, clean_header
from scrapersky.web.guard import LookUp, Targets
from scrapersky.web.proxy import ProxyAccess
from scrapersky.web.response import Response, read_whole
from scrapersky.web.robots import Robots, RobotsCache, RobotsFailed
from scrapersky.web.transport import Transport

__all__ = ["FetchError", "Fetched", "Response", "Robots", "WebClient", "fetch_home_page"]

_NO_SERVER = frozenset(("dns", "connect", "timeout", "reset", "tls", "bad_response", "robots_unreachable"))
"""Codes after which another scheme or name may still answer. ``robots_disallowed`` is not one: it is obeyed."""

_PAGE_ONLY = frozenset(("timeout", "reset", "bad_response"))
"""Those of a page alone: where robots.txt fails in these ways, the code is ``robots_unreachable``."""


class WebClient:
    """An HTTP client for the open internet; one per event loop. Use as ``async with``.

    ``limiter`` (:class:`scrapersky.politeness.limiter.HostLimiter`) decides when a request to a host may start.
    ``look_up`` replaces the system's name resolution.
    """

    def __init__(self, settings: Settings, limiter: Limiter, *, look_up: LookUp | None = None) -> None:
        self._settings = settings
        self._network = Network(settings, limiter, Targets(settings), Transport(settings, look_up))
        self._robots_cache = RobotsCache(settings)
        self._proxy: ProxyAccess | None = None

    async def __aenter__(self) -> Self:
        await self._network.transport.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._robots_cache.close()
        await self._network.transport.__aexit__(*exception)

    def with_proxy(self, proxy: ProxyAccess) -> "WebClient":
        """Return this client for one record, whose pages may be fetched through ``proxy`` on the record's budget."""
        client = copy(self)
        client._proxy = proxy
        return client

    async def get(
        self,
        url: str,
        *,
        max_bytes: int | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        robots: bool = True,
        truncate: bool = False,
    ) -> Fetched:
        """GET ``url`` and return the answer with its whole body; a status of 400 and above does not raise.

        The parameters are those of :meth:`stream`, but the default of ``max_bytes`` is ``web_max_page_bytes``.
        """
        limit = self._settings.web_max_page_bytes if max_bytes is None else max_bytes
        async with self.stream(
            url, max_bytes=limit, deadline=deadline, headers=headers, robots=robots, truncate=truncate
        ) as response:
            return await read_whole(response)

    async def post(self, url: str, body: bytes, *, max_bytes: int, headers: Mapping[str, str]) -> Fetched:
        """POST ``body`` to an API and return the answer with its whole body, whatever its status.

        A redirect is the answer, because the body is meant for ``url`` only. Raises :class:`FetchError`.
        """
        request = Request(
            url=url,
            max_bytes=max_bytes,
            seconds=self._settings.web_request_deadline_seconds,
            headers={name.lower(): clean_header(value) for name, value in headers.items()},
            polite=False,
            robots=False,
            follow=lambda _: False,
            body=body,
        )
        async with self._exchange(request) as response:
            return await read_whole(response)

    async def page(self, url: str) -> Fetched:
        """Return the HTML page at ``url``, whatever its status, truncated at ``web_max_page_bytes``.

        Images and fonts embedded in the page are dropped. They do not count as page bytes, up to
        ``web_max_embedded_bytes``.
        """
        page_bytes = self._settings.web_max_page_bytes
        async with self.stream(
            url, max_bytes=page_bytes + self._settings.web_max_embedded_bytes, truncate=True
        ) as response:
            return await read_whole(response, PageBytes(page_bytes))

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        max_bytes: int | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        robots: bool = True,
        truncate: bool = False,
        follow: Callable[[str], bool] | None = None,
    ) -> AsyncIterator[Response]:
        """GET ``url``, following redirects, and yield the answer; read its body from ``response.chunks()``.

        ``max_bytes`` limits the unpacked body (default ``web_max_decoded_bytes``): a longer one raises ``too_large``, or
        is truncated with ``truncate``. ``deadline`` (seconds, default ``web_request_deadline_seconds``) covers
        connecting, headers and body of all hops together, but not the wait for a slot, a Crawl-delay or robots.txt.
        ``headers`` are sent to the first origin only, except harmless ones. ``robots=False`` is for calls of an API:
        neither robots.txt nor the limits for websites apply. ``follow`` is called with the target of each redirect;
        where it returns False, the redirect is the answer, and ``leads_to`` its target.

        Warning: send no other request to the same host inside the block, because it holds one of the host's slots.
        Raises :class:`FetchError`.
        """
        request = Request(
            url=url,
            max_bytes=self._settings.web_max_decoded_bytes if max_bytes is None else max_bytes,
            seconds=self._settings.web_request_deadline_seconds if deadline is None else deadline,
            headers={name.lower(): clean_header(value) for name, value in (headers or {}).items()},
            truncate=truncate,
            polite=robots,
            robots=robots,
            follow=follow,
        )
        async with self._exchange(request) as response:
            yield response

    async def robots(self, url: str) -> Robots:
        """Return the rules of the robots.txt of ``url``'s origin. Raises :class:`FetchError` if they are unknown."""
        return await self._robots_of(self._network.targets.first(url).href)

    def _exchange(self, request: Request) -> AbstractAsyncContextManager[Response]:
        return Exchange(request, self._network, self._robots_of, self._proxy).response()

    async def _robots_of(self, url: str) -> Robots:
        return await self._robots_cache.of(url, self._fetch_robots)

    async def _fetch_robots(self, url: str) -> Fetched:
        request = Request(
            url=url,
            max_bytes=self._settings.web_robots_max_bytes,
            seconds=self._settings.web_request_deadline_seconds,
            truncate=True,
            robots=False,
        )
        async with self._exchange(request) as response:
            return await read_whole(response)


async def fetch_home_page(web: WebClient, host: str, *, seconds_each: float, remaining: Callable[[], float]) -> Fetched:
    """Return the home page of ``host``, whatever its status: https before http, the bare name before ``www.``.

    No further variant is tried when less than ``seconds_each`` remain, or when the server answered the request for
    robots.txt with an error: it is there, and busy. If none answers, raises a FetchError with the reasons of all: that of
    a variant whose robots.txt was read, else the first.
    """
    failures: list[FetchError] = []
    for name in [host] if host.startswith("www.") else [host, f"www.{host}"]:
        for scheme in ("https", "http"):
            if failures and remaining() < seconds_each:
                break
            try:
                return await web.page(f"{scheme}://{name}/")
            except FetchError as failure:
                if failure.code not in _NO_SERVER or isinstance(failure, RobotsFailed):
                    raise
                failures.append(failure)
            if failures[-1].code == "dns":
                break  # the name does not exist, whatever the scheme
    first = next((failure for failure in failures if failure.code in _PAGE_ONLY), failures[0])
    raise first.with_reason("; ".join(failure.reason for failure in failures))
