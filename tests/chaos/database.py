"""The run's own access to the database, which survives restarts of Postgres, and the passing of virtual time in it."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky.database import sqlstate

TIMEOUT_SECONDS = 30.0

# The status machine compares stored times with now(). So an hour passes when the stored times of everything open move
# back by an hour. Rows that another transaction holds are skipped and age later: nothing here may wait for the code
# under test.
LEASES = text("""
UPDATE attempts SET lease_until = lease_until - make_interval(secs => :seconds)
FROM (SELECT attempt_id FROM attempts WHERE finished_at IS NULL ORDER BY attempt_id FOR UPDATE SKIP LOCKED) AS live
WHERE attempts.attempt_id = live.attempt_id
""")
DUE = text("""
UPDATE domains SET due_at = domains.due_at - make_interval(secs => :seconds)
FROM (SELECT id FROM domains WHERE due_at > now() ORDER BY id FOR UPDATE SKIP LOCKED) AS waiting
WHERE domains.id = waiting.id
""")
PAUSES = text("""
UPDATE pauses SET paused_until = paused_until - make_interval(secs => :seconds)
WHERE resumed_at IS NULL AND paused_until IS NOT NULL
""")

T = TypeVar("T")


def pass_time(connection: Connection, seconds: float) -> None:
    """Let ``seconds`` pass for the metadata workflow. Needs an AUTOCOMMIT connection."""
    for statement in (LEASES, DUE, PAUSES):
        connection.execute(statement, {"seconds": seconds})


class AdminConnection:
    """A connection that is opened for each action, and opened again while the database is away."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool, connect_args={"application_name": "chaos", "timeout": 60})

    def do(self, action: Callable[[Connection], T]) -> T:
        """Run ``action`` on an AUTOCOMMIT connection. It may run twice when the connection breaks meanwhile."""
        give_up = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    return action(connection)
            except (DBAPIError, OSError):
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)

    def ids(self, condition: str, number: int) -> list[int]:
        """Return at most ``number`` random records for which ``condition`` holds."""
        query = text(f"SELECT id FROM domains WHERE {condition} ORDER BY random() LIMIT :number")
        return self.do(lambda connection: list(connection.execute(query, {"number": number}).scalars()))

    def rejection(self, statement: str) -> str | None:
        """Return the SQLSTATE with which the database rejects ``statement``, None when it changed a row."""

        def attempt(connection: Connection) -> str | None:
            try:
                changed = connection.execute(text(statement)).rowcount
            except DBAPIError as error:
                state = sqlstate(error)
                if state is None:
                    raise
                return state
            return None if changed else "no row"

        return self.do(attempt)
