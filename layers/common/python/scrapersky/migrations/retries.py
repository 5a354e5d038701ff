"""Retries: a migration under live traffic that does not get its locks is tried again later.

Warning: a migration that waits for a lock blocks everything behind it, readers included. So each try waits for at most
``lock_timeout`` and then releases all its locks. Only the time between tries is long.
"""

import random
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from scrapersky import migrations
from scrapersky.database import sqlstate

LOCKED_OUT = frozenset({"55P03", "40P01"})
"""SQLSTATEs of a try that did not get its locks (lock_timeout, or the victim of a deadlock): it changed nothing."""

MAX_WAIT_SECONDS = 30.0


def upgrade_with_retries(
    engine: Engine,
    *,
    seconds: float,
    lock_timeout: float = migrations.LOCK_TIMEOUT_SECONDS,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Upgrade to the newest revision, step by step (:func:`~scrapersky.migrations.take_step`); return the revision.

    Try a step again for ``seconds`` in all while the locks are held, after 1, 2, 4 … 30 seconds, less up to half of it at
    random so that two deployments do not collide again. ``engine`` must not be in AUTOCOMMIT. Raise the last
    :class:`~sqlalchemy.exc.DBAPIError`; then its step has changed nothing, unless it is an online one.
    """
    give_up = clock() + seconds
    tries, last = 0, False
    while not last:
        try:
            left = max(1.0, give_up - clock())
            revision, last = migrations.take_step(engine, lock_timeout=lock_timeout, seconds=left)
            tries = 0
        except DBAPIError as error:
            pause = random.uniform(0.5, 1) * min(MAX_WAIT_SECONDS, 2.0**tries)  # noqa: S311
            if sqlstate(error) not in LOCKED_OUT or clock() + pause + lock_timeout > give_up:
                raise
            tries += 1
            wait(pause)
    return revision
