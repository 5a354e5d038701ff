"""Serve many websites under their own host names on two loopback ports, one for http and one for https."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from scrapersky.web.loopback import LoopbackInternet
from scripts.commands.run.internet.certificates import Authority
from scripts.commands.run.internet.website import Answer, Request, Website

ADDRESS = "127.0.0.1"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Internet:
    """A running internet. ``file`` is the value for the setting ``WEB_LOOPBACK_INTERNET``."""

    file: Path
    description: LoopbackInternet

    @classmethod
    @contextmanager
    def start(
        cls, websites: Mapping[str, Website], directory: Path, *, without_https: Collection[str] = ()
    ) -> Iterator[Internet]:
        """Serve ``websites`` (by host name, lower case, punycode) until the block ends, with its files in ``directory``.

        A host in ``without_https`` refuses TLS handshakes. The server runs in its own thread.
        """
        directory.mkdir(parents=True, exist_ok=True)
        authority = Authority(directory)
        with socket.create_server((ADDRESS, 0)) as plain, socket.create_server((ADDRESS, 0)) as secure:
            description = LoopbackInternet(
                http_port=plain.getsockname()[1],
                https_port=secure.getsockname()[1],
                ca_file=authority.ca_file,
                hosts=frozenset(websites),
            )
            file = directory / "internet.json"
            description.write(file)
            tls = _tls(authority, frozenset(websites) - frozenset(without_https))
            with _served(websites, plain, secure, tls):
                yield cls(file, description)


@contextmanager
def _served(
    websites: Mapping[str, Website], plain: socket.socket, secure: socket.socket, tls: ssl.SSLContext
) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            return await _respond(websites, request)

        runner = web.ServerRunner(web.Server(handler, access_log=None), access_log=None)
        await runner.setup()
        await web.SockSite(runner, plain).start()
        await web.SockSite(runner, secure, ssl_context=tls).start()
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="internet", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


def _tls(authority: Authority, hosts: frozenset[str]) -> ssl.SSLContext:
    """Return a context that presents the requested host's certificate, and refuses the name of an unknown host."""

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None or name.lower() not in hosts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = authority.context(name.lower())
        return None

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = choose
    return context


async def _respond(websites: Mapping[str, Website], request: web.BaseRequest) -> web.StreamResponse:
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    website = websites.get(host.lower())
    if website is None:
        return web.Response(status=421, text=f"{host} is not served here\n")
    scheme, body = "https" if request.secure else "http", await request.read()
    received = Request(request.method, scheme, host.lower(), request.raw_path, request.headers, body)
    try:
        answer = website.answer(received)
    except Exception:
        log.exception("website %s failed on %s", host, request.raw_path)
        answer = Answer(500)
    if answer.cut_at is None:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    return await _cut(request, answer, answer.cut_at)


async def _cut(request: web.BaseRequest, answer: Answer, at: int) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[:at])
    if request.transport is not None:
        request.transport.close()
    return response
