"""Sends one request over a guarded connection, and translates every failure into a FetchError.

The sentences of the errors are written here and never taken from an exception's text: aiohttp's own may quote the
headers of the request, which can hold a key.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Self

import aiohttp
from yarl import URL

from scrapersky.errors import FetchError, FetchFailed, FetchRefused, shorten
from scrapersky.settings import Settings
from scrapersky.web.guard import BlockedAddress, LookUp, open_connector
from scrapersky.web.loopback import LoopbackInternet
from scrapersky.web.response_heads import MAX_HEADERS

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Transport:
    """An open aiohttp session, every connection of which passes the guard. Use as ``async with``.

    aiohttp's own redirects, cookies, proxies and decompression are off.
    """

    def __init__(self, settings: Settings, look_up: LookUp | None) -> None:
        path = settings.web_loopback_internet
        self._settings = settings
        self._look_up = look_up
        self._internet = LoopbackInternet.read(path) if path else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=open_connector(self._internet, self._look_up, self._settings.web_max_wire_bytes),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._settings.web_connect_timeout_seconds),
            auto_decompress=False,
            trust_env=False,
            max_line_size=self._settings.web_max_header_bytes,
            max_field_size=self._settings.web_max_header_bytes,
            max_headers=MAX_HEADERS,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        url: str,
        headers: Mapping[str, str],
        ends_at: float,
        *,
        shown: str | None = None,
        body: bytes | None = None,
    ) -> aiohttp.ClientResponse:
        """GET ``url`` and return the head of the answer, received before ``ends_at`` (the event loop's time).

        With a ``body`` it is a POST. Raises :class:`FetchError`; its reason names ``shown`` instead of ``url`` if given.
        """
        if self._session is None:
            raise RuntimeError("WebClient is used outside of 'async with WebClient(…)'")
        own = {"user-agent": self._settings.web_user_agent, "accept-encoding": "gzip"}
        if self._settings.web_from:
            own["from"] = self._settings.web_from
        shown = url if shown is None else shown
        try:
            async with asyncio.timeout_at(ends_at):
                answer = await self._session.request(
                    "GET" if body is None else "POST",
                    URL(url, encoded=True),
                    data=body,
                    headers={"accept": _ACCEPT, **headers, **own},
                    allow_redirects=False,
                )
        except Exception as error:
            failure = fetch_error(error, shown)
        else:
            if answer.status >= 200:
                return answer
            answer.close()
            failure = FetchFailed("bad_response", f"{shorten(shown)} sent the unexpected status {answer.status}")
        # Raised outside of the except block: aiohttp's exception, which holds the headers, must not become its context.
        raise failure


def fetch_error(error: BaseException, url: str) -> FetchError:
    """Return the :class:`FetchError` for an ``error`` of aiohttp, ssl or a socket during a request to ``url``."""
    if isinstance(error, FetchError):
        return error
    kind, code, reason = _translated(error)
    return kind(code, f"{shorten(url)} {reason}")


def _translated(error: BaseException) -> tuple[type[FetchError], str, str]:
    """Return the class, code and reason for ``error``; the reason follows the URL in the sentence."""
    cause = getattr(error, "os_error", None) or error
    match cause:
        case BlockedAddress():
            return FetchRefused, "blocked_address", f"is not on the public internet: {cause}"
        case TimeoutError():
            return FetchFailed, "timeout", "did not answer in time"
        case socket.gaierror() | aiohttp.ClientConnectorDNSError():
            why = getattr(cause, "strerror", None) or "no address"
            return FetchFailed, "dns", f"has a host name that does not resolve ({why})"
        case ssl.SSLCertVerificationError():
            return FetchFailed, "tls", f"has a certificate that cannot be trusted ({cause.verify_message})"
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            why = getattr(cause, "reason", None) or type(cause).__name__
            return FetchFailed, "tls", f"failed the TLS handshake ({why})"
        case aiohttp.ServerDisconnectedError() | OSError(errno=errno.ECONNRESET | errno.EPIPE | errno.ECONNABORTED):
            return FetchFailed, "reset", "closed the connection without an answer"
        case aiohttp.InvalidURL():
            return FetchRefused, "invalid_url", "is not a URL that can be requested"
        case OSError():
            return FetchFailed, "connect", f"could not be reached ({cause.strerror or type(cause).__name__})"
        case _:
            return FetchFailed, "bad_response", f"did not answer in HTTP ({type(cause).__name__})"
