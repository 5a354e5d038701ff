"""Politeness across workers: the web client's leases on hosts, kept in the database by one invocation."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from scrapersky.runtime.runtime import Runtime
from scrapersky.status import host_leases
from scrapersky.web.leases import Answer
from scrapersky.web.shared_leases import SharedLeases
from scrapersky.web.turns import Turns, WorkerTurns

T = TypeVar("T")


@asynccontextmanager
async def polite_turns(runtime: Runtime, one_connection: asyncio.Lock) -> AsyncIterator[Turns]:
    """The turns of one invocation's requests. At the end every host that it held is given back."""
    settings = runtime.settings
    async with SharedLeases(
        _Table(runtime, one_connection),
        lease_seconds=settings.web_host_lease_seconds,
        linger=settings.web_host_keep_alive_seconds,
        patience=settings.web_host_acquire_timeout_seconds,
    ) as leases:
        yield WorkerTurns(
            settings.web_requests_per_host,
            interval=settings.web_host_interval_seconds,
            patience=settings.web_host_acquire_timeout_seconds,
            leases=leases,
        )


class _Table:
    """The table ``host_leases`` as one invocation sees it; a :class:`~scrapersky.web.leases.LeaseStore`."""

    def __init__(self, runtime: Runtime, one_connection: asyncio.Lock) -> None:
        self._runtime = runtime
        self._one_connection = one_connection
        self._holder = uuid4().hex

    async def take(self, wanted: Mapping[str, float]) -> Mapping[str, Answer]:
        answers = await self._ask(lambda connection: host_leases.take(connection, self._holder, wanted))
        return {
            host: Answer(held=True, resting=False, seconds=answer.seconds)
            if isinstance(answer, host_leases.Held)
            else Answer(held=False, resting=answer.resting, seconds=answer.seconds)
            for host, answer in answers.items()
        }

    async def give_back(self, rests: Mapping[str, float]) -> None:
        await self._tell(lambda connection: host_leases.give_back(connection, self._holder, rests))

    async def rest(self, host: str, seconds: float) -> None:
        await self._tell(lambda connection: host_leases.rest(connection, host, seconds))

    async def _tell(self, something: Callable[[Connection], None]) -> None:
        try:
            await self._ask(something)
        except Exception:
            self._runtime.observer.log.exception("the leases on hosts could not be told; they end by themselves")

    async def _ask(self, something: Callable[[Connection], T]) -> T:
        def ask() -> T:
            with self._runtime.database.autocommit() as connection:
                return something(connection)

        async with self._one_connection:
            return await asyncio.to_thread(ask)
