"""The gate at the socket, and the resolvers in front of it."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from scrapersky.web.connector import LookUp, LoopbackResolver, PublicResolver, guard
from scrapersky.web.failures import BlockedAddress
from scrapersky.web.loopback import LoopbackInternet

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
def test_no_socket_is_made_for_a_private_address_wherever_the_address_came_from(address: str) -> None:
    with pytest.raises(BlockedAddress, match=address):
        guard(None)(addr_info(address, 80))


def test_a_socket_is_made_for_a_public_address() -> None:
    guard(None)(addr_info("1.1.1.1", 80)).close()


def test_in_a_loopback_internet_exactly_its_two_sockets_may_be_dialled() -> None:
    guard(INTERNET)(addr_info("127.0.0.1", 40080)).close()
    guard(INTERNET)(addr_info("127.0.0.1", 40443)).close()
    for address, port in [
        ("127.0.0.1", 80),
        ("127.0.0.1", 40081),
        ("127.0.0.2", 40080),
        ("1.1.1.1", 40080),
        ("::1", 40080),
    ]:
        with pytest.raises(BlockedAddress):
            guard(INTERNET)(addr_info(address, port))


def test_32_a_name_with_a_public_and_a_private_address_is_dialled_at_the_public_one_only() -> None:
    assert resolved(answering(["127.0.0.1", "1.1.1.1", "10.0.0.1", "2606:4700::1", "::1"])) == [
        "1.1.1.1",
        "2606:4700::1",
    ]


def test_34_a_name_that_turns_private_at_its_second_look_up_is_refused_then() -> None:
    with pytest.raises(BlockedAddress):
        resolved(answering(["1.1.1.1"], ["127.0.0.1"]), times=2)


def test_a_name_without_addresses_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        resolved(answering([]))


def test_a_loopback_internet_knows_its_own_names_and_no_others() -> None:
    async def go(name: str) -> list[tuple[str, int]]:
        found = [
            *await LoopbackResolver(INTERNET).resolve(name, 80),
            *await LoopbackResolver(INTERNET).resolve(name, 443),
        ]
        return [(result["host"], result["port"]) for result in found]

    assert asyncio.run(go("SHOP.example.")) == [("127.0.0.1", 40080), ("127.0.0.1", 40443)]
    with pytest.raises(socket.gaierror):
        asyncio.run(go("example.com"))


def test_a_loopback_internet_survives_its_file_and_lives_on_loopback_only(tmp_path: Path) -> None:
    INTERNET.write(tmp_path / "internet.json")
    assert LoopbackInternet.read(tmp_path / "internet.json") == INTERNET
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is not a loopback address"):
        LoopbackInternet.model_validate(INTERNET.model_dump() | {"address": "10.0.0.1"})
