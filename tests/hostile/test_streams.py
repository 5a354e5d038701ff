"""Streams: a caller that stops early, reads slowly, or is cancelled."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from scrapersky.web.client import FetchError
from tests.hostile.server import Answer, dripping, endless, hostile_internet, raw, silence

HOME = "http://shop.example/"
OK = b"HTTP/1.1 200 OK\r\n"


def shop(home: Answer) -> dict[str, dict[str, Answer]]:
    return {"shop.example": {"/": home}}


def test_a_stream_gives_its_head_first_and_can_be_left_early(tmp_path: Path) -> None:
    async def go() -> tuple[int, int]:
        sites = shop(endless(OK + b"Content-Type: text/xml\r\n\r\n", b"x" * 65_536))
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
            web.stream(HOME, robots=False) as response,
        ):
            assert response.headers["content-type"] == "text/xml"
            async for chunk in response.chunks():
                return response.status, len(chunk)
        return 0, 0

    status, size = asyncio.run(go())
    assert status == 200
    assert size > 0


def test_the_deadline_of_a_stream_does_not_interrupt_the_caller(tmp_path: Path) -> None:
    async def go() -> tuple[str, bool]:
        sites = shop(dripping(OK + b"\r\n", b"x", 0.01))
        finished = False
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
            web.stream(HOME, robots=False, deadline=0.2) as response,
        ):
            chunks = response.chunks()
            await anext(chunks)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.4)  # the caller works beyond the deadline
            finished = True
            with pytest.raises(FetchError) as caught:
                await anext(chunks)
        return caught.value.code, finished

    assert asyncio.run(go()) == ("timeout", True)


def test_a_cancelled_request_ends_at_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with (
            hostile_internet(shop(silence), tmp_path) as internet,
            internet.client() as web,
        ):
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await web.get(HOME, robots=False)
            assert time.monotonic() - start < 1
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await web.get(HOME)

    asyncio.run(go())


def test_a_body_cut_off_by_the_server_is_kept_even_if_it_is_read_late(tmp_path: Path) -> None:
    async def go() -> tuple[bytes, bool]:
        sites = shop(raw(OK + b"Content-Length: 5000\r\n\r\n" + b"x" * 1_000))
        async with (
            hostile_internet(sites, tmp_path) as internet,
            internet.client() as web,
            web.stream(HOME, robots=False) as response,
        ):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.2)  # the caller works while the connection closes
            return b"".join([chunk async for chunk in response.chunks()]), response.truncated

    assert asyncio.run(go()) == (b"x" * 1_000, True)
