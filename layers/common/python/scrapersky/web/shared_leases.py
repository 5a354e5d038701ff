"""Only one worker at a time speaks to a host, and a host that asks one worker for a rest gets it from all.

A host is taken at the first request, kept while requests go on and a little longer, and given back. What is wished for
while the store answers somebody else is asked in one go: a batch of ten records takes its ten hosts in one statement.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from scrapersky.web.leases import Answer, LeaseStore, busy, resting

FIRST_LOOK_SECONDS = 0.25
LONGEST_LOOK_SECONDS = 2.0
"""Between two looks at a host that another worker has."""


class SharedLeases:
    """The leases of one worker among many: ``async with`` it; what is still held at the end is given back there.

    A lease is taken for ``lease_seconds``, or as long as the request may take; a host not used for ``linger`` seconds is
    given back; one that others have is waited for up to ``patience`` seconds.
    """

    def __init__(self, store: LeaseStore, *, lease_seconds: float, linger: float, patience: float) -> None:
        self._store = store
        self._lease_seconds = lease_seconds
        self._linger = linger
        self._patience = patience
        self._in_use: Counter[str] = Counter()
        self._held_until: dict[str, float] = {}
        self._idle_since: dict[str, float] = {}
        self._next_start: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._wishes: dict[str, tuple[float, asyncio.Future[Answer]]] = {}
        self._something_to_do = asyncio.Event()
        self._closing = False
        self._clerk: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._clerk = asyncio.create_task(self._keep_the_store())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._closing = True
        self._something_to_do.set()
        if self._clerk is not None:
            await self._clerk

    @asynccontextmanager
    async def use(self, host: str) -> AsyncIterator[None]:
        """See :class:`Leases`."""
        self._in_use[host] += 1
        try:
            yield
        finally:
            self._in_use[host] -= 1
            if not self._in_use[host]:
                del self._in_use[host]
                self._idle_since[host] = _now()
                self._something_to_do.set()

    async def hold(self, host: str, seconds: float) -> None:
        """See :class:`Leases`."""
        give_up, pause = _now() + self._patience, FIRST_LOOK_SECONDS
        while self._held_until.get(host, 0.0) - _now() < seconds:
            wish = self._wishes[host] = (max(seconds + self._linger, self._lease_seconds), _future())
            self._something_to_do.set()
            answer = await wish[1]
            left = give_up - _now()
            if answer.held:
                return
            if answer.resting and answer.seconds > left:
                raise resting(host, answer.seconds)
            if left <= 0:
                raise busy(host, self._patience)
            soon = pause * random.uniform(0.5, 1)  # noqa: S311
            await asyncio.sleep(min(left, answer.seconds if answer.resting else soon))
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)

    def started(self, host: str, spacing: float) -> None:
        """See :class:`Leases`."""
        self._next_start[host] = _now() + spacing

    def rest(self, host: str, seconds: float) -> None:
        """See :class:`Leases`."""
        self._held_until.pop(host, None)
        self._rests[host] = max(seconds, self._rests.get(host, 0.0))
        self._something_to_do.set()

    async def _keep_the_store(self) -> None:
        """The only one who asks the store, one thing after the other, so that nothing is taken and given back at once."""
        while not self._closing:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(map(self._keep_until, self._idle()), default=None)):
                    await self._something_to_do.wait()
            self._something_to_do.clear()
            await self._tell_rests()
            await self._take()
            now = _now()
            await self._give_back([host for host in self._idle() if self._keep_until(host) <= now])
        await self._tell_rests()
        await self._give_back(list(self._held_until))
        for _, answer in self._wishes.values():
            answer.cancel()

    def _idle(self) -> list[str]:
        return [host for host in self._held_until if host not in self._in_use]

    def _keep_until(self, host: str) -> float:
        return max(self._idle_since.get(host, 0.0) + self._linger, self._next_start.get(host, 0.0))

    async def _tell_rests(self) -> None:
        rests, self._rests = self._rests, {}
        for host, seconds in rests.items():
            await self._store.rest(host, seconds)

    async def _take(self) -> None:
        wishes, self._wishes = self._wishes, {}
        wanted = {host: seconds for host, (seconds, answer) in wishes.items() if not answer.done()}
        if not wanted:
            return
        asked_at = _now()  # so that we believe a lease over before the store does
        try:
            answers = await self._store.take(wanted)
        except Exception as error:
            for host in wanted:
                _settle(wishes[host][1], error)
            return
        for host, answer in answers.items():
            if answer.held:
                self._held_until[host] = asked_at + answer.seconds
            _settle(wishes[host][1], answer)

    async def _give_back(self, hosts: list[str]) -> None:
        now = _now()
        for host in hosts:
            self._held_until.pop(host)
        if hosts:
            await self._store.give_back({host: max(0.0, self._next_start.pop(host, 0.0) - now) for host in hosts})


def _settle(future: "asyncio.Future[Answer]", answer: Answer | Exception) -> None:
    if future.done():  # whoever asked was cancelled; the host is given back by and by
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _future() -> "asyncio.Future[Answer]":
    return asyncio.get_running_loop().create_future()


def _now() -> float:
    return asyncio.get_running_loop().time()
