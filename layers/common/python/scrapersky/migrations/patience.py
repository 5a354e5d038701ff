"""Patience: a migration under live traffic that does not get its locks at once gives way, and tries again a little later.

The danger first: a migration that waits for a lock makes everybody behind it wait too, readers included. So each try waits
for no more than ``lock_timeout`` and then lets go of everything; what is long is only the time between tries.
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

LONGEST_WAIT_SECONDS = 30.0


def upgrade_patiently(
    engine: Engine,
    *,
    patience: float,
    lock_timeout: float = migrations.LOCK_TIMEOUT_SECONDS,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Upgrades to the newest revision, each try one transaction; returns the revision the database now has.

    Tries again for ``patience`` seconds while others hold the locks, after 1, 2, 4 … 30 seconds (less up to half of it, at
    random: two deploys should not meet again). ``engine`` must not be in AUTOCOMMIT. Raises the last
    :class:`~sqlalchemy.exc.DBAPIError`; then nothing has changed.
    """
    give_up = clock() + patience
    tries = 0
    while True:
        try:
            with engine.begin() as connection:
                return migrations.upgrade(connection, lock_timeout=lock_timeout)
        except DBAPIError as error:
            pause = random.uniform(0.5, 1) * min(LONGEST_WAIT_SECONDS, 2.0**tries)  # noqa: S311
            if sqlstate(error) not in LOCKED_OUT or clock() + pause + lock_timeout > give_up:
                raise
            tries += 1
            wait(pause)
