"""The SSRF guard: the deny list of addresses, the check at the socket, and the resolvers."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scrapersky.web.guard import (
    DENIED_IPV4,
    DENIED_IPV6,
    BlockedAddress,
    LookUp,
    LoopbackResolver,
    PublicResolver,
    guarded_sockets,
    is_dialable,
)
from scrapersky.web.loopback import LoopbackInternet

# The deny list again, written down independently in another form: (prefix as an integer, significant bits).
DENIED_V4_PREFIXES = [
    (0x00, 8), (0x0A, 8), (0x7F, 8), (0x0191, 10), (0xA9FE, 16), (0xAC1, 12), (0xC00000, 24), (0xC00002, 24),
    (0xC05863, 24), (0xC0A8, 16), (0xC612 >> 1, 15), (0xC63364, 24), (0xCB0071, 24), (0xE, 4), (0xF, 4), (0xA83F8110, 32),
]  # fmt: skip
DENIED_V6_PREFIXES = [
    (0x20010000, 32), (0x200100020000, 48), (0x2001001, 28), (0x2001002, 28), (0x20010DB8, 32), (0x2002, 16), (0x3FFF0, 20),
]  # fmt: skip


def may_dial(packed: int, bits: int) -> bool:
    if bits == 32:
        return not any(packed >> (32 - length) == prefix for prefix, length in DENIED_V4_PREFIXES)
    if packed >> 32 == 0xFFFF:
        return may_dial(packed & 0xFFFFFFFF, 32)
    if packed >> 125 != 0b001:
        return False
    return not any(packed >> (128 - length) == prefix for prefix, length in DENIED_V6_PREFIXES)


edges_v4 = [int(net[i]) + d for net in DENIED_IPV4 for i, d in ((0, 0), (0, -1), (-1, 0), (-1, 1))]
edges_v6 = [int(net[i]) + d for net in DENIED_IPV6 for i, d in ((0, 0), (0, -1), (-1, 0), (-1, 1))]
v4 = st.integers(0, 2**32 - 1) | st.sampled_from([edge for edge in edges_v4 if 0 <= edge < 2**32])
v6 = (
    st.integers(0, 2**128 - 1)
    | st.integers(0x2 << 124, (0x4 << 124) - 1)
    | st.sampled_from(edges_v6)
    | v4.map(lambda address: 0xFFFF << 32 | address)
)


@given(v4)
def test_every_ipv4_address_agrees_with_the_second_form_of_the_deny_list(address: int) -> None:
    assert is_dialable(IPv4Address(address)) == may_dial(address, 32)


@given(v6)
@example(0xFFFF7F000001)
def test_every_ipv6_address_agrees_with_the_second_form_of_the_deny_list(address: int) -> None:
    assert is_dialable(IPv6Address(address)) == may_dial(address, 128)


@pytest.mark.parametrize("network", DENIED_IPV4 + DENIED_IPV6, ids=str)
def test_both_ends_of_a_denied_range_are_rejected(network: object) -> None:
    denied = ip_network(str(network))
    assert not is_dialable(denied[0])
    assert not is_dialable(denied[-1])


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.0", "198.20.0.1", "2606:4700::1", "::ffff:1.1.1.1"]
)
def test_a_public_address_is_dialable(address: str) -> None:
    assert is_dialable(address)


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::a9fe:a9fe",  # NAT64 of the metadata service; is_global is True
        "64:ff9b:1::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:169.254.169.254",
        "::",
        "::1",
        "fec0::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "5f00::1",
        "100::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001:0:1::",
        "3fff::1",
        "4000::",
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_a_special_address_is_rejected_even_if_python_calls_it_global(address: str) -> None:
    assert not is_dialable(address)


@pytest.mark.parametrize(
    "text", ["", "example.com", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "1.1.1.1/32", " 1.1.1.1", "[::1]"]
)
def test_text_that_is_not_an_address_is_rejected(text: str) -> None:
    assert not is_dialable(text)


INTERNET = LoopbackInternet(
    http_port=40080, https_port=40443, ca_file=Path("ca.pem"), hosts=frozenset({"shop.example"})
)


def answering(*answers: Sequence[str]) -> LookUp:
    left = list(answers)

    async def look_up(name: str) -> Sequence[str]:
        return left.pop(0)

    return look_up


def resolved(look_up: LookUp, times: int = 1) -> list[str]:
    async def go() -> list[str]:
        resolver = PublicResolver(look_up)
        for _ in range(times):
            found = await resolver.resolve("shop.example", 443)
        await resolver.close()
        return [result["host"] for result in found]

    return asyncio.run(go())


def addr_info(address: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    return (
        socket.AF_INET6 if ":" in address else socket.AF_INET,
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,
        "",
        (address, port),
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_no_socket_is_opened_for_a_private_address_from_any_source(address: str) -> None:
    with pytest.raises(BlockedAddress, match=address):
        guarded_sockets(None)(addr_info(address, 80))


def test_a_socket_is_opened_for_a_public_address() -> None:
    guarded_sockets(None)(addr_info("1.1.1.1", 80)).close()


def test_a_loopback_internet_allows_exactly_its_two_sockets() -> None:
    guarded_sockets(INTERNET)(addr_info("127.0.0.1", 40080)).close()
    guarded_sockets(INTERNET)(addr_info("127.0.0.1", 40443)).close()
    for address, port in [
        ("127.0.0.1", 80),
        ("127.0.0.1", 40081),
        ("127.0.0.2", 40080),
        ("1.1.1.1", 40080),
        ("::1", 40080),
    ]:
        with pytest.raises(BlockedAddress):
            guarded_sockets(INTERNET)(addr_info(address, port))


def test_32_a_name_with_public_and_private_addresses_resolves_to_the_public_ones() -> None:
    assert resolved(answering(["127.0.0.1", "1.1.1.1", "10.0.0.1", "2606:4700::1", "::1"])) == [
        "1.1.1.1",
        "2606:4700::1",
    ]


def test_34_a_name_that_resolves_to_a_private_address_the_second_time_is_rejected() -> None:
    with pytest.raises(BlockedAddress):
        resolved(answering(["1.1.1.1"], ["127.0.0.1"]), times=2)


def test_a_name_without_addresses_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        resolved(answering([]))


def test_a_loopback_internet_resolves_only_its_own_names() -> None:
    async def go(name: str) -> list[tuple[str, int]]:
        found = [
            *await LoopbackResolver(INTERNET).resolve(name, 80),
            *await LoopbackResolver(INTERNET).resolve(name, 443),
        ]
        return [(result["host"], result["port"]) for result in found]

    assert asyncio.run(go("SHOP.example.")) == [("127.0.0.1", 40080), ("127.0.0.1", 40443)]
    with pytest.raises(socket.gaierror):
        asyncio.run(go("example.com"))


def test_a_loopback_internet_is_written_and_read_and_accepts_only_loopback(tmp_path: Path) -> None:
    INTERNET.write(tmp_path / "internet.json")
    assert LoopbackInternet.read(tmp_path / "internet.json") == INTERNET
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is not a loopback address"):
        LoopbackInternet.model_validate(INTERNET.model_dump() | {"address": "10.0.0.1"})
