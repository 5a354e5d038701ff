"""Sends one request, and takes what comes as an answer or as a :class:`~scrapersky.errors.FetchError`."""

import asyncio
from collections.abc import Mapping
from typing import Self

import aiohttp
from yarl import URL

from scrapersky.errors import FetchFailed
from scrapersky.settings import Settings
from scrapersky.web.connector import LookUp, open_connector
from scrapersky.web.failures import explain, shown_url
from scrapersky.web.loopback import LoopbackInternet

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Sender:
    """An open session, whose every connection goes through the guard; to be used inside ``async with``."""

    def __init__(self, settings: Settings, look_up: LookUp | None) -> None:
        path = settings.web_loopback_internet
        self._settings = settings
        self._look_up = look_up
        self._internet = LoopbackInternet.read(path) if path else None
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
        if self._session is not None:
            await self._session.close()

    async def send(
        self, url: str, headers: Mapping[str, str], ends_at: float, *, shown: str | None = None
    ) -> aiohttp.ClientResponse:
        """The answer's head, by ``ends_at`` (the event loop's time).

        Raises FetchError, whose sentence is about ``shown`` where that is not ``url`` itself.
        """
        if self._session is None:
            raise RuntimeError("WebClient is used outside of 'async with WebClient(settings)'")
        ours = {"user-agent": self._settings.web_user_agent, "accept-encoding": "gzip"}
        shown = url if shown is None else shown
        try:
            async with asyncio.timeout_at(ends_at):
                answer = await self._session.get(
                    URL(url, encoded=True),
                    headers={"accept": _ACCEPT, **headers, **ours},
                    allow_redirects=False,
                )
        except Exception as problem:
            failure = explain(problem, shown)
        else:
            if answer.status >= 200:
                return answer
            answer.close()
            failure = FetchFailed("bad_response", f"{shown_url(shown)} answered {answer.status}, unasked")
        # Raised out here, without aiohttp's exception behind it: that one carries the request's headers.
        raise failure
