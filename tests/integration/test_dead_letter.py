"""The dead-letter function attributes even malformed messages, and is fenced like every other end."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.database import Database
from scrapersky.runtime.registry import METADATA
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings
from scrapersky.status.claim import claim
from tests.integration.conftest import message
from tests.integration.lambda_context import LambdaContext

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture
def function(application_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function, cold-started on this test's database."""
    monkeypatch.setenv("DATABASE_URL", application_url)
    handler = importlib.reload(importlib.import_module("dead_letter.handler"))
    yield handler
    handler.database.engine.dispose()


@pytest.fixture
def attempt_id(connection: Connection) -> int:
    """The live attempt of a claimed domain."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (claimed,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600)
    return claimed.attempt_id


def ended(connection: Connection) -> tuple[Any, ...]:
    """Return status, error code and error of the domain."""
    return tuple(connection.execute(text("SELECT status, error_code, error FROM domains")).one())


def test_a_message_that_was_never_started_ends_its_record_in_error_with_the_reason(
    function: ModuleType, connection: Connection, attempt_id: int
) -> None:
    assert function.handler({"Records": [message(attempt_id)]}, LambdaContext()) == {"batchItemFailures": []}
    status, code, reason = ended(connection)
    assert (status, code) == ("Error", "dead_letter")
    assert "could never be started" in reason


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"v": 9}',
        "null",
        "[]",
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"attempt_id": ' + "9" * 5_000 + "}",
        '{"v":1,"workflow":"metadata","attempt_id":"banana"}',
    ],
)
def test_a_broken_body_is_attributed_by_its_message_attribute(
    function: ModuleType, connection: Connection, attempt_id: int, body: str
) -> None:
    attribute = {"attempt_id": {"stringValue": str(attempt_id), "dataType": "Number"}}
    function.handler(
        {"Records": [{**message(attempt_id), "body": body, "messageAttributes": attribute}]}, LambdaContext()
    )
    status, code, reason = ended(connection)
    assert (status, code) == ("Error", "malformed_message")
    assert "malformed" in reason


def test_a_malformed_message_without_an_attribute_is_attributed_by_the_rest_of_its_body(
    function: ModuleType, connection: Connection, attempt_id: int
) -> None:
    function.handler({"Records": [message(attempt_id, surprise=True)]}, LambdaContext())
    assert ended(connection)[:2] == ("Error", "malformed_message")


@pytest.mark.parametrize("attempt", ["banana", None, 0, -1, "9" * 5_000, "٣", 10**30, 424242, True])
def test_an_unattributable_dead_letter_is_acknowledged_and_changes_nothing(
    function: ModuleType, connection: Connection, attempt_id: int, attempt: object
) -> None:
    if attempt is True and attempt_id == 1:
        attempt = "true"
    assert function.handler({"Records": [message(attempt)]}, LambdaContext()) == {"batchItemFailures": []}
    assert ended(connection)[0] == "Processing"


def test_a_dead_letter_returns_to_the_queue_without_a_database(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = Settings(database_url="postgresql+pg8000://ada:x@127.0.0.1:1/none")
    monkeypatch.setattr(function, "database", Database(unreachable, "dead-letter", read_secret))
    answer = function.handler({"Records": [message(1)]}, LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_a_dead_letter_whose_record_the_database_refuses_to_change_is_reported_once_and_holds_up_no_other(
    function: ModuleType, connection: Connection, attempt_id: int, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('b.test', 'Queued')"))
    (other,) = claim(connection, METADATA, batch=1, max_in_flight=2, dispatch_lease=600)
    refuse = "ALTER TABLE domains ADD CHECK (domain <> 'a.test' OR error_code IS NULL)"
    connection.execute(text(refuse))
    answer = function.handler({"Records": [message(attempt_id), message(other.attempt_id)]}, LambdaContext())
    assert answer == {"batchItemFailures": []}
    found = connection.execute(text("SELECT status FROM domains ORDER BY domain")).scalars()
    assert list(found) == ["Processing", "Error"]
    assert '"DeadLettered":[1.0,1.0]' in capsys.readouterr().out
