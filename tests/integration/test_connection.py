"""Our connection by pg8000: one wait a statement, its own words kept, and usable after whatever went wrong."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pg8000.dbapi
import pytest

from scrapersky.database import address_of_url, sqlstate
from scrapersky.postgres import PostgresConnection


class Counted(PostgresConnection):
    """Counts how often it waits for the server."""

    waits = 0

    def handle_messages(self, context: Any) -> None:
        self.waits += 1
        super().handle_messages(context)


@pytest.fixture
def counted(database_url: str) -> Iterator[Counted]:
    """A connection, every statement its own transaction."""
    address = address_of_url(database_url)
    connection = Counted(
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


def ask(connection: PostgresConnection, statement: str, *values: object) -> Any:
    """The first value of the first row."""
    cursor = connection.cursor()
    cursor.execute(statement, values)
    return cursor.fetchone()[0]


def test_a_statement_waits_for_the_server_once(counted: Counted) -> None:
    counted.waits = 0
    assert ask(counted, "SELECT 1 + CAST(%s AS int)", 2) == 3
    assert counted.waits == 1


def test_what_only_looks_like_a_placeholder_is_none(counted: Counted) -> None:
    statement = "SELECT '%s it''s' || ' \"%s\" ' || (7 %% 4) || CAST(%s AS text) -- not %s"
    for value in ("a", "%s"):  # the second time from memory
        assert ask(counted, statement, value) == f'%s it\'s "%s" 3{value}'


@pytest.mark.parametrize(
    ("statement", "value", "code"),
    [
        ("SELECT nothing FROM CAST(%s AS int)", 1, "42703"),  # raised by parse
        ("SELECT CAST(%s AS int)", "a word", "22P02"),  # raised by bind
        ("SELECT 1 / CAST(%s AS int)", 0, "22012"),  # raised by execute
    ],
)
def test_after_a_statement_that_fails_the_next_one_gets_its_own_answer(
    counted: Counted, statement: str, value: object, code: str
) -> None:
    with pytest.raises(pg8000.dbapi.Error) as refused:
        ask(counted, statement, value)
    assert sqlstate(refused.value) == code
    assert ask(counted, "SELECT CAST(%s AS int)", 5) == 5


def test_a_value_that_cannot_be_sent_leaves_nothing_half_sent(counted: Counted) -> None:
    with pytest.raises(UnicodeEncodeError):
        ask(counted, "SELECT CAST(%s AS text)", "\ud800")
    counted.waits = 0
    assert ask(counted, "SELECT CAST(%s AS int)", 5) == 5
    assert counted.waits == 1


def test_a_transaction_that_the_driver_begins_is_begun_and_rolled_back(counted: Counted) -> None:
    counted.autocommit = False
    cursor = counted.cursor()
    cursor.execute("CREATE TABLE of_a_moment AS SELECT CAST(%s AS int) AS n", (1,))
    counted.rollback()
    assert ask(counted, "SELECT to_regclass(%s)", "of_a_moment") is None


def test_a_closed_connection_says_so(counted: Counted) -> None:
    cursor = counted.cursor()
    counted.close()
    with pytest.raises(pg8000.dbapi.InterfaceError, match="closed"):
        cursor.execute("SELECT CAST(%s AS int)", (1,))
