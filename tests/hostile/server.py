"""A small internet on loopback that answers with whatever bytes a test wants, over HTTP and HTTPS.

    sites = {"shop.example": {"/": answer(200, b"hello"), "/never": silence}}
    seen = fetch(sites, "http://shop.example/", directory)

A path that is not listed is a 404 (robots.txt too); ``"*"`` answers for all of a host's paths.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient
from scrapersky.web.loopback import LoopbackInternet
from tests.hostile.answers import Answer, answer
from tests.hostile.authority import DAY, Authority


@dataclass(frozen=True)
class Asked:
    """One request that reached a server."""

    url: str
    headers: Mapping[str, str]


Sites = Mapping[str, Mapping[str, Answer]]
"""host → path (``/x``, ``https:/x`` or ``*``) → answer."""


@dataclass
class Internet:
    """The running servers: ``settings`` make a client live in it, ``asked`` is what reached them, in order."""

    sites: Sites
    settings: Settings
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def client(self) -> WebClient:
        """Return a web client for this internet; use as ``async with``."""
        return WebClient(self.settings, HostLimiter(self.settings))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            path = head[0].split(" ")[1]
            host = headers["host"].partition(":")[0]
            scheme = "https" if writer.get_extra_info("ssl_object") else "http"
            self.asked.append(Asked(f"{scheme}://{headers['host']}{path}", headers))
            site = self.sites.get(host, {})
            await (site.get(f"{scheme}:{path}") or site.get(path) or site.get("*") or answer(404))(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def hostile_internet(
    sites: Sites, directory: Path, *, on_tls_port: Answer | None = None, **settings: Any
) -> AsyncIterator[Internet]:
    """Serves ``sites``. ``on_tls_port`` speaks raw bytes instead of TLS there; ``settings`` override the client's.

    The names ``expired.example``, ``self-signed.example`` and ``wrong-host.example`` have such certificates.
    """
    connections: set[asyncio.Task[None]] = set()
    internet: Internet | None = None

    def remember() -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert internet is not None
        remember()
        await internet.serve(reader, writer)

    async def handle_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert on_tls_port is not None
        remember()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await on_tls_port(writer)
        writer.close()

    authority = Authority.create(directory)
    http = await asyncio.start_server(handle, "127.0.0.1", 0)
    if on_tls_port is None:
        https = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=_certificates(authority, list(sites)))
    else:
        https = await asyncio.start_server(handle_raw, "127.0.0.1", 0)
    file = directory / "internet.json"
    LoopbackInternet(
        http_port=http.sockets[0].getsockname()[1],
        https_port=https.sockets[0].getsockname()[1],
        ca_file=authority.ca_file,
        hosts=frozenset(sites),
    ).write(file)
    defaults: dict[str, Any] = {"web_loopback_internet": file, "web_request_deadline_seconds": 10}
    internet = Internet(sites, Settings(**(defaults | settings)))
    try:
        yield internet
    finally:
        http.close()
        https.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _certificates(authority: Authority, names: list[str]) -> ssl.SSLContext:
    stranger = Authority.create(authority.directory, "a stranger")
    special = {
        "expired.example": authority.server_context(names, lifetime=(-2 * DAY, -DAY)),
        "self-signed.example": stranger.server_context(names),
        "wrong-host.example": authority.server_context(["somebody-else.example"]),
    }
    context = authority.server_context(names)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = special.get(name or "", context)

    context.sni_callback = choose
    return context
