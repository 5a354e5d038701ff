"""pg8000's connection, on which every broken socket is an InterfaceError.

pg8000 guards each read but the first of a message: a reset, or a timeout, that arrives there is a bare OSError, which
neither SQLAlchemy takes for a disconnect nor anybody notices who catches DBAPIError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pg8000.dbapi


class PostgresConnection(pg8000.dbapi.Connection):  # type: ignore[misc]  # pg8000 ships no types
    """A DB-API connection that raises nothing but :class:`pg8000.dbapi.Error`."""

    def handle_messages(self, context: Any) -> None:
        """Reads what the server answers. Raises InterfaceError when the socket breaks."""
        with _named():
            super().handle_messages(context)


def connect(**options: Any) -> PostgresConnection:
    """As ``pg8000.dbapi.connect``, whose ``options`` it takes. Raises InterfaceError when nobody answers."""
    with _named():
        return PostgresConnection(**options)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # SQLAlchemy knows a disconnect by these two words.
        raise pg8000.dbapi.InterfaceError(f"network error: {error}") from error
