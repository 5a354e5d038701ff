"""The only thing that opens sockets to the web: guarded, polite, bounded in time and size.

Danger first: every url here was written by a stranger. Each hop of each redirect is parsed anew, asked of that host's
robots.txt, and its address judged when it is dialled (:mod:`scrapersky.web.connector`). aiohttp's own redirects,
cookies, proxies and decompression are off. Whatever goes wrong is a :class:`~scrapersky.web.errors.FetchError`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
import can_ada
from yarl import URL

from scrapersky.web.body import Body, Limits
from scrapersky.web.connector import LookUp, open_connector
from scrapersky.web.errors import FetchError
from scrapersky.web.failures import explain, shown_url
from scrapersky.web.loopback import LoopbackInternet
from scrapersky.web.response import Fetched, Headers, Response, clean_header
from scrapersky.web.retry_after import retry_after_seconds
from scrapersky.web.robots import Robots, RobotsCache
from scrapersky.web.settings import WebSettings
from scrapersky.web.targets import Targets
from scrapersky.web.turns import Turns, WorkerTurns

__all__ = ["FetchError", "Fetched", "Response", "Robots", "WebClient"]

_KEPT_ACROSS_ORIGINS = {"accept", "accept-language", "if-none-match", "if-modified-since"}
_COME_LATER = {429, 503}
_Permission = Callable[[can_ada.URL], Awaitable[float]]
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class WebClient:
    """An HTTP client for an internet that means no good; one per event loop.

    ``look_up`` replaces the system's name resolution, ``turns`` the politeness of this one worker.
    """

    def __init__(self, settings: WebSettings, *, look_up: LookUp | None = None, turns: Turns | None = None) -> None:
        self._settings = settings
        self._look_up = look_up
        self._turns = turns or WorkerTurns(
            settings.web_requests_per_host,
            interval=settings.web_host_interval_seconds,
            patience=settings.web_host_patience_seconds,
        )
        self._turns_at_apis = WorkerTurns(settings.web_requests_per_host)
        self._targets = Targets(settings)
        path = settings.web_loopback_internet
        self._internet = LoopbackInternet.read(path) if path else None
        self._robots = RobotsCache(settings, self._fetch_robots)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=open_connector(self._internet, self._look_up),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._settings.web_connect_timeout_seconds),
            auto_decompress=False,
            trust_env=False,
            max_line_size=self._settings.web_max_header_bytes,
            max_field_size=self._settings.web_max_header_bytes,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._robots.close()
        if self._session is not None:
            await self._session.close()

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
            return await _whole(response)

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
        request = _Request(
            url=url,
            max_bytes=self._settings.web_max_decoded_bytes if max_bytes is None else max_bytes,
            seconds=self._settings.web_request_deadline_seconds if deadline is None else deadline,
            headers={name.lower(): clean_header(value) for name, value in (headers or {}).items()},
            truncate=truncate,
            follow=follow,
        )
        if robots:
            exchange = self._exchange(request, self._turns, self._permission)
        else:
            exchange = self._exchange(request, self._turns_at_apis, _no_questions)
        async with exchange as response:
            yield response

    @asynccontextmanager
    async def _exchange(self, request: "_Request", turns: Turns, permission: _Permission) -> AsyncIterator[Response]:
        """The answer to ``request``, each of its hops with the ``permission`` and in the turn of its own host."""
        left, sent = request.seconds, request.headers
        requested = target = self._targets.first(request.url)
        redirects: list[str] = []
        while True:
            spacing, host = await permission(target), _site(target)
            async with turns.turn(host, spacing, left):
                ends_at = asyncio.get_running_loop().time() + left
                answer = await self._send(target, sent, ends_at)
                try:
                    following = self._targets.following(target, answer.status, answer.headers, len(redirects))
                    if following is None or not (request.follow is None or request.follow(following.href)):
                        leads_to = None if following is None else following.href
                        limits = Limits(self._settings.web_max_wire_bytes, request.max_bytes, request.truncate, ends_at)
                        response = self._response(
                            answer, requested.href, target.href, tuple(redirects), limits, leads_to
                        )
                        if answer.status in _COME_LATER and response.retry_after:
                            turns.rest(host, response.retry_after)
                        yield response
                        return
                finally:
                    answer.release()
                left = ends_at - asyncio.get_running_loop().time()
            redirects.append(target.href)
            if following.href in redirects:  # and we keep no cookies, so that the answer would be the same
                raise FetchError("too_many_redirects", f"{shown_url(target.href)} redirects in a circle")
            if following.origin != target.origin:
                sent = {name: value for name, value in sent.items() if name in _KEPT_ACROSS_ORIGINS}
            target = following

    async def robots(self, url: str) -> Robots:
        """What the robots.txt of ``url``'s origin says. Raises :class:`FetchError` when nobody can know."""
        return await self._robots.of(self._targets.first(url).href)

    async def _fetch_robots(self, url: str) -> Fetched:
        cap, seconds = self._settings.web_robots_max_bytes, self._settings.web_request_deadline_seconds
        request = _Request(url, max_bytes=cap, seconds=seconds, headers={}, truncate=True)
        async with self._exchange(request, self._turns, _no_questions) as response:
            return await _whole(response)

    async def _permission(self, target: can_ada.URL) -> float:
        """Seconds between two requests to this host, by its robots.txt. Raises robots_disallowed."""
        rules = await self._robots.of(target.href)
        if not rules.allows(target.href):
            raise FetchError("robots_disallowed", f"{shown_url(target.href)} is closed to us by the site's robots.txt")
        return rules.crawl_delay

    async def _send(self, target: can_ada.URL, headers: Mapping[str, str], ends_at: float) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("WebClient is used outside of 'async with WebClient(settings)'")
        ours = {"user-agent": self._settings.web_user_agent, "accept-encoding": "gzip"}
        try:
            async with asyncio.timeout_at(ends_at):
                answer = await self._session.get(
                    URL(target.href, encoded=True),
                    headers={"accept": _ACCEPT, **headers, **ours},
                    allow_redirects=False,
                )
        except Exception as problem:
            failure = explain(problem, target.href)
        else:
            if answer.status >= 200:
                return answer
            answer.close()
            failure = FetchError("bad_response", f"{shown_url(target.href)} answered {answer.status}, unasked")
        # Raised out here, without aiohttp's exception behind it: that one carries the request's headers.
        raise failure

    def _response(
        self,
        answer: aiohttp.ClientResponse,
        requested: str,
        url: str,
        redirects: tuple[str, ...],
        limits: Limits,
        leads_to: str | None,
    ) -> Response:
        headers = Headers(answer.headers.items())
        return Response(
            status=answer.status,
            url=url,
            requested_url=requested,
            redirects=redirects,
            headers=headers,
            body=Body(answer, url, limits),
            retry_after=retry_after_seconds(headers.get("retry-after"), self._settings.web_retry_after_cap_seconds),
            leads_to=leads_to,
        )


@dataclass(frozen=True)
class _Request:
    """What is asked for; ``seconds`` are for all hops together."""

    url: str
    max_bytes: int
    seconds: float
    headers: Mapping[str, str]
    truncate: bool
    follow: Callable[[str], bool] | None = None


async def _no_questions(_: can_ada.URL) -> float:
    """The permission of who need not ask: an API is called, and robots.txt itself is always open."""
    return 0.0


def _site(target: can_ada.URL) -> str:
    """What politeness takes for one website: a name with and without www. is usually one server."""
    return str(target.hostname).removeprefix("www.")


async def _whole(response: Response) -> Fetched:
    body = await _body_of(response)
    return Fetched(
        status=response.status,
        url=response.url,
        requested_url=response.requested_url,
        redirects=response.redirects,
        headers=response.headers,
        body=body,
        truncated=response.truncated,
        wire_bytes=response.wire_bytes,
        retry_after=response.retry_after,
    )


async def _body_of(response: Response) -> bytes:
    try:
        return await response.body.read()
    except FetchError as failure:
        # The status says more about an error page than the encoding it was sent in.
        if response.status < 400 or failure.code not in {"bad_response", "too_large"}:
            raise
        response.body.truncated = True
        return b""
