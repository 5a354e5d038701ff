"""The pg8000 connection waits once per statement, and is usable after any error."""

import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pg8000.dbapi
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database, address_of_url, sqlstate
from scrapersky.postgres import PostgresConnection
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
