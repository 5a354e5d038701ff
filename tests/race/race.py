"""Deterministic races of two connections: the second operation runs while the first one's transaction is still open.

There are no sleeps: Postgres itself shows (``pg_blocking_pids``) when the second waits for a lock of the first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine, text

TIMEOUT_SECONDS = 20.0

WAITS_FOR = text("""
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE pid = :waiter AND wait_event_type = 'Lock' AND CAST(:holder AS int) = ANY (pg_blocking_pids(pid)))
""")

First = TypeVar("First")
Second = TypeVar("Second")


@dataclass(frozen=True)
class Result(Generic[First, Second]):
    """The results of both. ``waited``: the second was blocked until the first one's transaction ended."""

    first: First
    second: Second
    waited: bool


class Runner(Generic[Second]):
    """Runs ``operation`` in a thread, on a connection of its own in AUTOCOMMIT, as the runtime does."""

    def __init__(self, engine: Engine, operation: Callable[[Connection], Second]) -> None:
        self._engine = engine
        self._operation = operation
        self._value: list[Second] = []
        self._error: list[BaseException] = []
        self._pid: list[int] = []
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def until_it_waits_for(self, holder: int, watcher: Connection) -> bool:
        """Return True once it waits for a lock of the backend ``holder``, False when it ends without."""
        give_up = time.monotonic() + TIMEOUT_SECONDS
        while self._thread.is_alive():
            if time.monotonic() > give_up:
                raise TimeoutError("the second operation neither ended nor waited for the first")
            if self._pid and watcher.execute(WAITS_FOR, {"waiter": self._pid[0], "holder": holder}).scalar_one():
                return True
        return False

    def result(self) -> Second:
        """Return what the operation returned, or raise what it raised."""
        self._thread.join(TIMEOUT_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("the second operation is still blocked after the end of the first one's transaction")
        if self._error:
            raise self._error[0]
        return self._value[0]

    def _run(self) -> None:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                self._pid.append(backend(connection))
                self._value.append(self._operation(connection))
        except BaseException as error:
            self._error.append(error)


def race(
    engine: Engine,
    first: Callable[[Connection], First],
    second: Callable[[Connection], Second],
    *,
    commit: bool = True,
) -> Result[First, Second]:
    """Run ``first``, then ``second`` until it waits or ends; commit (or roll back) the first, and await the second.

    Raise what ``second`` raises.
    """
    with engine.connect() as holder, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        result = first(holder)
        runner = Runner(engine, second)
        waited = runner.until_it_waits_for(backend(holder), watcher)
        if commit:
            holder.commit()
        else:
            holder.rollback()
        return Result(result, runner.result(), waited)


def backend(connection: Connection) -> int:
    """Return the process id of the connection's backend."""
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
