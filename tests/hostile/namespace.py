"""Tests the guard with real addresses, in a network namespace in which a public address belongs to a local server.

    unshare --map-root-user --net python -m tests.hostile.namespace

Nothing leaves the namespace, because it has only a loopback device. A server at a public address redirects, and a server
at 127.0.0.1 must never be connected to. No loopback internet is set: the client is configured as in production. Prints
JSON.
"""

import asyncio
import fcntl
import json
import logging
import socket
import struct
from collections.abc import Iterator, Sequence

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from tests.hostile.running import NO_INTERVAL, outcome_in

PUBLIC = "198.41.0.4"
SET_ADDRESS, GET_FLAGS, SET_FLAGS, UP = 0x8916, 0x8913, 0x8914, 1
NAMES = {"public.example": [PUBLIC], "inside.example": ["127.0.0.1"], "mixed.example": ["127.0.0.1", PUBLIC]}
INSIDE = ("http://inside.example/", "http://127.0.0.1/", "http://2130706433/", "//127.1/", "http://[::1]/", "http://0/")


def give_loopback(address: str) -> None:
    """Bring the loopback device up, with ``address`` in addition to its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sH", fcntl.ioctl(control, GET_FLAGS, struct.pack("16sH", b"lo", 0))[:18])[1]
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sH", b"lo", flags | UP))
        wanted = struct.pack("16sH2s4s8s", b"lo:1", socket.AF_INET, b"", socket.inet_aton(address), b"")
        fcntl.ioctl(control, SET_ADDRESS, wanted)


async def codes() -> dict[str, object]:
    """Return the code of each request, and the number of connections to the internal server."""
    dialled = 0

    async def inside(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dialled
        dialled += 1
        writer.close()

    async def look_up(name: str) -> Sequence[str]:
        return NAMES[name]

    servers = [await asyncio.start_server(inside, "127.0.0.1", 80), await asyncio.start_server(redirecting, PUBLIC, 80)]
    settings = Settings.model_validate(NO_INTERVAL)
    async with WebClient(settings, HostLimiter(settings), look_up=look_up) as web:
        found: dict[str, object] = {url: await _code(web, url) for url in _urls()}
    places = {"places_base_url": f"http://{PUBLIC}", **NO_INTERVAL}
    found["places"] = (await outcome_in("deep scan", PUBLIC, "/", places)).code
    found["import"] = (await outcome_in("import", PUBLIC, "/0/http://127.0.0.1/", NO_INTERVAL)).code
    for server in servers:
        server.close()
    return found | {"dialled": dialled}


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirect ``/3/URL`` to ``/2/URL`` and ``/0/URL`` to ``URL``; answer other paths with a page."""
    path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
    hops, _, target = path.removeprefix("/").partition("/")
    if hops.isdecimal():
        location = f"/{int(hops) - 1}/{target}" if int(hops) else target
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    elif path.startswith("/v1/places/"):
        writer.write(b"HTTP/1.1 307 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    writer.close()


def _urls() -> Iterator[str]:
    yield from ("http://public.example/", "http://mixed.example/", f"http://{PUBLIC}/", "http://public.example/2//page")
    for hops in (0, 1, 4):
        yield from (f"http://public.example/{hops}/{target}" for target in INSIDE)


async def _code(web: WebClient, url: str) -> str:
    try:
        return str((await web.get(url, robots=False)).status)
    except FetchError as failure:
        return failure.code


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    give_loopback(PUBLIC)
    print(json.dumps(asyncio.run(codes())))
