"""pg8000's connection with one round trip per statement, and an InterfaceError for every broken socket.

pg8000 waits for the server three times per statement, and parses the placeholders of each statement every time, which
was a third of the cost of saving a record. It also raises a bare OSError when the socket breaks at the first read of a
message; SQLAlchemy does not recognise that as a disconnect, and ``except DBAPIError`` does not catch it.

Warning: this overrides private names of pg8000 (``_c``, ``_sock``, ``_flush``, ``_write``), whose version is pinned.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pg8000.dbapi
from pg8000.converters import make_params
from pg8000.core import NULL_BYTE, SYNC_MSG, Context, _flush, _write

KNOWN_STATEMENTS = 256
"""Size of the cache of statements with numbered placeholders; a function has a few dozen."""


class PostgresCursor(pg8000.dbapi.Cursor):  # type: ignore[misc]  # pg8000 ships no types
    """A cursor that caches the statements with numbered placeholders."""

    _input_oids: Sequence[int]

    def execute(self, operation: str, args: Sequence[Any] = (), stream: Any = None) -> None:
        """Execute like :meth:`pg8000.dbapi.Cursor.execute`, in the paramstyle ``format``."""
        if not args or stream is not None or self._c is None or self._c._sock is None:
            super().execute(operation, args, stream)
            return
        if not self._c._in_transaction and not self._c.autocommit:
            self._c.execute_simple("begin transaction")
        self._context = self._c.execute_unnamed(_numbered(operation), vals=args, oids=self._input_oids)
        self._row_iter = None if self._context.rows is None else iter(self._context.rows)
        self._input_oids = ()


class PostgresConnection(pg8000.dbapi.Connection):  # type: ignore[misc]
    """A DB-API connection whose only exceptions are :class:`pg8000.dbapi.Error`."""

    def cursor(self) -> PostgresCursor:
        """Return a :class:`PostgresCursor`."""
        return PostgresCursor(self)

    def execute_unnamed(
        self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None
    ) -> Any:
        """Send Parse, Describe, Bind, Execute and one Sync together; after an error the server skips to the Sync."""
        if stream is not None:
            return super().execute_unnamed(statement, vals, oids, stream)
        context = Context(statement)
        values = make_params(self.py_types, vals)
        for value in values:
            if value is not None:
                value.encode(self._client_encoding)  # an unencodable value must fail before anything is sent
        self.send_PARSE(NULL_BYTE, statement, oids)
        self.send_DESCRIBE_STATEMENT(NULL_BYTE)
        self.send_BIND(NULL_BYTE, values)
        self.send_EXECUTE()
        _write(self._sock, SYNC_MSG)
        _flush(self._sock)
        self.handle_messages(context)
        return context

    def handle_messages(self, context: Any) -> None:
        """Read the server's answer. Raises InterfaceError when the socket breaks."""
        with _as_interface_error():
            super().handle_messages(context)


def connect(**options: Any) -> PostgresConnection:
    """Connect with the ``options`` of ``pg8000.dbapi.connect``. Raises InterfaceError when the server does not answer."""
    with _as_interface_error():
        return PostgresConnection(**options)


@lru_cache(KNOWN_STATEMENTS)
def _numbered(statement: str) -> str:
    """Return ``statement`` with ``$1``, ``$2`` … for each ``%s``."""
    numbered: str
    numbered, _ = pg8000.dbapi.convert_paramstyle("format", statement, ())
    return numbered


@contextmanager
def _as_interface_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # SQLAlchemy recognises a disconnect by these two words.
        raise pg8000.dbapi.InterfaceError(f"network error: {error}") from error
