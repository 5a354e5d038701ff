"""Politeness within one worker."""

import asyncio
import itertools

from scrapersky.web.turns import WorkerTurns


def test_no_more_than_the_limit_talk_to_one_host_at_once_and_hosts_do_not_wait_for_each_other() -> None:
    async def go() -> tuple[int, int]:
        turns = WorkerTurns(at_once=2)
        busy = {"a.example": 0, "b.example": 0}
        most = dict(busy)
        gate = asyncio.Event()

        async def request(host: str) -> None:
            async with turns.turn(host, 0.0):
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
            async with turns.turn("a.example", 0.02):
                starts.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(request() for _ in range(4)))
        return starts

    starts = sorted(asyncio.run(go()))
    assert all(later - earlier >= 0.019 for earlier, later in itertools.pairwise(starts))
