"""Where every connection starts: names become addresses, and each address is judged in the moment it is dialled.

Danger first: the guard is the socket factory, not the resolver. aiohttp never asks a resolver about an IP literal, and
a name may resolve differently the second time; but no byte leaves without a socket, and no socket is made here for
an address that :func:`~scrapersky.web.addresses.is_dialable` refuses. The resolver filters too, so that a name with a
public and a private address is served from the public one.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scrapersky.web.addresses import is_dialable
from scrapersky.web.failures import BlockedAddress
from scrapersky.web.loopback import LoopbackInternet

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""A name's addresses as text. Raises OSError (``socket.gaierror``) when there are none."""

_NAME_CACHE_SECONDS = 60
_LOOK_UP_THREADS = 32


def open_connector(internet: LoopbackInternet | None, look_up: LookUp | None) -> aiohttp.TCPConnector:
    """A connector that dials the public internet only; or, given one, that loopback internet and nothing else.

    ``look_up`` stands in for the system's name resolution.
    """
    trust: ssl.SSLContext | bool = True
    if internet is not None:
        trust = ssl.create_default_context(cafile=internet.ca_file)
    return aiohttp.TCPConnector(
        resolver=LoopbackResolver(internet) if internet else PublicResolver(look_up),
        socket_factory=guard(internet),
        ssl=trust,
        limit=0,  # the client's own turns bound what is open at once
        ttl_dns_cache=_NAME_CACHE_SECONDS,
    )


def guard(internet: LoopbackInternet | None) -> Callable[[Any], socket.socket]:
    def open_socket(addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = addr_info
        if not (is_dialable(address) if internet is None else (address, port) in internet.sockets):
            raise BlockedAddress(f"{address} port {port} may not be dialled")
        return socket.socket(family=family, type=kind, proto=protocol)

    return open_socket


class PublicResolver(AbstractResolver):
    """The system's name resolution, or the one given, without what may not be dialled."""

    def __init__(self, look_up: LookUp | None = None) -> None:
        # Threads of our own: a look-up cannot be cancelled, and asyncio.run would wait for its default executor's.
        self._threads = ThreadPoolExecutor(_LOOK_UP_THREADS, thread_name_prefix="look-up")
        self._look_up = look_up or self._ask_system

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:  # noqa: ARG002
        """``host``'s dialable addresses. Raises :class:`BlockedAddress` when it has only others."""
        addresses = list(dict.fromkeys(await self._look_up(host)))
        dialable = [address for address in addresses if is_dialable(address)]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if not dialable:
            raise BlockedAddress(f"{host} resolves to {', '.join(addresses[:4])}")
        return [_result(host, address, port) for address in dialable]

    async def close(self) -> None:
        """Lets go of running look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_system(self, host: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _addresses_of, host)
        return [str(socket_address[0]) for *_, socket_address in found]


class LoopbackResolver(AbstractResolver):
    """Knows the names of a loopback internet and no other."""

    def __init__(self, internet: LoopbackInternet) -> None:
        self._internet = internet

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:  # noqa: ARG002
        """Where ``host``'s ``port`` is served. Raises gaierror for an unlisted name."""
        if host.lower().rstrip(".") not in self._internet.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "not a name of the loopback internet")
        if port not in self._internet.ports:
            raise BlockedAddress(f"{host} port {port} may not be dialled")
        return [_result(host, str(self._internet.address), self._internet.ports[port])]

    async def close(self) -> None:
        """Nothing to let go of."""


def _addresses_of(host: str) -> list[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": family,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }
