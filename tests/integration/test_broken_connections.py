"""A broken connection is a DBAPIError wherever it breaks, and the next use has a new connection."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import READ_ONLY, Database, sqlstate
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings
from tests.chaos.proxy import Mode, Proxy
from tests.race.race import TIMEOUT_SECONDS

LOCK = 20_261_123
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND wait_event_type = 'Lock'"
GONE = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = :pid"


@pytest.fixture
def wire(database_url: str) -> Iterator[Proxy]:
    """Yield a TCP proxy between a function and Postgres, which a test can cut."""
    with Proxy.before(make_url(database_url).port or 5432) as proxy:
        yield proxy


@pytest.fixture
def database(environment: dict[str, str], database_url: str, wire: Proxy) -> Database:
    """A function's database behind the TCP proxy."""
    url = make_url(database_url).set(port=wire.port).render_as_string(hide_password=False)
    return Database(Settings(database_url=url), "function", read_secret)


def query(database: Database, statement: str) -> int:
    with database.autocommit() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def wait_until(connection: Connection, condition: str, pid: int) -> None:
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not connection.execute(text(condition), {"pid": pid}).scalar_one():
        assert time.monotonic() < give_up, f"timed out: {condition} with pid {pid}"


def test_a_reset_while_waiting_for_an_answer_is_a_dbapi_error_and_the_next_use_reconnects(
    database: Database, wire: Proxy, connection: Connection
) -> None:
    before = query(database, "SELECT pg_backend_pid()")
    connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
    with ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(query, database, f"SELECT count(*) FROM pg_advisory_lock({LOCK})")
        wait_until(connection, WAITS, before)
        wire.cut()
        with pytest.raises(DBAPIError, match="network error") as raised:
            waiting.result()
    connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
    assert raised.value.connection_invalidated
    assert query(database, "SELECT pg_backend_pid()") != before


def test_a_reset_in_a_transaction_raises_its_own_error_and_not_that_of_the_rollback(
    database: Database, wire: Proxy, connection: Connection
) -> None:
    before = query(database, "SELECT pg_backend_pid()")

    def break_in_the_middle() -> None:
        with database.transaction() as function:
            wire.cut()
            wait_until(connection, GONE, before)
            function.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError, match="network error"):
        break_in_the_middle()
    assert query(database, "SELECT pg_backend_pid()") != before


def test_a_connection_that_was_reset_between_invocations_is_replaced_silently(
    database: Database, wire: Proxy, connection: Connection
) -> None:
    before = query(database, "SELECT pg_backend_pid()")
    wire.cut()
    wait_until(connection, GONE, before)
    assert query(database, "SELECT pg_backend_pid()") != before


def test_a_connection_to_a_server_that_has_become_read_only_is_replaced(database: Database) -> None:
    before = query(database, "SELECT pg_backend_pid()")
    query(database, "SELECT count(*) FROM set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DBAPIError, match="read-only") as raised:
        query(database, "INSERT INTO domains (domain) VALUES ('a.test') RETURNING id")
    assert sqlstate(raised.value) == READ_ONLY
    assert query(database, "SELECT pg_backend_pid()") != before


def test_a_database_that_does_not_answer_a_new_connection_is_a_dbapi_error(
    environment: dict[str, str], database_url: str, wire: Proxy
) -> None:
    url = make_url(database_url).set(port=wire.port).render_as_string(hide_password=False)
    quick = Settings(database_url=url, database_statement_timeout_seconds=1, database_connect_timeout_seconds=1)
    wire.mode = Mode.BLACK_HOLE
    with pytest.raises(DBAPIError, match="network error"):
        query(Database(quick, "function", read_secret), "SELECT 1")
