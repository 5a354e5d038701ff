"""The host limiter within one worker."""

import asyncio
import itertools

import pytest

from scrapersky.errors import FetchPostponed
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings


def limiter_of(*, slots: int = 2, interval: float = 0.0, acquire_timeout: float = 5.0) -> HostLimiter:
    """Return a limiter without leases."""
    return HostLimiter(
        Settings(
            web_requests_per_host=slots,
            web_host_interval_seconds=interval,
            web_host_acquire_timeout_seconds=acquire_timeout,
        )
    )


def starts(limiter: HostLimiter, *, spacing: float, polite: bool = True) -> list[float]:
    """Return the start times of four requests to one host."""
    times: list[float] = []

    async def request() -> None:
        async with limiter.slot("a.example", polite=polite, spacing=spacing, seconds=1.0):
            times.append(asyncio.get_running_loop().time())

    async def run() -> None:
        await asyncio.gather(*(request() for _ in range(4)))

    asyncio.run(run())
    return sorted(times)


def test_each_host_has_its_own_limit_of_concurrent_requests() -> None:
    async def go() -> tuple[int, int]:
        limiter = limiter_of(slots=2)
        busy = {"a.example": 0, "b.example": 0}
        most = dict(busy)
        gate = asyncio.Event()

        async def request(host: str) -> None:
            async with limiter.slot(host, polite=True, spacing=0.0, seconds=1.0):
                busy[host] += 1
                most[host] = max(most[host], busy[host])
                if sum(busy.values()) == 4:
                    gate.set()
                await gate.wait()
                busy[host] -= 1

        await asyncio.gather(*(request(host) for host in ["a.example", "b.example"] * 5))
        return most["a.example"], most["b.example"]

    assert asyncio.run(asyncio.wait_for(go(), 5)) == (2, 2)


def test_requests_to_one_host_start_the_requested_spacing_apart() -> None:
    times = starts(limiter_of(slots=4), spacing=0.02)
    assert all(later - earlier >= 0.019 for earlier, later in itertools.pairwise(times))


def test_requests_start_the_minimum_interval_apart_if_the_site_asks_for_less() -> None:
    times = starts(limiter_of(slots=4, interval=0.02), spacing=0.0)
    assert all(later - earlier >= 0.019 for earlier, later in itertools.pairwise(times))


def test_calls_of_an_api_have_no_minimum_interval() -> None:
    times = starts(limiter_of(slots=4, interval=5.0), spacing=0.0, polite=False)
    assert times[-1] - times[0] < 1


def test_a_long_cooldown_postpones_the_request_and_reports_when_it_ends() -> None:
    async def go() -> FetchPostponed:
        limiter = limiter_of(acquire_timeout=5)
        limiter.cool_down("a.example", 60, polite=True)
        limiter.cool_down("a.example", 1, polite=True)
        async with limiter.slot("b.example", polite=True, spacing=0.0, seconds=1.0):
            pass
        with pytest.raises(FetchPostponed) as caught:
            async with limiter.slot("a.example", polite=True, spacing=0.0, seconds=1.0):
                pass
        return caught.value

    postponed = asyncio.run(go())
    assert postponed.code == "host_cooldown"
    assert 55 < (postponed.retry_after or 0) <= 60


def test_a_call_of_an_api_waits_for_no_cooldown() -> None:
    async def go() -> None:
        limiter = limiter_of(acquire_timeout=600)
        limiter.cool_down("a.example", 60, polite=False)
        async with limiter.slot("a.example", polite=True, spacing=0.0, seconds=1.0):
            pass
        with pytest.raises(FetchPostponed, match="host_cooldown"):
            async with limiter.slot("a.example", polite=False, spacing=0.0, seconds=1.0):
                pass

    asyncio.run(go())


def test_a_request_that_waits_for_a_slot_also_waits_for_a_new_cooldown() -> None:
    async def go() -> float:
        limiter = limiter_of(slots=1)
        waits = asyncio.Event()

        async def second() -> float:
            await waits.wait()
            async with limiter.slot("a.example", polite=True, spacing=0.0, seconds=1.0):
                return asyncio.get_running_loop().time()

        async with limiter.slot("a.example", polite=True, spacing=0.0, seconds=1.0):
            waiting = asyncio.create_task(second())
            waits.set()
            await asyncio.sleep(0)
            limiter.cool_down("a.example", 0.1, polite=True)
            start = asyncio.get_running_loop().time()
        return await waiting - start

    assert asyncio.run(go()) >= 0.099


def test_a_request_that_waits_for_its_spacing_also_waits_for_a_new_cooldown() -> None:
    async def go() -> float:
        limiter = limiter_of(slots=2)

        async def second() -> float:
            async with limiter.slot("a.example", polite=True, spacing=0.0, seconds=1.0):
                return asyncio.get_running_loop().time()

        async with limiter.slot("a.example", polite=True, spacing=0.05, seconds=1.0):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.01)  # the second request has checked the cooldown already
            limiter.cool_down("a.example", 0.2, polite=True)
            start = asyncio.get_running_loop().time()
            return await waiting - start

    assert asyncio.run(go()) >= 0.199
