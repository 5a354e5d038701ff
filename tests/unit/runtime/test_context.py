"""The deadline of one record: what it counts."""

import asyncio

import pytest

from scrapersky.runtime.context import Deadline


def test_a_deadline_is_moved_by_the_time_that_it_was_paused_but_not_behind_the_end() -> None:
    async def moved(end: float) -> tuple[float, float, float]:
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadline = Deadline(60, now + end)
        async with deadline.enforced():
            before = deadline.at
            async with deadline.paused():
                within = deadline.at
            return before - now, within - now, deadline.at - before

    before, within, later = asyncio.run(moved(end=600))
    assert [round(before), round(within)] == [60, 600]
    assert 0 < later < 30
    before, within, later = asyncio.run(moved(end=60))
    assert [round(before), round(within), later] == [60, 60, 0]


def test_a_deadline_that_passed_while_it_was_paused_stops_the_work() -> None:
    async def work() -> None:
        deadline = Deadline(60, asyncio.get_running_loop().time())
        async with deadline.enforced(), deadline.paused():
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(work())
