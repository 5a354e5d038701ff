"""Limits the requests of one worker to one host: how many at once, how far apart, and when again after a cooldown.

That only one worker at a time sends requests to a host is up to the :class:`LeaseManager`. Without one, as in unit
tests and benchmarks, the worker is alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from scrapersky.errors import FetchPostponed
from scrapersky.politeness.lease_manager import LeaseManager
from scrapersky.settings import Settings


@dataclass
class _Host:
    slots: asyncio.Semaphore
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start: float = 0.0
    cooldown_until: float = 0.0


class HostLimiter:
    """The request slots of every host, for one event loop. Implements :class:`scrapersky.web.exchange.Limiter`."""

    def __init__(self, settings: Settings, leases: LeaseManager | None = None) -> None:
        self._settings = settings
        self._leases = leases
        self._hosts: dict[tuple[str, bool], _Host] = {}

    @asynccontextmanager
    async def slot(self, host: str, *, polite: bool, spacing: float, seconds: float) -> AsyncIterator[None]:
        """Wait until a request to ``host`` may start, and hold one of the host's slots until the block ends.

        The request starts ``spacing`` seconds or more after the previous one, and takes ``seconds`` at most. With
        ``polite=False`` (calls of an API) there is no minimum interval, no lease, and no waiting for a cooldown. Raises
        :class:`~scrapersky.errors.FetchPostponed`: ``host_busy``, ``host_cooldown``.
        """
        state = self._host(host, polite)
        leases = self._leases if polite else None
        spacing = max(spacing, self._settings.web_host_interval_seconds) if polite else spacing
        timeout = self._settings.web_host_acquire_timeout_seconds if polite else 0.0
        async with leases.use(host) if leases else nullcontext(), state.slots:
            async with state.starting:  # the interval counts from the actual start, not from the planned one
                await _may_start(host, state, leases, seconds, timeout)
                state.next_start = _now() + spacing
                if leases:
                    leases.started(host, spacing)
            yield

    def cool_down(self, host: str, seconds: float, *, polite: bool) -> None:
        """Start no request to ``host`` for ``seconds``; a longer cooldown that is running already stays."""
        state = self._host(host, polite)
        state.cooldown_until = max(state.cooldown_until, _now() + seconds)
        if polite and self._leases:
            self._leases.cool_down(host, seconds)

    def _host(self, host: str, polite: bool) -> _Host:
        return self._hosts.setdefault((host, polite), _Host(asyncio.Semaphore(self._settings.web_requests_per_host)))


async def _may_start(
    host: str, state: _Host, leases: LeaseManager | None, seconds: float, acquire_timeout: float
) -> None:
    while True:
        if (cooldown := state.cooldown_until - _now()) > acquire_timeout:
            raise FetchPostponed("host_cooldown", f"{host} may not be requested for another {cooldown:.0f} s", cooldown)
        await asyncio.sleep(cooldown)
        if leases:
            await leases.acquire(host, seconds + max(state.next_start - _now(), 0.0))
        await asyncio.sleep(state.next_start - _now())
        if (
            state.cooldown_until <= _now()
        ):  # otherwise another request's answer started a cooldown while this one waited
            return


def _now() -> float:
    return asyncio.get_running_loop().time()
