"""The only thing that opens sockets to the web: guarded, polite, bounded in time and size.

Danger first: every url here was written by a stranger. Each hop of each redirect is parsed anew, asked of that host's
robots.txt, and its address judged when it is dialled (:mod:`scrapersky.web.connector`). aiohttp's own redirects,
cookies, proxies and decompression are off. Whatever goes wrong is a :class:`~scrapersky.web.errors.FetchError`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
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
from scrapersky.web.turns import Turns, WorkerTurns
from scrapersky.web.urls import parse_url

__all__ = ["FetchError", "Fetched", "Response", "Robots", "WebClient"]

_REDIRECTS = {301, 302, 303, 307, 308}
_KEPT_ACROSS_ORIGINS = {"accept", "accept-language", "if-none-match", "if-modified-since"}
_LITERAL = re.compile(r"\[.*\]|[0-9.]+")
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class WebClient:
    """An HTTP client for an internet that means no good; one per event loop.

    ``look_up`` replaces the system's name resolution, ``turns`` the politeness of this one worker.
    """

    def __init__(self, settings: WebSettings, *, look_up: LookUp | None = None, turns: Turns | None = None) -> None:
        self._settings = settings
        self._look_up = look_up
        self._turns = turns or WorkerTurns(settings.web_requests_per_host)
        self._ports = frozenset(map(int, settings.web_ports.split(",")))
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
        """GETs ``url`` with its whole body; see :meth:`stream`. A status of 400 and above does not raise by itself."""
        async with self.stream(
            url, max_bytes=max_bytes, deadline=deadline, headers=headers, robots=robots, truncate=truncate
        ) as response:
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
    ) -> AsyncIterator[Response]:
        """GETs ``url``, following redirects; the answer's body is read from ``response.chunks()``.

        ``max_bytes`` caps the unpacked body (default: a setting); beyond it is ``too_large``, or cut with ``truncate``.
        ``deadline`` (seconds, default: a setting) covers connecting, headers and body of all hops together; waiting for
        a turn at the host, its Crawl-delay and its robots.txt do not count. ``headers`` are sent to the first origin
        only, but for the harmless. ``robots=False`` is for calls of an API. Ask nothing else of the same host
        inside the block: the turn is held until it ends. Raises :class:`FetchError`.
        """
        left = self._settings.web_request_deadline_seconds if deadline is None else deadline
        requested = target = self._first_target(url)
        sent = {name.lower(): clean_header(value) for name, value in (headers or {}).items()}
        redirects: list[str] = []
        while True:
            spacing = (await self._permission(target)) if robots else 0.0
            async with self._turns.turn(target.hostname, spacing):
                ends_at = asyncio.get_running_loop().time() + left
                answer = await self._send(target, sent, ends_at)
                try:
                    if not _is_redirect(answer):
                        limits = Limits(
                            wire_bytes=self._settings.web_max_wire_bytes,
                            decoded_bytes=self._settings.web_max_decoded_bytes if max_bytes is None else max_bytes,
                            truncate=truncate,
                            ends_at=ends_at,
                        )
                        yield self._response(answer, requested.href, target.href, tuple(redirects), limits)
                        return
                    following = self._next_target(answer, target, len(redirects))
                finally:
                    answer.release()
                left = ends_at - asyncio.get_running_loop().time()
            redirects.append(target.href)
            if following.origin != target.origin:
                sent = {name: value for name, value in sent.items() if name in _KEPT_ACROSS_ORIGINS}
            target = following

    async def robots(self, url: str) -> Robots:
        """What the robots.txt of ``url``'s origin says. Raises :class:`FetchError` when nobody can know."""
        return await self._robots.of(self._first_target(url).href)

    async def _fetch_robots(self, url: str) -> Fetched:
        return await self.get(url, max_bytes=self._settings.web_robots_max_bytes, robots=False, truncate=True)

    async def _permission(self, target: can_ada.URL) -> float:
        """Seconds between two requests to this host. Raises robots_disallowed."""
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
                return await self._session.get(
                    URL(target.href, encoded=True),
                    headers={"accept": _ACCEPT, **headers, **ours},
                    allow_redirects=False,
                )
        except Exception as problem:
            failure = explain(problem, target.href)
        # Raised out here, without aiohttp's exception behind it: that one carries the request's headers.
        raise failure

    def _response(
        self, answer: aiohttp.ClientResponse, requested: str, url: str, redirects: tuple[str, ...], limits: Limits
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
        )

    def _first_target(self, url: str) -> can_ada.URL:
        target = parse_url(url, max_length=self._settings.web_max_url_length)
        if target is None:
            raise FetchError("invalid_url", f"{shown_url(url)!a} is no http(s) url that a crawler may fetch")
        return self._admitted(target, "invalid_url")

    def _next_target(self, answer: aiohttp.ClientResponse, target: can_ada.URL, followed: int) -> can_ada.URL:
        if followed >= self._settings.web_max_redirects:
            raise FetchError("too_many_redirects", f"{shown_url(target.href)} redirects after {followed} redirects")
        location = _percent_encoded(answer.headers["Location"])
        following = parse_url(location, target.href, max_length=self._settings.web_max_url_length)
        if following is None:
            where = ascii(shown_url(location))
            raise FetchError("bad_redirect", f"{shown_url(target.href)} redirects to {where}, which is no http(s) url")
        return self._admitted(following, "bad_redirect")

    def _admitted(self, target: can_ada.URL, code: str) -> can_ada.URL:
        port = int(target.port or (443 if target.protocol == "https:" else 80))
        if port not in self._ports:
            raise FetchError(
                code, f"{shown_url(target.href)} is on port {port}; {self._settings.web_ports} may be dialled"
            )
        if self._internet is not None and _LITERAL.fullmatch(target.hostname):
            raise FetchError(
                "blocked_address", f"{shown_url(target.href)} is an address, not a name of the loopback internet"
            )
        return target


def _is_redirect(answer: aiohttp.ClientResponse) -> bool:
    if answer.status not in _REDIRECTS:
        return False
    if "Location" not in answer.headers:
        raise FetchError("bad_redirect", f"{shown_url(str(answer.url))} answered {answer.status} without a Location")
    return True


def _percent_encoded(location: str) -> str:
    """``location`` with the bytes that were no UTF-8 (lone surrogates in aiohttp's text) as %XX."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", location)


async def _body_of(response: Response) -> bytes:
    try:
        return await response.body.read()
    except FetchError as failure:
        # The status says more about an error page than the encoding it was sent in.
        if response.status < 400 or failure.code not in {"bad_response", "too_large"}:
            raise
        response.body.truncated = True
        return b""
