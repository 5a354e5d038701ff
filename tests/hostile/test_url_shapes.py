"""Hostile inputs 39 to 47: URLs that parsers read differently, and invalid URLs."""

import asyncio
from collections.abc import Sequence

import pytest

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from tests.hostile.conftest import InternalService

SHAPES = {
    "39-file": "file:///etc/passwd",
    "39-gopher": "gopher://127.0.0.1:6379/_INFO",
    "39-ftp": "ftp://shop.example/",
    "39-data": "data:text/html,x",
    "39-javascript": "javascript:alert(1)",
    "40": "http://user:pw@shop.example/",
    "40-empty": "http://@shop.example/",
    "41": "http://1.1.1.1@127.0.0.1/",
    "42-host": "http://127.0.0.1\\@shop.example/",
    "42-other-way": "http://shop.example@\\127.0.0.1/",
    "42-slashes": "http:\\\\127.0.0.1\\",
    "43-address": "http://%31%32%37.0.0.1/",
    "43-name": "http://lo%63alhost/",
    "44-one-slash": "http:/127.0.0.1/",
    "44-no-slash": "http:127.0.0.1",
    "44-no-scheme": "//127.0.0.1/",
    "44-three-slashes": "http:///127.0.0.1/",
    "45-0": "http://shop.example:0/",
    "45-22": "http://shop.example:22/",
    "45-25": "http://shop.example:25/",
    "45-6379": "http://shop.example:6379/",
    "45-99999": "http://shop.example:99999/",
    "46-tab": "http://shop.example/\tx",
    "46-crlf": "http://shop.example/\r\nX-Injected: 1",
    "46-lf-host": "http://shop\n.example/",
    "46-header": "http://shop.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
    "47": "http://shop.example/" + "a" * 8_192,
    "no-host": "http://",
    "empty": "",
    "surrogate": "http://shop.example/\ud800",
    "bracket": "http://[::1/",
}
BLOCKED = {"43-address", "43-name"}


@pytest.mark.parametrize("number", SHAPES)
def test_a_url_of_a_hostile_shape_is_rejected_before_any_look_up_or_connection(number: str) -> None:
    looked_up: list[str] = []

    async def look_up(name: str) -> Sequence[str]:
        looked_up.append(name)
        return ["127.0.0.1"]

    async def go() -> FetchError:
        async with WebClient(Settings(), HostLimiter(Settings()), look_up=look_up) as web:
            with pytest.raises(FetchError) as caught:
                await web.get(SHAPES[number])
            return caught.value

    failure = asyncio.run(go())
    assert failure.code == ("blocked_address" if number in BLOCKED else "invalid_url")
    assert looked_up == (["localhost"] if number == "43-name" else [])
    assert len(str(failure)) < 500
    assert str(failure).isprintable()


def test_45_an_allowed_port_of_a_local_address_is_not_dialled(internal: InternalService) -> None:
    async def go() -> None:
        settings = Settings(web_ports=str(internal.port))
        async with WebClient(settings, HostLimiter(settings)) as web:
            with pytest.raises(FetchError, match="blocked_address"):
                await web.get(f"http://127.0.0.1:{internal.port}/", robots=False)

    asyncio.run(go())
    assert not internal.was_dialled()
