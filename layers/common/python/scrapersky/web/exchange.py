"""One request and its redirects. Every hop is checked anew: URL, robots.txt, host limit, address.

The target of a redirect is untrusted, like the first URL. Cookies are kept for the length of the chain only
(:mod:`scrapersky.web.cookies`). A host that answers with a challenge is requested again through the proxy API, if the
record may use it; the proxy follows redirects by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
import can_ada

from scrapersky.errors import FetchError, FetchRefused, shorten
from scrapersky.settings import Settings
from scrapersky.web.body import Body, BodyLimits
from scrapersky.web.cookies import ChainCookies
from scrapersky.web.fetched import Headers
from scrapersky.web.guard import Targets
from scrapersky.web.proxy import ProxyAccess, final_url, is_challenge
from scrapersky.web.response import Response, retry_after_seconds
from scrapersky.web.robots import Robots
from scrapersky.web.transport import Transport
from scrapersky.web.urls import NormalUrl

_KEPT_ACROSS_ORIGINS = {"accept", "accept-language", "if-none-match", "if-modified-since"}
_COOLDOWN_STATUSES = {429, 503}


class Limiter(Protocol):
    """Decides when a request to a host may start."""

    def slot(self, host: str, *, polite: bool, spacing: float, seconds: float) -> AbstractAsyncContextManager[None]:
        """Wait until a request to ``host`` may start, and hold one of its slots until the block ends.

        The request starts ``spacing`` seconds after the previous one and takes ``seconds`` at most. ``polite`` requests
        go to a website, others to an API. Raises FetchPostponed (``host_busy``, ``host_cooldown``) rather than wait for
        longer than the acquire timeout.
        """
        ...

    def cool_down(self, host: str, seconds: float, *, polite: bool) -> None:
        """Start no request to ``host`` for ``seconds``, as the host has asked."""
        ...


@dataclass(frozen=True)
class Request:
    """One request of the web client; ``seconds`` is the time for all its hops together.

    A ``polite`` request goes to a website: through the limits that all workers share, and perhaps the proxy. ``robots``
    says whether robots.txt is obeyed. ``follow`` is called with the target of each redirect, and decides about it. A
    request with a ``body`` is a POST.
    """

    url: str
    max_bytes: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    truncate: bool = False
    polite: bool = True
    robots: bool = True
    follow: Callable[[str], bool] | None = None
    body: bytes | None = None


@dataclass(frozen=True)
class Network:
    """What all requests of one web client share. ``challenged`` holds the hosts that answered with a challenge."""

    settings: Settings
    limiter: Limiter
    targets: Targets
    transport: Transport
    challenged: set[str] = field(default_factory=set)


class Exchange:
    """The hops of one ``request``. ``robots`` reads the robots.txt of a URL's origin; ``proxy`` is the record's."""

    def __init__(
        self,
        request: Request,
        network: Network,
        robots: Callable[[str], Awaitable[Robots]],
        proxy: ProxyAccess | None,
    ) -> None:
        self._request = request
        self._network = network
        self._robots = robots
        self._proxy = proxy
        self._requested = self._target = network.targets.first(request.url)
        self._headers = dict(request.headers)
        self._left = request.seconds
        self._redirects: list[str] = []
        self._cookies = ChainCookies()
        self._sent: set[tuple[str, str]] = set()
        """(URL, cookies) of the requests of this chain, to find circles."""
        self._paid = False

    @asynccontextmanager
    async def response(self) -> AsyncIterator[Response]:
        """Send requests until one is answered with something other than a redirect to follow. Raises FetchError."""
        while True:
            async with self._hop() as response:
                if response is not None:
                    yield response
                    return

    @asynccontextmanager
    async def _hop(self) -> AsyncIterator[Response | None]:
        """Send one request in a slot of its host; the response is None where another hop must follow."""
        network, target = self._network, self._target
        spacing = await self._crawl_delay() if self._request.robots else 0.0
        host = _site(target)
        proxy = self._proxy_for(host)
        seconds = proxy.seconds if proxy else self._left
        async with network.limiter.slot(host, polite=self._request.polite, spacing=spacing, seconds=seconds):
            ends_at = _now() + seconds
            answer = await (self._send_by(proxy, ends_at) if proxy else self._send(ends_at))
            try:
                if proxy:
                    yield self._response(answer, self._final_url(answer), ends_at)
                else:
                    yield await self._answered(answer, host, ends_at)
            finally:
                answer.release()

    async def _crawl_delay(self) -> float:
        """Return the seconds between two requests that robots.txt asks for. Raises ``robots_disallowed``."""
        url = self._target.href
        rules = await self._robots(url)
        if not rules.allows(url):
            raise FetchRefused("robots_disallowed", f"the site's robots.txt disallows {shorten(url)}")
        return rules.crawl_delay

    async def _send(self, ends_at: float) -> aiohttp.ClientResponse:
        """Request the target itself."""
        target = self._target
        cookie = self._cookies.header_for(target)
        self._sent.add((target.href, cookie))
        headers = {"cookie": cookie, **self._headers} if cookie else self._headers
        answer = await self._network.transport.send(target.href, headers, ends_at, body=self._request.body)
        self._cookies.take(target, answer.headers.getall("Set-Cookie", ()))
        return answer

    async def _send_by(self, proxy: ProxyAccess, ends_at: float) -> aiohttp.ClientResponse:
        """Request the target through the proxy, and pay for the call unless that has been done."""
        if not (self._paid or await proxy.pay()):
            raise FetchRefused(
                "budget_of_the_record", f"no paid call is left for this record to fetch {shorten(self._target.href)}"
            )
        self._paid = False
        return await proxy.send(self._network.transport, self._target, ends_at)

    async def _answered(self, answer: aiohttp.ClientResponse, host: str, ends_at: float) -> Response | None:
        """Return the response, or None after choosing the next hop: the target of a redirect, or the proxy."""
        if await self._switches_to_proxy(host, answer):
            return None
        following = self._following(answer)
        if following is None:
            response = self._response(answer, _url(self._target), ends_at)
            if answer.status in _COOLDOWN_STATUSES and response.retry_after:
                self._network.limiter.cool_down(host, response.retry_after, polite=self._request.polite)
            return response
        if self._request.follow is not None and not self._request.follow(following.href):
            return self._response(answer, _url(self._target), ends_at, leads_to=_url(following))
        self._follow(following, ends_at)
        return None

    def _following(self, answer: aiohttp.ClientResponse) -> can_ada.URL | None:
        """Return where the answer redirects to, or None. Raises ``too_many_redirects`` for a circle."""
        target = self._target
        following = self._network.targets.following(target, answer.status, answer.headers, len(self._redirects))
        if following is not None and (following.href, self._cookies.header_for(following)) in self._sent:
            raise FetchRefused("too_many_redirects", f"{shorten(target.href)} redirects in a circle")
        return following

    def _follow(self, following: can_ada.URL, ends_at: float) -> None:
        """Make ``following`` the next target; headers that may hold secrets stay at their own origin."""
        self._redirects.append(self._target.href)
        if following.origin != self._target.origin:
            self._headers = {name: value for name, value in self._headers.items() if name in _KEPT_ACROSS_ORIGINS}
        self._target = following
        self._left = ends_at - _now()

    def _proxy_for(self, host: str) -> ProxyAccess | None:
        if self._proxy is None or not self._request.polite:
            return None
        return self._proxy if self._proxy.always or host in self._network.challenged else None

    async def _switches_to_proxy(self, host: str, answer: aiohttp.ClientResponse) -> bool:
        """Return whether ``answer`` is a challenge and the call of the proxy that replaces it has been paid for."""
        if self._proxy is None or not self._request.polite or not is_challenge(answer.status, answer.headers):
            return False
        if not await self._proxy.pay():
            return False
        self._network.challenged.add(host)
        self._paid = True
        return True

    def _final_url(self, answer: aiohttp.ClientResponse) -> NormalUrl:
        """Return the URL at which the proxy ended, if it is valid; else the URL that was requested."""
        url = final_url(Headers(answer.headers.items()))
        try:
            return _url(self._network.targets.first(url) if url else self._target)
        except FetchError:
            return _url(self._target)

    def _response(
        self, answer: aiohttp.ClientResponse, url: NormalUrl, ends_at: float, *, leads_to: NormalUrl | None = None
    ) -> Response:
        settings, request = self._network.settings, self._request
        headers = Headers(answer.headers.items())
        limits = BodyLimits(settings.web_max_wire_bytes, request.max_bytes, request.truncate, ends_at)
        return Response(
            status=answer.status,
            url=url,
            requested_url=_url(self._requested),
            redirects=tuple(self._redirects),
            headers=headers,
            body=Body(answer, url, limits),
            retry_after=retry_after_seconds(headers.get("retry-after"), settings.web_retry_after_cap_seconds),
            leads_to=leads_to,
        )


def _url(target: can_ada.URL) -> NormalUrl:
    return NormalUrl(str(target.href))  # parsed without fragment and userinfo


def _site(target: can_ada.URL) -> str:
    """Return the host that politeness counts for: a name with and without ``www.`` is usually one server."""
    return str(target.hostname).removeprefix("www.")


def _now() -> float:
    return asyncio.get_running_loop().time()
