"""The overseer: the run's own connection to the database, which survives everything that the run does to Postgres."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky.database import sqlstate

PATIENCE_SECONDS = 30.0

T = TypeVar("T")


class Overseer:
    """Looks and acts by :meth:`do`, again and again while the database is away."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool, connect_args={"application_name": "chaos", "timeout": 60})

    def do(self, action: Callable[[Connection], T]) -> T:
        """``action`` on an AUTOCOMMIT connection. It may be done twice when the connection breaks in its middle."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    return action(connection)
            except (DBAPIError, OSError):
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)

    def ids(self, condition: str, number: int) -> list[int]:
        """At most ``number`` random records for which ``condition`` holds."""
        query = text(f"SELECT id FROM domains WHERE {condition} ORDER BY random() LIMIT :number")
        return self.do(lambda connection: list(connection.execute(query, {"number": number}).scalars()))

    def refusal(self, statement: str) -> str | None:
        """The SQLSTATE with which the database refuses ``statement``; None when it changed something."""

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
