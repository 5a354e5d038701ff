"""The pg8000 connection waits once per statement, and is usable after any error."""

import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pg8000.dbapi
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scrapersky import postgres
from scrapersky.database import Database, address_of_url, sqlstate
from scrapersky.postgres import KEPT_AFTER, NO_SUCH_STATEMENT, PostgresConnection
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings


class CountingConnection(PostgresConnection):
    """A connection that counts how often it waits for the server."""

    waits = 0

    def handle_messages(self, context: Any) -> None:
        self.waits += 1
        super().handle_messages(context)


@pytest.fixture
def counted(database_url: str) -> Iterator[CountingConnection]:
    """Yield a connection in autocommit."""
    address = address_of_url(database_url)
    connection = CountingConnection(
        user=address["username"],
        password=address["password"],
        host=address["host"],
        port=address["port"],
        database=address["dbname"],
    )
    connection.autocommit = True
    yield connection
    with suppress(pg8000.dbapi.InterfaceError):  # a test may have closed it
        connection.close()


def value_of(connection: PostgresConnection, statement: str, *values: object) -> Any:
    """Return the first value of the first row."""
    cursor = connection.cursor()
    cursor.execute(statement, values)
    return cursor.fetchone()[0]


def test_a_statement_waits_for_the_server_once(counted: CountingConnection) -> None:
    counted.waits = 0
    assert value_of(counted, "SELECT 1 + CAST(%s AS int)", 2) == 3
    assert counted.waits == 1


def test_a_placeholder_in_a_literal_an_identifier_or_a_comment_is_text(counted: CountingConnection) -> None:
    statement = "SELECT '%s it''s' || ' \"%s\" ' || (7 %% 4) || CAST(%s AS text) -- not %s"
    for value in ("a", "%s"):  # the second time from the cache
        assert value_of(counted, statement, value) == f'%s it\'s "%s" 3{value}'


@pytest.mark.parametrize(
    ("statement", "value", "code"),
    [
        ("SELECT nothing FROM CAST(%s AS int)", 1, "42703"),  # reported by Parse
        ("SELECT CAST(%s AS int)", "a word", "22P02"),  # reported by Bind
        ("SELECT 1 / CAST(%s AS int)", 0, "22012"),  # reported by Execute
    ],
)
def test_after_a_failed_statement_the_next_one_gets_its_own_answer(
    counted: CountingConnection, statement: str, value: object, code: str
) -> None:
    with pytest.raises(pg8000.dbapi.Error) as refused:
        value_of(counted, statement, value)
    assert sqlstate(refused.value) == code
    assert value_of(counted, "SELECT CAST(%s AS int)", 5) == 5


@pytest.fixture
def direct(counted: CountingConnection) -> CountingConnection:
    """A connection that knows that it is connected to Postgres itself, with a table and a statement on it."""
    counted.set_if_direct({"application_name": "direct"})
    counted.execute_simple("CREATE TEMP TABLE kept (n int); INSERT INTO kept VALUES (7)")
    return counted


READ = "SELECT n FROM kept WHERE n = CAST(%s AS int)"
NAMED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%kept WHERE n%'"


def named(connection: PostgresConnection) -> int:
    """Return how many statements the server keeps for ``connection``."""
    count: int = connection.execute_simple(NAMED).rows[0][0]
    return count


def test_the_server_keeps_the_plan_of_a_statement_that_is_executed_often(direct: CountingConnection) -> None:
    for number in range(KEPT_AFTER + 3):
        assert named(direct) == (number > KEPT_AFTER)
        direct.waits = 0
        assert value_of(direct, READ, 7) == 7
        assert direct.waits == 1


def test_without_knowing_that_it_is_direct_a_connection_keeps_no_plan(counted: CountingConnection) -> None:
    counted.execute_simple("CREATE TEMP TABLE kept AS SELECT 7 AS n")
    assert {value_of(counted, READ, 7) for _ in range(KEPT_AFTER + 3)} == {7}
    assert named(counted) == 0


def error_of_kept(connection: PostgresConnection, change: str) -> str | None:
    """Return the SQLSTATE with which a kept statement fails after ``change``."""
    for _ in range(KEPT_AFTER + 1):
        value_of(connection, READ, 7)
    connection.execute_simple(change)
    with pytest.raises(pg8000.dbapi.Error) as refused:
        value_of(connection, READ, 7)
    return sqlstate(refused.value)


def test_a_kept_statement_that_no_longer_fits_its_table_fails_once(direct: CountingConnection) -> None:
    assert error_of_kept(direct, "ALTER TABLE kept ALTER n TYPE bigint") == "0A000"
    assert value_of(direct, READ, 7) == 7
    assert named(direct) == 1


def test_where_the_server_has_lost_its_statements_the_connection_names_no_more(direct: CountingConnection) -> None:
    assert error_of_kept(direct, "DEALLOCATE ALL") == NO_SUCH_STATEMENT
    assert {value_of(direct, READ, 7) for _ in range(KEPT_AFTER + 3)} == {7}
    assert named(direct) == 0


def test_a_plan_is_made_anew_after_a_minute(direct: CountingConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    for statement in ("CREATE TABLE grown (n int PRIMARY KEY)", "VACUUM ANALYZE grown"):
        direct.execute_simple(statement)
    read = "SELECT count(*) FROM grown WHERE n = CAST(%s AS int)"

    def plan() -> str:
        # Postgres decides after five executions of a named statement whether it keeps the plan.
        for _ in range(KEPT_AFTER + 7):
            value_of(direct, read, 7)
        return str(direct.execute_simple("EXPLAIN EXECUTE kept_0(7)").rows)

    assert "Seq Scan" in plan()
    direct.execute_simple("INSERT INTO grown SELECT generate_series(1, 10000)")
    assert direct.is_usable()
    assert "Seq Scan" in plan()
    direct.waits = 0
    monkeypatch.setattr(postgres, "PLANS_KEPT_SECONDS", -1.0)
    assert direct.is_usable()
    assert direct.waits == 1
    assert "Seq Scan" not in plan()


def test_a_connection_keeps_a_limited_number_of_plans(
    direct: CountingConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MOST_KEPT", 2)
    for number in range(4):
        statement = READ.replace("SELECT n", f"SELECT n + {number}")
        assert {value_of(direct, statement, 7) for _ in range(KEPT_AFTER + 2)} == {7 + number}
    assert named(direct) == 2


def test_an_unencodable_value_leaves_no_partial_message(counted: CountingConnection) -> None:
    with pytest.raises(UnicodeEncodeError):
        value_of(counted, "SELECT CAST(%s AS text)", "\ud800")
    counted.waits = 0
    assert value_of(counted, "SELECT CAST(%s AS int)", 5) == 5
    assert counted.waits == 1


def test_without_autocommit_the_driver_begins_a_transaction_that_can_be_rolled_back(
    counted: CountingConnection,
) -> None:
    counted.autocommit = False
    cursor = counted.cursor()
    cursor.execute("CREATE TABLE rolled_back AS SELECT CAST(%s AS int) AS n", (1,))
    counted.rollback()
    assert value_of(counted, "SELECT to_regclass(%s)", "rolled_back") is None


def test_a_closed_connection_raises_an_interface_error(counted: CountingConnection) -> None:
    cursor = counted.cursor()
    counted.close()
    with pytest.raises(pg8000.dbapi.InterfaceError, match="closed"):
        cursor.execute("SELECT CAST(%s AS int)", (1,))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO domains (domain) VALUES (:name), (:name)",  # the detail quotes the key
        "INSERT INTO contacts (domain_id, kind, value) VALUES (NULL, 'email', :name)",  # the detail quotes the row
    ],
)
def test_an_error_quotes_no_value_of_a_row_or_a_parameter(application_url: str, statement: str) -> None:
    database = Database(Settings(database_url=application_url), "test", read_secret)
    name = "ann.b@shop.test"
    with pytest.raises(DBAPIError) as caught, database.autocommit() as connection:
        connection.execute(text(statement), {"name": name})
    shown = "".join(traceback.format_exception(caught.value))
    assert sqlstate(caught.value) is not None
    assert name not in shown
    database.engine.dispose()
