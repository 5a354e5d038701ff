"""The function's one connection to Postgres: a pool of one, TLS, timeouts, and a new login after a password rotation.

It works behind a pooler in transaction mode: a session has no state. The only parameter at startup is the application's
name, because poolers refuse others, and each statement is sent with one Sync (:mod:`scrapersky.postgres`).

A statement in AUTOCOMMIT is one round trip; begin, statement and commit are three. So verbs of one statement run in
AUTOCOMMIT (:meth:`Database.autocommit`), and only a transition with a job's writes is a transaction.

Warning: the engine itself must be in AUTOCOMMIT. If it is set per connection, the pool's ping has already opened a
transaction, pg8000 continues inside it, and everything is rolled back without an error.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Any, ParamSpec, TypeVar

import pg8000.dbapi
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from scrapersky.postgres import PostgresConnection
from scrapersky.settings import Settings, SettingsError
from scrapersky.tls import tls_context

RECYCLE_SECONDS = 1_500
WRONG_PASSWORD = frozenset({"28P01", "28000"})
"""SQLSTATEs of a refused login: the password may have been rotated since the secret was read."""

LOST_RACE = frozenset({"40001", "40P01"})
"""SQLSTATEs of a transaction that lost a race for locks: it changed nothing and may be run again."""
TRIES = 3

READ_ONLY = "25006"
"""SQLSTATE of a write to a read-only server. After a failover a connection may still lead to the former writer."""

LOCKED = "55P03"
ONCE_MORE = ("0A000", "25P03", "57014")
PASSING = ("08", READ_ONLY, "26000", "28", "40", "53", "57P", "58", LOCKED, *ONCE_MORE)
"""Starts of SQLSTATEs that say nothing about the result: a broken connection, a server that is read-only until a failover
ends, a pooler that changed servers, a refused login, a lost race for locks, a database without resources, one that shuts
down or starts, an error of its system, a lock that others hold. :data:`ONCE_MORE` may lie in a write: a plan from before
a migration, a statement or transaction that timed out or was cancelled."""

ROLE_SETTINGS: Mapping[str, str] = {
    "statement_timeout": "60s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "60s",
    # Our statements need the first rows in the order of an index; a bitmap scan reads and sorts all rows.
    "enable_bitmapscan": "off",
    # A plan that is kept from when a table was small would read all of it when it is large.
    "enable_seqscan": "off",
}
"""What the functions' role must have. They set it themselves only where they are connected to Postgres directly."""

ANSWER_MARGIN_SECONDS = 5.0
"""Added to the statement timeout: the server is to cancel a slow statement, and not the client."""

AFTER_COMMIT = "after_commit"
ReadSecret = Callable[..., str]
P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Connects on first use. ``application`` is the default actor in the audit trail.

    ``end`` is the monotonic time after which nothing waits for the database any more: the end of the invocation.
    """

    def __init__(self, settings: Settings, application: str, read_secret: ReadSecret) -> None:
        self.end = math.inf
        self._settings = settings
        self._application = application
        self._read_secret = read_secret
        self._connect_error: Exception | None = None

    @cached_property
    def engine(self) -> Engine:
        """The engine: one pooled connection, checked before use and renewed every 25 minutes."""
        engine = create_engine(
            "postgresql+pg8000://",
            creator=self._connect,
            isolation_level="AUTOCOMMIT",
            poolclass=QueuePool,
            hide_parameters=True,  # errors are logged, and parameters hold addresses
            pool_size=1,
            max_overflow=0,
            pool_recycle=RECYCLE_SECONDS,
        )
        # Not pool_pre_ping, which costs a round trip at each use and waits as long as for a statement.
        event.listen(engine, "checkout", _check)
        event.listen(engine, "handle_error", _replace_if_read_only)
        return engine

    def time_left(self) -> float:
        """Return the seconds until :attr:`end`."""
        return self.end - time.monotonic()

    async def in_thread(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call ``function`` in the database's own thread, one call at a time, in the order of the calls.

        Jobs that block all other threads do not delay it, and two calls never compete for the one connection.
        """
        call = partial(function, *args, **options)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="database")

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Yield a connection on which every statement is a transaction of its own."""
        with self._checked_out() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: committed at the end, rolled back on an exception."""
        with self._checked_out() as connection:
            actions = connection.info[AFTER_COMMIT] = []
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            except BaseException:
                # After a broken connection the server has rolled back, and the original error is the one to report.
                with suppress(SQLAlchemyError):
                    connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            for action in actions:
                action()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return the result of ``work`` in one transaction, which is tried again after a lost race for locks."""
        for _ in range(TRIES - 1):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DBAPIError as error:
                if sqlstate(error) not in LOST_RACE:
                    raise
        with self.transaction() as connection:
            return work(connection)

    def may_pass(self, error: BaseException) -> bool:
        """Return whether ``error`` is of the connection or of the server's state, so that another try may succeed."""
        if error is self._connect_error:
            return True
        if not isinstance(error, DBAPIError):
            return False
        return error.connection_invalidated or (sqlstate(error) or "").startswith(PASSING)

    def _checked_out(self) -> Connection:
        try:
            return self.engine.connect()
        except Exception as error:  # also of the secret's reader
            self._connect_error = error
            raise

    def _connect(self) -> PostgresConnection:
        if self._settings.database_url:
            return self._open(address_of_url(self._settings.database_url))
        if not self._settings.database_secret:
            raise SettingsError(
                "DATABASE_SECRET='': set it to the name or ARN of the secret that holds the database's address"
            )
        try:
            return self._open(json.loads(self._read_secret(self._settings.database_secret)))
        except pg8000.dbapi.Error as error:
            if sqlstate(error) not in WRONG_PASSWORD:
                raise
        return self._open(json.loads(self._read_secret(self._settings.database_secret, fresh=True)))

    def _open(self, address: dict[str, Any]) -> PostgresConnection:
        statement_timeout = self._settings.database_statement_timeout_seconds
        connection = PostgresConnection(
            user=address["username"],
            password=address["password"],
            host=address["host"],
            port=int(address.get("port", 5432)),
            database=address["dbname"],
            ssl_context=tls_context(address.get("sslmode", "verify-full"), address["host"], address.get("ca_pem")),
            application_name=self._application,
            connect_seconds=self._settings.database_connect_timeout_seconds,
            answer_seconds=statement_timeout + ANSWER_MARGIN_SECONDS,
            time_left=self.time_left,
        )
        lock_timeout = self._settings.lock_seconds
        own = {"statement_timeout": f"{statement_timeout * 1000:.0f}", "lock_timeout": f"{lock_timeout * 1000:.0f}"}
        connection.set_if_direct({**ROLE_SETTINGS, **own})
        return connection


def _check(connection: PostgresConnection, *_: object) -> None:
    """Replace a pooled connection that is broken."""
    if not connection.is_usable():
        raise DisconnectionError("the server does not answer")


def _replace_if_read_only(context: ExceptionContext) -> None:
    """Have a connection to a read-only server replaced at the next use, as if it were broken."""
    if sqlstate(context.original_exception) == READ_ONLY:
        context.is_disconnect = True


def after_commit(connection: Connection, action: Callable[[], object]) -> None:
    """Run ``action`` when the transaction of :meth:`Database.transaction` is committed; not if it is rolled back."""
    connection.info[AFTER_COMMIT].append(action)


def address_of_url(url: str) -> dict[str, Any]:
    """Return the parts of a SQLAlchemy URL, named as in the database secret. Loopback needs no TLS."""
    parsed = make_url(url)
    local = parsed.host in {"127.0.0.1", "localhost", "::1"}
    return {
        "username": parsed.username,
        "password": parsed.password,
        "host": parsed.host,
        "port": parsed.port or 5432,
        "dbname": parsed.database,
        "sslmode": "disable" if local else "verify-full",
    }


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of a pg8000 error, wrapped by SQLAlchemy or not; None if it has none (a broken socket)."""
    original = getattr(error, "orig", error)
    fields = original.args[0] if original.args else None
    return fields.get("C") if isinstance(fields, dict) else None
