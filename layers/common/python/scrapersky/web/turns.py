"""Politeness: how many requests one host gets from us at once, and how far apart they start.

This holds in one worker only. A limit across workers goes behind the same :class:`Turns`, handed to the web client.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Turns(Protocol):
    """Who may talk to a host now."""

    def turn(self, host: str, spacing: float) -> AbstractAsyncContextManager[None]:
        """Waits until a request to ``host`` may start, ``spacing`` seconds after the last start; holds until exit."""
        ...


@dataclass
class _Host:
    free: asyncio.Semaphore
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start: float = 0.0


class WorkerTurns:
    """Turns among the requests of one event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str, spacing: float) -> AsyncIterator[None]:
        """See :class:`Turns`."""
        state = self._hosts.setdefault(host, _Host(asyncio.Semaphore(self._at_once)))
        async with state.free:
            async with state.door:  # apart by when they did start, not by when they should have
                clock = asyncio.get_running_loop().time
                if (wait := state.next_start - clock()) > 0:
                    await asyncio.sleep(wait)
                state.next_start = clock() + spacing
            yield
