"""The only thing that opens sockets to the web: guarded, polite, bounded in time and size.

Danger first: every url here was written by a stranger. Each hop of each redirect is parsed anew, asked of that host's
robots.txt, and its address judged when it is dialled (:mod:`scrapersky.web.connector`). aiohttp's own redirects,
cookies, proxies and decompression are off; what cookies there are, a chain of redirects forgets at its end
(:mod:`scrapersky.web.cookies`). Whatever goes wrong is a :class:`~scrapersky.errors.FetchError`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import Self

import aiohttp
import can_ada

from scrapersky.errors import FetchError, FetchRefused
from scrapersky.settings import Settings
from scrapersky.web.body import Body, Limits
from scrapersky.web.connector import LookUp
from scrapersky.web.cookies import ChainCookies
from scrapersky.web.failures import shown_url
from scrapersky.web.page_bytes import PageBytes
from scrapersky.web.proxy import ProxyAccess, ended_at, is_wall
from scrapersky.web.request import Request
from scrapersky.web.response import Fetched, Headers, Response, clean_header, whole
from scrapersky.web.retry_after import retry_after_seconds
from scrapersky.web.robots import Robots, RobotsCache
from scrapersky.web.sending import Sender
from scrapersky.web.targets import Targets
from scrapersky.web.turns import Turns, WorkerTurns

__all__ = ["FetchError", "Fetched", "Response", "Robots", "WebClient"]

_KEPT_ACROSS_ORIGINS = {"accept", "accept-language", "if-none-match", "if-modified-since"}
_COME_LATER = {429, 503}


class WebClient:
    """An HTTP client for an internet that means no good; one per event loop.

    ``look_up`` replaces the system's name resolution, ``turns`` the politeness of this one worker.
    """

    def __init__(self, settings: Settings, *, look_up: LookUp | None = None, turns: Turns | None = None) -> None:
        self._settings = settings
        self._turns = turns or WorkerTurns(
            settings.web_requests_per_host,
            interval=settings.web_host_interval_seconds,
            patience=settings.web_host_acquire_timeout_seconds,
        )
        self._turns_at_apis = WorkerTurns(settings.web_requests_per_host)
        self._targets = Targets(settings)
        self._sender = Sender(settings, look_up)
        self._robots = RobotsCache(settings, self._fetch_robots)
        self._proxy: ProxyAccess | None = None
        self._walled: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._robots.close()
        await self._sender.__aexit__(*exception)

    def by_proxy(self, proxy: ProxyAccess) -> "WebClient":
        """This same client for one record, whose pages may come by ``proxy``, at its expense."""
        its_own = copy(self)
        its_own._proxy = proxy
        return its_own

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
        """GETs ``url`` with its whole body in memory; a status of 400 and above does not raise by itself.

        All as in :meth:`stream`, but ``max_bytes`` is by default a page's (``web_max_page_bytes``), for memory's sake.
        """
        cap = self._settings.web_max_page_bytes if max_bytes is None else max_bytes
        async with self.stream(
            url, max_bytes=cap, deadline=deadline, headers=headers, robots=robots, truncate=truncate
        ) as response:
            return await whole(response)

    async def page(self, url: str) -> Fetched:
        """The HTML page at ``url``, cut at a page's size (``web_max_page_bytes``), whatever its status.

        Images and fonts embedded in it count up to ``web_max_embedded_bytes``, and are passed over.
        """
        longest = self._settings.web_max_page_bytes
        async with self.stream(
            url, max_bytes=longest + self._settings.web_max_embedded_bytes, truncate=True
        ) as response:
            return await whole(response, PageBytes(longest))

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
        """GETs ``url``, following redirects; the answer's body is read from ``response.chunks()``.

        ``max_bytes`` caps the unpacked body (default ``web_max_decoded_bytes``); beyond it is ``too_large``, or cut with
        ``truncate``. ``deadline`` (seconds, default ``web_request_deadline_seconds``) covers connecting, headers and
        body of all hops together; waiting for a turn at the host, its Crawl-delay and its robots.txt do not count.
        ``headers`` are sent to the first origin only, but for the harmless. ``robots=False`` is for calls of an API,
        where neither robots.txt nor the politeness towards a website counts. ``follow`` is asked before each redirect;
        where it says no, that redirect is the answer, and its ``leads_to`` the url that was not asked for.
        Ask nothing else of the same host inside the block: the turn is held until it ends. Raises :class:`FetchError`.
        """
        request = Request(
            url=url,
            max_bytes=self._settings.web_max_decoded_bytes if max_bytes is None else max_bytes,
            seconds=self._settings.web_request_deadline_seconds if deadline is None else deadline,
            headers={name.lower(): clean_header(value) for name, value in (headers or {}).items()},
            truncate=truncate,
            polite=robots,
            asks_robots=robots,
            follow=follow,
        )
        async with self._exchange(request) as response:
            yield response

    @asynccontextmanager
    async def _exchange(self, request: Request) -> AsyncIterator[Response]:
        """The answer to ``request``, each of its hops with the permission and in the turn of its own host."""
        turns = self._turns if request.polite else self._turns_at_apis
        left, sent, paid = request.seconds, request.headers, False
        requested = target = self._targets.first(request.url)
        redirects: list[str] = []
        cookies, asked = ChainCookies(), set[tuple[str, str]]()
        while True:
            spacing = (await self._permission(target)) if request.asks_robots else 0.0
            host = _site(target)
            proxy = self._proxy_for(host) if request.polite else None
            async with turns.turn(host, spacing, proxy.seconds if proxy else left):
                ends_at = asyncio.get_running_loop().time() + (proxy.seconds if proxy else left)
                if proxy is None:
                    cookie = cookies.header_for(target)
                    asked.add((target.href, cookie))
                    headers = {"cookie": cookie, **sent} if cookie else sent
                    answer = await self._sender.send(target.href, headers, ends_at)
                    cookies.take(target, answer.headers.getall("Set-Cookie", ()))
                else:
                    if not (paid or await proxy.pay()):
                        raise FetchRefused(
                            "budget_of_the_record", f"{shown_url(target.href)} is not worth another paid call"
                        )
                    answer, paid = await proxy.send(self._sender, target, ends_at), False
                try:
                    if proxy is None and request.polite and await self._goes_round(host, answer):
                        paid = True
                        continue
                    following = None
                    if proxy is None:
                        following = self._targets.following(target, answer.status, answer.headers, len(redirects))
                        if following is not None and (following.href, cookies.header_for(following)) in asked:
                            raise FetchRefused("too_many_redirects", f"{shown_url(target.href)} redirects in a circle")
                    if following is None or not request.follows(following.href):
                        limits = Limits(self._settings.web_max_wire_bytes, request.max_bytes, request.truncate, ends_at)
                        response = self._response(answer, requested.href, self._where(target, answer, proxy), limits)
                        response = replace(
                            response, redirects=tuple(redirects), leads_to=following.href if following else None
                        )
                        if proxy is None and answer.status in _COME_LATER and response.retry_after:
                            turns.rest(host, response.retry_after)
                        yield response
                        return
                finally:
                    answer.release()
                left = ends_at - asyncio.get_running_loop().time()
            redirects.append(target.href)
            if following.origin != target.origin:
                sent = {name: value for name, value in sent.items() if name in _KEPT_ACROSS_ORIGINS}
            target = following

    def _proxy_for(self, host: str) -> ProxyAccess | None:
        return self._proxy if self._proxy and (self._proxy.always or host in self._walled) else None

    async def _goes_round(self, host: str, answer: aiohttp.ClientResponse) -> bool:
        """Whether ``answer`` is a wall, and the record may and can pay for what is behind it."""
        if self._proxy is None or not is_wall(answer.status, answer.headers) or not await self._proxy.pay():
            return False
        self._walled.add(host)
        return True

    def _where(self, target: can_ada.URL, answer: aiohttp.ClientResponse, proxy: ProxyAccess | None) -> str:
        """The url that the answer is of."""
        ended = ended_at(Headers(answer.headers.items())) if proxy else None
        try:
            return str((self._targets.first(ended) if ended else target).href)
        except FetchError:
            return str(target.href)

    async def robots(self, url: str) -> Robots:
        """What the robots.txt of ``url``'s origin says. Raises :class:`FetchError` when nobody can know."""
        return await self._robots.of(self._targets.first(url).href, self._fetch_robots)

    async def _fetch_robots(self, url: str) -> Fetched:
        request = Request(
            url=url,
            max_bytes=self._settings.web_robots_max_bytes,
            seconds=self._settings.web_request_deadline_seconds,
            headers={},
            truncate=True,
            polite=True,
            asks_robots=False,
        )
        async with self._exchange(request) as response:
            return await whole(response)

    async def _permission(self, target: can_ada.URL) -> float:
        """Seconds between two requests to this host, by its robots.txt. Raises robots_disallowed."""
        rules = await self._robots.of(target.href, self._fetch_robots)
        if not rules.allows(target.href):
            raise FetchRefused(
                "robots_disallowed", f"{shown_url(target.href)} is closed to us by the site's robots.txt"
            )
        return rules.crawl_delay

    def _response(self, answer: aiohttp.ClientResponse, requested: str, url: str, limits: Limits) -> Response:
        headers = Headers(answer.headers.items())
        return Response(
            status=answer.status,
            url=url,
            requested_url=requested,
            redirects=(),
            headers=headers,
            body=Body(answer, url, limits),
            retry_after=retry_after_seconds(headers.get("retry-after"), self._settings.web_retry_after_cap_seconds),
        )


def _site(target: can_ada.URL) -> str:
    """What politeness takes for one website: a name with and without www. is usually one server."""
    return str(target.hostname).removeprefix("www.")
