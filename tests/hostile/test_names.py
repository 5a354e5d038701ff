"""Hostile inputs 31 to 38: names that resolve to internal addresses, or not at all.

32 and 34 are in tests/unit/web/test_guard.py: here a public address would be connected to.
"""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from tests.hostile.conftest import InternalService


def failure_of(url: str, answer: Sequence[str] | Exception, port: int = 80) -> FetchError:
    async def look_up(name: str) -> Sequence[str]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def go() -> FetchError:
        settings = Settings(web_ports=f"80,443,{port}", web_request_deadline_seconds=5)
        async with WebClient(settings, HostLimiter(settings), look_up=look_up) as web:
            with pytest.raises(FetchError) as caught:
                await web.get(url)
            return caught.value

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("shop.example", ["10.0.0.5"]),
        ("shop.example", ["169.254.169.254"]),
        ("shop.example", ["127.0.0.1"]),
        ("shop.example", ["127.0.0.1", "::1", "10.1.1.1"]),
        ("shop.example", ["::ffff:127.0.0.1"]),
        ("shop.example", ["fe80::1%2"]),
        ("127.0.0.1.nip.example", ["127.0.0.1"]),
    ],
    ids=["31", "31-metadata", "31-loopback", "32-all-private", "33", "33-zone", "37"],
)
def test_a_name_with_only_private_addresses_is_rejected(
    name: str, addresses: list[str], internal: InternalService
) -> None:
    failure = failure_of(f"http://{name}:{internal.port}/", addresses, internal.port)
    assert failure.code == "blocked_address"
    assert name in failure.reason
    assert not internal.was_dialled()


@pytest.mark.parametrize(
    "answer",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        [],
    ],
    ids=["35-nxdomain", "35-servfail", "35-empty"],
)
def test_a_name_that_does_not_resolve_is_a_dns_error(answer: Sequence[str] | Exception) -> None:
    assert failure_of("http://shop.example/", answer).code == "dns"


@pytest.mark.parametrize(
    "name",
    [
        f"{'a' * 64}.example",
        "a..example",
        ".example",
        "xn--a",
        "xn--a.example",
        "shop\x00.example",
        "shop%00.example",
        "a" * 300,
    ],
    ids=[
        "36-long-label",
        "36-empty-label",
        "36-leading-dot",
        "36-punycode",
        "36-punycode-label",
        "38",
        "38-encoded",
        "36-long",
    ],
)
def test_an_invalid_name_is_an_invalid_url(name: str) -> None:
    assert failure_of(f"http://{name}/", ["1.1.1.1"]).code == "invalid_url"
