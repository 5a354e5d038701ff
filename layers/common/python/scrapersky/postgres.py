"""pg8000's connection with one round trip per statement, one Sync, and an end to every wait.

pg8000 sends three Syncs per statement and waits for each. That is slow, and behind a transaction pooler it is wrong: the
pooler may give the server connection to another client after each Sync, so that a client executes the statement of
another one without an error. pg8000 also raises a bare OSError when the socket breaks at the first read of a message;
SQLAlchemy does not recognise that as a disconnect, and ``except DBAPIError`` does not catch it.

Warning: this overrides private names of pg8000 (``_c``, ``_sock``, ``_usock``, ``_flush``, ``_write``), whose version is
pinned.
"""

import math
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property, lru_cache
from typing import Any

import pg8000.dbapi
import pg8000.exceptions
from pg8000.converters import make_params
from pg8000.core import (
    BIND,
    CLOSE,
    DESCRIBE,
    EXECUTE_MSG,
    NULL_BYTE,
    PARSE,
    STATEMENT,
    SYNC_MSG,
    Context,
    H_pack,
    _flush,
    _write,
    i_pack,
    i_unpack,
)

KNOWN_STATEMENTS = 256
"""Size of the cache of statements with numbered placeholders; a function has a few dozen."""

KEPT_AFTER = 3
"""How often a connection has executed a statement when it names it, so that the server keeps its plan."""

MOST_KEPT = 100
"""How many statements a connection names; each takes memory of the server."""

PLANS_KEPT_SECONDS = 60.0
"""How long plans are kept: one from when a table was small reads all of it later, if autovacuum has not analysed it yet."""

NO_SUCH_STATEMENT = "26000"

FRESH_SECONDS = 5.0
"""A connection that answered within this time is not asked again before it is used."""

WITH_VALUES = ("D", "W")
"""Fields of a server's error that quote values: the detail (the key or the row) and the context of the statement."""

DEAD_PEER = {
    socket.TCP_USER_TIMEOUT: 8_000,  # milliseconds
    socket.TCP_KEEPIDLE: 4,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 2,
}
"""The kernel gives up a connection whose other end acknowledges nothing for 8 seconds, such as after a failover."""


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
    """A DB-API connection whose only exceptions are :class:`pg8000.dbapi.Error`.

    ``connect_seconds`` limits connecting and the check of an idle connection, and ``answer_seconds`` the wait for an
    answer. ``time_left`` is asked before each wait, and limits it too.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        connect_seconds: float = 10.0,
        answer_seconds: float = 65.0,
        time_left: Callable[[], float] = lambda: math.inf,
        **options: Any,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._time_left = time_left
        self._keeps_plans = False
        self._planned_at = 0.0
        self._executed: Counter[str] = Counter()
        self._names: dict[str, bytes] = {}
        self._kept: set[str] = set()
        with _as_interface_error():
            super().__init__(host=host, port=port, sock=self._socket_to(host, port), **options)
        self._answered_at = time.monotonic()

    def cursor(self) -> PostgresCursor:
        """Return a :class:`PostgresCursor`."""
        return PostgresCursor(self)

    @cached_property
    def is_direct(self) -> bool:
        """Whether the server is Postgres itself. A pooler announces a process id of its own at the login.

        One that announces Postgres' own would pass on settings that all our functions may have.
        """
        (announced,) = i_unpack(self._backend_key_data or bytes(4))
        direct: bool = self.execute_simple("SELECT pg_backend_pid()").rows == [[announced]]
        return direct

    def set_if_direct(self, settings: Mapping[str, str]) -> None:
        """Set the session's ``settings`` and keep plans, if the server is Postgres itself.

        Behind a pooler they would reach other clients. There the settings of the role count, and each execution plans.
        """
        # Asked first, because RDS Proxy reserves a server connection for a client that sends set_config.
        if self.is_direct:
            each = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
            self.execute_simple(f"SELECT {each}")
            self._keeps_plans = True
            self._planned_at = time.monotonic()

    def is_usable(self) -> bool:
        """Return whether the server still answers. Asks it only if the connection was idle, or has something to read.

        Plans that were kept for long are dropped with the question, those of triggers, too.
        """
        now = time.monotonic()
        outdated = self._keeps_plans and now - self._planned_at > PLANS_KEPT_SECONDS
        poll = select.poll()
        poll.register(self._usock, select.POLLIN)
        if now - self._answered_at < FRESH_SECONDS and not outdated and not poll.poll(0):
            return True
        usual, self._answer_seconds = self._answer_seconds, self._connect_seconds
        try:
            self.execute_simple("DISCARD PLANS" if outdated else "SELECT 1")
            self._planned_at = now if outdated else self._planned_at
        except pg8000.dbapi.Error:
            return False
        finally:
            self._answer_seconds = usual
        return True

    def execute_unnamed(
        self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None
    ) -> Any:
        """Send Parse, Describe, Bind, Execute and one Sync together; after an error the server skips to the Sync.

        A statement that was executed often has a name, and is parsed and planned once only.
        """
        if stream is not None:
            return super().execute_unnamed(statement, vals, oids, stream)
        context = Context(statement)
        encoding = self._client_encoding
        name = b"" if oids else self._name_of(statement)
        is_kept = bool(name) and statement in self._kept
        text = b"" if is_kept else statement.encode(encoding)
        bind = bytearray(NULL_BYTE + name + NULL_BYTE + H_pack(0) + H_pack(len(vals)))
        for value in make_params(self.py_types, vals):
            encoded = None if value is None else value.encode(encoding)
            bind += i_pack(-1) if encoded is None else i_pack(len(encoded)) + encoded
        # From here on everything is encoded: a value that cannot be must fail before anything is sent.
        if name and not is_kept:
            # After an error the server may have the name. Closing one that it does not have is no error.
            self._send_message(CLOSE, STATEMENT + name + NULL_BYTE)
        if not is_kept:
            types = H_pack(len(oids)) + b"".join(i_pack(max(oid, 0)) for oid in oids)
            self._send_message(PARSE, name + NULL_BYTE + text + NULL_BYTE + types)
        self._send_message(DESCRIBE, STATEMENT + name + NULL_BYTE)
        self._send_message(BIND, bind + H_pack(0))
        _write(self._sock, EXECUTE_MSG + SYNC_MSG)
        _flush(self._sock)
        try:
            self.handle_messages(context)
        except pg8000.exceptions.DatabaseError as error:
            # The plan may no longer fit the tables, or a pooler that announced itself as Postgres has changed servers.
            self._kept.discard(statement)
            self._keeps_plans &= error.args[0].get("C") != NO_SUCH_STATEMENT
            raise
        if name:
            self._kept.add(statement)
        return context

    def _name_of(self, statement: str) -> bytes:
        """Return the name of a statement whose plan the server keeps; of another one the empty name."""
        if not self._keeps_plans:
            return b""
        if len(self._executed) > KNOWN_STATEMENTS:
            self._executed.clear()
        self._executed[statement] += 1
        if statement not in self._names and self._executed[statement] > KEPT_AFTER and len(self._names) < MOST_KEPT:
            self._names[statement] = b"kept_%d" % len(self._names)
        return self._names.get(statement, b"")

    def handle_messages(self, context: Any) -> None:
        """Read the server's answer. Raises InterfaceError when the socket breaks or the answer takes too long.

        An error of the server carries no values of rows and parameters: errors are logged, and values hold addresses.
        """
        with _as_interface_error():
            self._usock.settimeout(self._limited(self._answer_seconds))
            try:
                super().handle_messages(context)
            except pg8000.exceptions.DatabaseError as error:
                for field in WITH_VALUES:
                    error.args[0].pop(field, None)
                raise
        self._answered_at = time.monotonic()

    def close(self) -> None:
        """Close the connection, also a broken one: then the server cannot be informed, which is no error."""
        with suppress(pg8000.dbapi.InterfaceError) if self._usock else nullcontext():
            super().close()

    def _limited(self, seconds: float) -> float:
        """Return ``seconds``, or the time left if that is less. Raises TimeoutError when none is left."""
        limited = min(seconds, self._time_left())
        if limited <= 0:
            raise TimeoutError("no time is left to wait for the database")
        return limited

    def _socket_to(self, host: str, port: int) -> socket.socket:
        """Connect. The socket's timeout is what is left for the login; ``handle_messages`` sets one for each answer."""
        end = time.monotonic() + self._limited(self._connect_seconds)
        connected = _connected(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), end)
        connected.settimeout(max(0.1, end - time.monotonic()))
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in DEAD_PEER.items():
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
        return connected


def _connected(addresses: Sequence[tuple[Any, ...]], end: float) -> socket.socket:
    """Connect to the first of ``addresses`` that accepts until ``end``. Raises OSError.

    The standard library gives the whole time to each address, so a host of three would take three times as long. Here
    each has its share of what is left.
    """
    for number, (*_, address) in enumerate(addresses):
        try:
            share = (end - time.monotonic()) / (len(addresses) - number)
            return socket.create_connection(address[:2], max(0.1, share))
        except OSError:
            if number == len(addresses) - 1:
                raise
    raise AssertionError("getaddrinfo returns at least one address")


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
