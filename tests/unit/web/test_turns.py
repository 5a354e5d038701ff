"""Politeness within one worker."""

import asyncio
import itertools

import pytest

from scrapersky.errors import FetchError
from scrapersky.web.turns import WorkerTurns


def test_no_more_than_the_limit_talk_to_one_host_at_once_and_hosts_do_not_wait_for_each_other() -> None:
    async def go() -> tuple[int, int]:
        turns = WorkerTurns(at_once=2)
        busy = {"a.example": 0, "b.example": 0}
        most = dict(busy)
        gate = asyncio.Event()

        async def request(host: str) -> None:
            async with turns.turn(host, 0.0, 1.0):
                busy[host] += 1
                most[host] = max(most[host], busy[host])
                if sum(busy.values()) == 4:
                    gate.set()
                await gate.wait()
                busy[host] -= 1

        await asyncio.gather(*(request(host) for host in ["a.example", "b.example"] * 5))
        return most["a.example"], most["b.example"]

    assert asyncio.run(asyncio.wait_for(go(), 5)) == (2, 2)


def test_starts_at_one_host_are_as_far_apart_as_asked() -> None:
    async def go() -> list[float]:
        turns = WorkerTurns(at_once=4)
        starts: list[float] = []

        async def request() -> None:
            async with turns.turn("a.example", 0.02, 1.0):
                starts.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(request() for _ in range(4)))
        return starts

    starts = sorted(asyncio.run(go()))
    assert all(later - earlier >= 0.019 for earlier, later in itertools.pairwise(starts))


def test_starts_are_the_interval_apart_where_a_site_asks_for_less() -> None:
    async def go() -> list[float]:
        turns = WorkerTurns(at_once=4, interval=0.02)
        starts: list[float] = []

        async def request() -> None:
            async with turns.turn("a.example", 0.0, 1.0):
                starts.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(request() for _ in range(4)))
        return starts

    starts = sorted(asyncio.run(go()))
    assert all(later - earlier >= 0.019 for earlier, later in itertools.pairwise(starts))


def test_a_host_that_rests_for_long_is_not_asked_and_says_when_to_come_back() -> None:
    async def go() -> FetchError:
        turns = WorkerTurns(at_once=2, patience=5)
        turns.rest("a.example", 60)
        turns.rest("a.example", 1)
        async with turns.turn("b.example", 0.0, 1.0):
            pass
        with pytest.raises(FetchError) as caught:
            async with turns.turn("a.example", 0.0, 1.0):
                pass
        return caught.value

    refused = asyncio.run(go())
    assert refused.code == "host_resting"
    assert 55 < (refused.retry_after or 0) <= 60


def test_requests_that_wait_behind_one_that_is_told_to_stay_away_wait_as_well() -> None:
    async def go() -> float:
        turns = WorkerTurns(at_once=1, patience=5)
        told = asyncio.Event()

        async def second() -> float:
            await told.wait()
            async with turns.turn("a.example", 0.0, 1.0):
                return asyncio.get_running_loop().time()

        async with turns.turn("a.example", 0.0, 1.0):
            waiting = asyncio.create_task(second())
            told.set()
            await asyncio.sleep(0)
            turns.rest("a.example", 0.1)
            start = asyncio.get_running_loop().time()
        return await waiting - start

    assert asyncio.run(go()) >= 0.099


def test_a_request_that_waits_for_its_spacing_waits_for_a_rest_told_meanwhile_as_well() -> None:
    async def go() -> float:
        turns = WorkerTurns(at_once=2, patience=5)

        async def second() -> float:
            async with turns.turn("a.example", 0.0, 1.0):
                return asyncio.get_running_loop().time()

        async with turns.turn("a.example", 0.05, 1.0):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.01)  # it is past the question whether the host rests
            turns.rest("a.example", 0.2)
            start = asyncio.get_running_loop().time()
            return await waiting - start

    assert asyncio.run(go()) >= 0.199
