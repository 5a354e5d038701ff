"""Politeness: how many requests one host gets from us at once, how far apart they start, and when it is left alone.

Among the requests of one worker this is kept here. That only one worker at a time speaks to a host is kept by the
:mod:`leases <scrapersky.web.leases>` that the runtime hands in; without them, as in a unit test, a worker is alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from scrapersky.web.leases import Alone, Leases, resting


class Turns(Protocol):
    """Who may talk to a host now."""

    def turn(self, host: str, spacing: float, seconds: float) -> AbstractAsyncContextManager[None]:
        """Waits until a request to ``host`` may start, ``spacing`` seconds after the last start; holds until exit.

        The request takes ``seconds`` at most. Raises FetchError ``host_busy`` or ``host_resting``, with ``retry_after``,
        rather than wait for longer than is reasonable.
        """
        ...

    def rest(self, host: str, seconds: float) -> None:
        """``host`` asked for it: nobody starts a request there for ``seconds``."""
        ...


@dataclass
class _Host:
    free: asyncio.Semaphore
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start: float = 0.0
    rests_until: float = 0.0


class WorkerTurns:
    """Turns among the requests of one event loop: ``at_once`` to one host, ``interval`` seconds apart or more.

    A host that rests is waited for when its rest ends within ``patience`` seconds.
    """

    def __init__(
        self, at_once: int, *, interval: float = 0.0, patience: float = 0.0, leases: Leases | None = None
    ) -> None:
        self._at_once = at_once
        self._interval = interval
        self._patience = patience
        self._leases = leases or Alone()
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str, spacing: float, seconds: float) -> AsyncIterator[None]:
        """See :class:`Turns`."""
        state = self._host(host)
        async with self._leases.use(host), state.free:
            async with state.door:  # apart by when they did start, not by when they should have
                await self._start(host, state, max(spacing, self._interval), seconds)
            yield

    def rest(self, host: str, seconds: float) -> None:
        """See :class:`Turns`."""
        state = self._host(host)
        state.rests_until = max(state.rests_until, asyncio.get_running_loop().time() + seconds)
        self._leases.rest(host, seconds)

    def _host(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host(asyncio.Semaphore(self._at_once)))

    async def _start(self, host: str, state: _Host, spacing: float, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            if (rest := state.rests_until - clock()) > self._patience:
                raise resting(host, rest)
            await asyncio.sleep(rest)
            wait = state.next_start - clock()
            await self._leases.hold(host, seconds + max(wait, 0.0))
            await asyncio.sleep(state.next_start - clock())
            if state.rests_until <= clock():  # else a request under way was told so while this one waited
                break
        state.next_start = clock() + spacing
        self._leases.started(host, spacing)
