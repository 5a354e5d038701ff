"""A simulated internet on loopback whose servers send whatever bytes a test wants, over HTTP and HTTPS.

    sites = {"shop.example": {"/": answer(200, b"hello"), "/never": silence}}
    result = fetch(sites, "http://shop.example/", directory)

A path that is not listed is a 404, also robots.txt; ``"*"`` answers for all other paths of a host.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient
from scrapersky.web.loopback import LoopbackInternet
from tests.hostile.authority import DAY, Authority

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Sends the answer to one request over its connection."""


def raw(*parts: bytes) -> Answer:
    """Return an answer that sends exactly ``parts`` and closes the connection."""

    async def send(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return send


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Return a correct HTTP answer."""
    fields = {"Content-Type": "text/html", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return raw(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body)


def redirect(location: str, status: int = 302, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a redirect to ``location``, which may be any text."""
    return answer(status, headers={"Location": location, **(headers or {})})


def endless(start: bytes, piece: bytes) -> Answer:
    """Return an answer that sends ``start`` and then ``piece`` endlessly, as fast as it is read."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return send


def dripping(start: bytes, piece: bytes, seconds: float = 0.05) -> Answer:
    """Return an answer that sends ``start`` and then ``piece`` endlessly, with pauses, so that no single read times out."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return send


async def silence(writer: asyncio.StreamWriter) -> None:
    """Send nothing and keep the connection open."""
    await asyncio.Event().wait()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    writer.transport.abort()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request that reached a server."""

    url: str
    headers: Mapping[str, str]


Sites = Mapping[str, Mapping[str, Answer]]
"""host → path (``/x``, ``https:/x`` or ``*``) → answer."""


@dataclass
class Internet:
    """The running servers. ``settings`` let a client use them; ``requests`` are those that reached them, in order."""

    sites: Sites
    settings: Settings
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0

    def client(self) -> WebClient:
        """Return a web client for this internet; use as ``async with``."""
        return WebClient(self.settings, HostLimiter(self.settings))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        self.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        path = head[0].split(" ")[1]
        host = headers["host"].partition(":")[0]
        scheme = "https" if writer.get_extra_info("ssl_object") else "http"
        self.requests.append(ReceivedRequest(f"{scheme}://{headers['host']}{path}", headers))
        site = self.sites.get(host, {})
        await (site.get(f"{scheme}:{path}") or site.get(path) or site.get("*") or answer(404))(writer)


@asynccontextmanager
async def hostile_internet(
    sites: Sites, directory: Path, *, on_tls_port: Answer | None = None, **settings: Any
) -> AsyncIterator[Internet]:
    """Serve ``sites``. ``on_tls_port`` sends raw bytes on the TLS port; ``settings`` override those of the client.

    The names ``expired.example``, ``self-signed.example`` and ``wrong-host.example`` have such certificates.
    """
    authority = Authority.create(directory)
    file = directory / "internet.json"
    defaults: dict[str, Any] = {"web_loopback_internet": file, "web_request_deadline_seconds": 10}
    internet = Internet(sites, Settings(**(defaults | settings)))

    async def serve_raw(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert on_tls_port is not None
        await on_tls_port(writer)

    async with _listening(internet.serve) as http:
        tls = None if on_tls_port else _certificates(authority, list(sites))
        async with _listening(serve_raw if on_tls_port else internet.serve, tls) as https:
            hosts = frozenset(sites)
            LoopbackInternet(http_port=http, https_port=https, ca_file=authority.ca_file, hosts=hosts).write(file)
            yield internet


@asynccontextmanager
async def _listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen on a free port of loopback, and yield the port. Connections that are open at the end are cancelled."""
    connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client disconnected, or the test has ended
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _certificates(authority: Authority, names: list[str]) -> ssl.SSLContext:
    untrusted = Authority.create(authority.directory, "untrusted")
    special = {
        "expired.example": authority.server_context(names, lifetime=(-2 * DAY, -DAY)),
        "self-signed.example": untrusted.server_context(names),
        "wrong-host.example": authority.server_context(["other.example"]),
    }
    context = authority.server_context(names)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = special.get(name or "", context)

    context.sni_callback = choose
    return context
