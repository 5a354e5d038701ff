"""The host leases of one worker: acquired at the first request to a host, kept alive between requests, then released.

One task does all the work in the database, one statement after the other. Requests for leases that arrive while a
statement runs go into the next one together, so a batch of ten records leases its ten hosts in one statement.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple, Self, TypeVar

from aws_lambda_powertools import Logger
from sqlalchemy import Connection

from scrapersky.database import Database
from scrapersky.errors import FetchPostponed, FetchRefused
from scrapersky.politeness import host_leases
from scrapersky.politeness.host_leases import CoolingDown, Held, LeaseResult, Suppressed
from scrapersky.settings import Settings

FIRST_POLL_SECONDS = 0.25
LONGEST_POLL_SECONDS = 2.0
"""Time between two attempts to lease a host that another worker holds; it doubles from first to longest."""

RELEASE_SECONDS = 1.0
"""How long a lease that is no longer kept waits for others, to be released with them."""

T = TypeVar("T")


class _Request(NamedTuple):
    """A host is wanted for ``seconds``."""

    seconds: float
    result: "asyncio.Future[LeaseResult]"


class LeaseManager:
    """Acquires and releases the host leases of one worker. Use as ``async with``, which releases all leases at its end.

    A lease lasts ``web_host_lease_seconds``, or as long as its request may take if that is longer. A host that is not
    used for ``web_host_keep_alive_seconds`` is released. ``holder`` is the invocation's request id, by which a pull
    recognises the hosts of its own worker.
    """

    def __init__(self, settings: Settings, database: Database, log: Logger, holder: str) -> None:
        self._settings = settings
        self._database = database
        self._log = log
        self._holder = holder
        self._in_use: Counter[str] = Counter()
        self._held_until: dict[str, float] = {}
        self._idle_since: dict[str, float] = {}
        self._next_start: dict[str, float] = {}
        self._cooldowns: dict[str, float] = {}
        self._requests: dict[str, _Request] = {}
        self._wake_up = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._closing = True
        self._wake_up.set()
        if self._task is not None:
            await self._task

    @asynccontextmanager
    async def use(self, host: str) -> AsyncIterator[None]:
        """Mark ``host`` as in use inside the block; the keep-alive time of its lease starts after the last use."""
        self._in_use[host] += 1
        try:
            yield
        finally:
            self._in_use[host] -= 1
            if not self._in_use[host]:
                del self._in_use[host]
                self._idle_since[host] = _now()
                self._wake_up.set()

    async def acquire(self, host: str, seconds: float) -> None:
        """Return once this worker holds ``host`` for at least ``seconds``.

        Raises :class:`~scrapersky.errors.FetchPostponed` when that takes longer than
        ``web_host_acquire_timeout_seconds``: ``host_busy``, ``host_cooldown``. Raises
        :class:`~scrapersky.errors.FetchRefused` ``suppressed`` for a host that must not be visited.
        """
        timeout = self._settings.web_host_acquire_timeout_seconds
        give_up_at, poll = _now() + timeout, FIRST_POLL_SECONDS
        while self._held_until.get(host, 0.0) - _now() < seconds:
            result = await self._request(host, seconds)
            left = give_up_at - _now()
            if isinstance(result, Held):
                return
            if isinstance(result, Suppressed):
                raise FetchRefused("suppressed", f"{host} is suppressed: its operator objected to being visited")
            if isinstance(result, CoolingDown) and result.seconds > left:
                reason = f"{host} may not be requested for another {result.seconds:.0f} s"
                raise FetchPostponed("host_cooldown", reason, result.seconds)
            if left <= 0:
                # Spread the retries of the records that wait for this host.
                after = timeout * random.uniform(0.5, 1.5)  # noqa: S311
                raise FetchPostponed("host_busy", f"another worker held {host} for more than {timeout:g} s", after)
            pause = result.seconds if isinstance(result, CoolingDown) else poll * random.uniform(0.5, 1)  # noqa: S311
            await asyncio.sleep(min(left, pause))
            poll = min(2 * poll, LONGEST_POLL_SECONDS)

    def started(self, host: str, spacing: float) -> None:
        """Record that a request has started: no worker may start another one for ``spacing`` seconds."""
        self._next_start[host] = _now() + spacing

    def cool_down(self, host: str, seconds: float) -> None:
        """Stop all workers from sending requests to ``host`` for ``seconds``; the database is updated in a moment."""
        self._held_until.pop(host, None)
        self._cooldowns[host] = max(seconds, self._cooldowns.get(host, 0.0))
        self._wake_up.set()

    async def _request(self, host: str, seconds: float) -> LeaseResult:
        wanted = max(seconds + self._settings.web_host_keep_alive_seconds, self._settings.web_host_lease_seconds)
        request = self._requests[host] = _Request(wanted, asyncio.get_running_loop().create_future())
        self._wake_up.set()
        return await request.result

    async def _run(self) -> None:
        """Execute all statements, one at a time, so that no host is acquired and released at once."""
        while not self._closing:
            with suppress(TimeoutError):
                first = min(map(self._keep_until, self._idle()), default=None)
                async with asyncio.timeout_at(first and first + RELEASE_SECONDS):
                    await self._wake_up.wait()
            self._wake_up.clear()
            await self._write_cooldowns()
            await self._acquire_requested()
            now = _now()
            idle = {host: self._keep_until(host) for host in self._idle()}
            if idle and min(idle.values()) + RELEASE_SECONDS <= now:
                await self._release([host for host, keep_until in idle.items() if keep_until <= now])
        await self._write_cooldowns()
        await self._release(list(self._held_until))
        for request in self._requests.values():
            request.result.cancel()

    def _idle(self) -> list[str]:
        return [host for host in self._held_until if host not in self._in_use]

    def _keep_until(self, host: str) -> float:
        keep_alive = self._settings.web_host_keep_alive_seconds
        return max(self._idle_since.get(host, 0.0) + keep_alive, self._next_start.get(host, 0.0))

    async def _acquire_requested(self) -> None:
        requests, self._requests = self._requests, {}
        wanted = {host: request.seconds for host, request in requests.items() if not request.result.done()}
        if not wanted:
            return
        asked_at = _now()  # read before the statement, so that a lease ends here before it ends in the database
        try:
            results = await self._query(lambda connection: host_leases.acquire(connection, self._holder, wanted))
        except Exception as error:
            for host in wanted:
                if not requests[host].result.done():
                    requests[host].result.set_exception(error)
            return
        for host, result in results.items():
            if isinstance(result, Held):
                self._held_until[host] = asked_at + result.seconds
            if not requests[host].result.done():  # done: the request was cancelled; the idle host is released later
                requests[host].result.set_result(result)

    async def _write_cooldowns(self) -> None:
        cooldowns, self._cooldowns = self._cooldowns, {}
        for host, seconds in cooldowns.items():
            await self._execute(partial(host_leases.cool_down, host=host, seconds=seconds))

    async def _release(self, hosts: list[str]) -> None:
        now = _now()
        for host in hosts:
            self._held_until.pop(host)
        if hosts:
            waits = {host: max(0.0, self._next_start.pop(host, 0.0) - now) for host in hosts}
            await self._execute(lambda connection: host_leases.release(connection, self._holder, waits))

    async def _execute(self, statement: Callable[[Connection], None]) -> None:
        try:
            await self._query(statement)
        except Exception:
            self._log.exception("could not update the host leases; they expire by themselves")

    async def _query(self, statement: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._database.autocommit() as connection:
                return statement(connection)

        return await self._database.in_thread(run)


def _now() -> float:
    return asyncio.get_running_loop().time()
