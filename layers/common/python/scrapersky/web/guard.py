"""The SSRF guard: which URLs a request may go to, and which addresses may be connected to.

URLs are checked when they are parsed, addresses when a socket is opened. The address check is the one that holds: a
name may resolve to another address the second time, and aiohttp does not ask a resolver about an IP literal, but no byte
leaves without a socket. The resolver filters as well, so that a name with a public and a private address is served from
the public one.

Python's ``ipaddress.is_global`` is not a usable check: it admits NAT64 of 169.254.169.254, fec0::/10, multicast and
Azure's 168.63.129.16, and changes between patch releases. So the deny list is explicit. Sources: the IANA
special-purpose address registries, RFC 6890.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, cast

import aiohttp
import can_ada
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from scrapersky.errors import FetchRefused, shorten
from scrapersky.settings import Settings
from scrapersky.web.loopback import LoopbackInternet
from scrapersky.web.response_heads import LenientResponses
from scrapersky.web.urls import parse_url, port_of

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""Resolves a name to addresses as text. Raises OSError (``socket.gaierror``) when there are none."""

DENIED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback, with Lambda's own runtime API
        "168.63.129.16/32",  # Azure's host agent, a public address of an internal service
        "169.254.0.0/16",  # link-local: the metadata and credential services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

ALLOWED_IPV6 = IPv6Network("2000::/3")

DENIED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/32",  # Teredo: carries an IPv4 address
        "2001:2::/48",  # benchmarking
        "2001:10::/28",  # ORCHID, deprecated
        "2001:20::/28",  # ORCHIDv2
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation
    )
)

_REDIRECTS = {301, 302, 303, 307, 308}
_ADDRESS = re.compile(r"\[.*\]|[0-9.]+")
_NAME_CACHE_SECONDS = 60
_LOOK_UP_THREADS = 32


class BlockedAddress(OSError):
    """The guard refused to connect. An OSError, so that aiohttp reports it as a failed connection."""


class Targets:
    """Checks the URLs of requests and redirects against the settings, before any name is resolved."""

    def __init__(self, settings: Settings) -> None:
        self._max_length = settings.web_max_url_length
        self._max_redirects = settings.web_max_redirects
        self._ports = settings.ports
        self._names_only = settings.web_loopback_internet is not None

    def first(self, url: str) -> can_ada.URL:
        """Return ``url`` parsed. Raises :class:`FetchRefused`: ``invalid_url``, ``blocked_address``."""
        target = parse_url(url, max_length=self._max_length)
        if target is None:
            raise FetchRefused("invalid_url", f"{shorten(url)!a} is not an http(s) URL that may be fetched")
        return self._checked(target, "invalid_url")

    def following(
        self, target: can_ada.URL, status: int, headers: Mapping[str, str], followed: int
    ) -> can_ada.URL | None:
        """Return where an answer of ``target`` redirects to, or None if it does not; ``followed`` redirects came before.

        Raises :class:`FetchRefused`: ``bad_redirect``, ``too_many_redirects``, ``blocked_address``.
        """
        if status not in _REDIRECTS:
            return None
        shown = shorten(target.href)
        location = headers.get("Location")
        if not location:  # browsers show it as a page
            return None
        if followed >= self._max_redirects:
            raise FetchRefused("too_many_redirects", f"{shown} redirects again after {followed} redirects")
        following = parse_url(_percent_encoded(location), target.href, max_length=self._max_length)
        if following is None:
            where = f"{shorten(location)!a}, which is not an http(s) URL that may be fetched"
            raise FetchRefused("bad_redirect", f"{shown} redirects to {where}")
        return self._checked(following, "bad_redirect")

    def _checked(self, target: can_ada.URL, code: str) -> can_ada.URL:
        port = port_of(target)
        if port not in self._ports:
            allowed = ", ".join(map(str, sorted(self._ports)))
            raise FetchRefused(code, f"{shorten(target.href)} is on port {port}; allowed ports: {allowed}")
        if self._names_only and is_address(target.hostname):
            raise FetchRefused(
                "blocked_address", f"{shorten(target.href)} is an address; the loopback internet has only names"
            )
        return target


def is_address(hostname: str) -> bool:
    """Return whether the host of a parsed URL is an IP address and not a name."""
    return _ADDRESS.fullmatch(hostname) is not None


def is_dialable(address: str | IPv4Address | IPv6Address) -> bool:
    """Return whether ``address`` (never a name) is global unicast, so that the crawler may connect to it.

    An IPv4 address mapped into IPv6 (::ffff:0:0/96) is checked as the IPv4 address it is. Text that is not an address,
    and an address with a zone (``fe80::1%eth0``), are not dialable.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        if parsed.ipv4_mapped is None:
            return parsed in ALLOWED_IPV6 and not any(parsed in network for network in DENIED_IPV6)
        parsed = parsed.ipv4_mapped
    return not any(parsed in network for network in DENIED_IPV4)


def open_connector(internet: LoopbackInternet | None, look_up: LookUp | None, max_bytes: int) -> aiohttp.TCPConnector:
    """Return a connector that reaches the public internet only; or, given ``internet``, only that loopback internet.

    ``look_up`` replaces the system's name resolution. ``max_bytes`` limits the body of an answer as sent.
    """
    trust: ssl.SSLContext | bool = True
    if internet is not None:
        trust = ssl.create_default_context(cafile=internet.ca_file)
    connector = aiohttp.TCPConnector(
        resolver=LoopbackResolver(internet) if internet else PublicResolver(look_up),
        socket_factory=guarded_sockets(internet),
        ssl=trust,
        limit=0,  # the host limiter bounds the open connections
        ttl_dns_cache=_NAME_CACHE_SECONDS,
    )
    lenient = partial(LenientResponses, loop=asyncio.get_running_loop(), max_bytes=max_bytes)
    connector._factory = cast("partial[ResponseHandler]", lenient)
    return connector


def guarded_sockets(internet: LoopbackInternet | None) -> Callable[[Any], socket.socket]:
    """Return aiohttp's socket factory, which raises :class:`BlockedAddress` for addresses that may not be dialled."""

    def open_socket(addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = addr_info
        if not (is_dialable(address) if internet is None else (address, port) in internet.sockets):
            raise BlockedAddress(f"{address} port {port} may not be dialled")
        return socket.socket(family=family, type=kind, proto=protocol)

    return open_socket


class PublicResolver(AbstractResolver):
    """Resolves names with the system's resolver, or with ``look_up``, and returns dialable addresses only."""

    def __init__(self, look_up: LookUp | None = None) -> None:
        # Own threads: a look-up cannot be cancelled, and asyncio.run would wait for those of its default executor.
        self._threads = ThreadPoolExecutor(_LOOK_UP_THREADS, thread_name_prefix="look-up")
        self._look_up = look_up or self._system_look_up

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:  # noqa: ARG002
        """Return the dialable addresses of ``host``. Raises :class:`BlockedAddress` when it has only others."""
        addresses = list(dict.fromkeys(await self._look_up(host)))
        dialable = [address for address in addresses if is_dialable(address)]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if not dialable:
            raise BlockedAddress(f"{host} resolves to {', '.join(addresses[:4])}")
        return [_result(host, address, port) for address in dialable]

    async def close(self) -> None:
        """Abandon the look-ups that are running."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _system_look_up(self, host: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _addresses_of, host)
        return [str(socket_address[0]) for *_, socket_address in found]


class LoopbackResolver(AbstractResolver):
    """Resolves the names of a loopback internet, and no others."""

    def __init__(self, internet: LoopbackInternet) -> None:
        self._internet = internet

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:  # noqa: ARG002
        """Return where ``port`` of ``host`` is served. Raises gaierror for an unlisted name."""
        if host.lower().rstrip(".") not in self._internet.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "not a name of the loopback internet")
        if port not in self._internet.ports:
            raise BlockedAddress(f"{host} port {port} may not be dialled")
        return [_result(host, str(self._internet.address), self._internet.ports[port])]

    async def close(self) -> None:
        """Do nothing: no resources are held."""


def _percent_encoded(location: str) -> str:
    """Return ``location`` with its invalid UTF-8 (lone surrogates in aiohttp's text) percent-encoded."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", location)


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
