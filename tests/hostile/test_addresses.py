"""Hostile inputs 1 to 30: every spelling of an address that the crawler must not connect to."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from scrapersky.web.loopback import LoopbackInternet
from tests.hostile.conftest import InternalService
from tests.hostile.server import answer, hostile_internet


def code_of(url: str, **settings: Any) -> str:
    """Return the code of the error for a request to ``url``, or "fetched"."""

    async def go() -> str:
        known = Settings(**{"web_request_deadline_seconds": 5, **settings})
        async with WebClient(known, HostLimiter(known)) as web:
            try:
                await web.get(url, robots=False)
            except FetchError as failure:
                return failure.code
            return "fetched"

    return asyncio.run(go())


LOCAL = {
    "01": "http://127.0.0.1:{port}/",
    "02": "http://127.1:{port}/",
    "03": "http://2130706433:{port}/",
    "04": "http://0x7f000001:{port}/",
    "05": "http://0177.0.0.1:{port}/",
    "06": "http://0:{port}/",
    "07": "http://0.0.0.0:{port}/",
    "08": "http://127.255.255.254:{port}/",
    "09": "http://[::1]:{port}/",
    "10": "http://[::]:{port}/",
    "11": "http://[::ffff:127.0.0.1]:{port}/",
    "12": "http://[::ffff:7f00:1]:{port}/",
    "13": "http://①②⑦.⓪.⓪.①:{port}/",
    "14": "http://127。0。0。1:{port}/",
    "14-fullwidth": "http://１２７．０．０．１:{port}/",
    "15": "http://localhost:{port}/",
    "15-dot": "http://LOCALHOST.:{port}/",
    "20": "http://127.0.0.1:{port}/2018-06-01/runtime/invocation/next",
    "21": "http://localhost:{port}/secretsmanager/get?secretId=x",
    "https": "https://127.0.0.1:{port}/",
}


@pytest.mark.parametrize("url", LOCAL.values(), ids=LOCAL.keys())
def test_no_spelling_of_a_local_address_is_dialled(url: str, internal: InternalService) -> None:
    # The port is allowed here, so that only the address check protects the internal service.
    assert code_of(url.format(port=internal.port), web_ports=f"80,443,{internal.port}") == "blocked_address"
    assert not internal.was_dialled()


@pytest.mark.parametrize("url", [LOCAL["01"], LOCAL["20"], LOCAL["15"]], ids=["01", "20", "15"])
def test_a_port_that_is_not_allowed_is_rejected_before_the_address(url: str, internal: InternalService) -> None:
    assert code_of(url.format(port=internal.port)) == "invalid_url"
    assert not internal.was_dialled()


def test_20_the_runtime_api_of_lambda_is_not_dialled(
    internal: InternalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{internal.port}")
    url = f"http://127.0.0.1:{internal.port}/2018-06-01/runtime/invocation/next"
    assert code_of(url, web_ports=f"{internal.port}") == "blocked_address"
    assert not internal.was_dialled()


def test_the_internal_service_detects_a_connection(internal: InternalService) -> None:
    socket.create_connection(("127.0.0.1", internal.port)).close()
    assert internal.was_dialled()


ELSEWHERE = {
    "16-10": "http://10.0.0.1/",
    "16-172": "http://172.31.255.255/",
    "16-192": "http://192.168.1.1/",
    "17": "http://169.254.169.254/latest/meta-data/",
    "18": "http://[fd00:ec2::254]/",
    "19": "http://169.254.170.2/v2/credentials/x",
    "22": "http://100.64.0.1/",
    "23": "http://198.18.0.1/",
    "24-multicast": "http://224.0.0.1/",
    "24-broadcast": "http://255.255.255.255/",
    "25": "http://[64:ff9b::a9fe:a9fe]/",
    "26": "http://[2002:7f00:1::]/",
    "27": "http://[2001:0:53aa:64c::1]/",
    "28": "http://[fec0::1]/",
    "29": "http://[fe80::1]/",
    "30": "http://168.63.129.16/",
}


@pytest.mark.parametrize("url", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_no_special_address_is_dialled(url: str) -> None:
    assert code_of(url) == "blocked_address"


def test_29_an_address_with_a_zone_is_an_invalid_url() -> None:
    assert code_of("http://[fe80::1%25eth0]/") == "invalid_url"


def test_a_loopback_internet_rejects_addresses_even_that_of_its_own_server(tmp_path: Path) -> None:
    async def go() -> tuple[str, int]:
        async with hostile_internet({"shop.example": {"*": answer(200)}}, tmp_path) as internet:
            file = internet.settings.web_loopback_internet
            assert file is not None
            port = LoopbackInternet.read(file).http_port
            settings = internet.settings.model_copy(update={"web_ports": f"80,{port}"})
            async with WebClient(settings, HostLimiter(settings)) as web:
                with pytest.raises(FetchError) as caught:
                    await web.get(f"http://127.0.0.1:{port}/", robots=False, headers={"Host": "shop.example"})
            return caught.value.code, internet.connections

    assert asyncio.run(go()) == ("blocked_address", 0)
