"""After a restore to a time before a claim, workers and messages from before it change nothing."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, RowMapping, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from scrapersky.migrations.role import ROLE
from scrapersky.runtime.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.status.finish import Stale, complete, complete_all, fail, retry, snooze
from scrapersky.status.invariants import find_breaches
from scrapersky.status.release import release
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId
from scripts.commands.run.postgres import Postgres
from tests.conftest import numbers
from tests.integration.conftest import Harness, message
from tests.integration.lambda_context import LambdaContext

RECORDS = 3
BACKOFF = Backoff(base=1, cap=1, max_failures=3)
RESULTS = {
    "complete": lambda c, a: complete(c, METADATA, a, code="read", detail={}),
    "fail": lambda c, a: fail(c, METADATA, a, code="parked", reason="sold", detail={}),
    "retry": lambda c, a: retry(c, METADATA, a, code="dns", reason="none", after=None, backoff=BACKOFF, detail={}),
    "snooze": lambda c, a: snooze(c, METADATA, a, code="later", reason="busy", after=60, detail={}),
}


@dataclass(frozen=True)
class Restored:
    """A database as it was before a claim, in which all records were claimed again."""

    connection: Connection
    url: str
    forgotten: Sequence[AttemptId]
    """The attempts of the claim that the database has forgotten; a worker has started the first."""

    def rows(self) -> Sequence[RowMapping]:
        """Return all records and attempts."""
        found = "SELECT {}.* FROM {} ORDER BY 1"
        tables = (found.format(table, table) for table in ("domains", "attempts", "status_events"))
        return [row for statement in tables for row in self.connection.execute(text(statement)).mappings()]


@pytest.fixture
def restored(postgres: Postgres, database_url: str) -> Iterator[Restored]:
    """The restored database. The claims that it forgot were an hour before: no restore takes less than a second."""
    original = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with original.connect() as connection:
        connection.execute(
            text("INSERT INTO domains (domain, status) SELECT n || '.test', 'Queued' FROM generate_series(1, 3) AS n")
        )
    name = f"restored_{next(numbers)}"
    url = postgres.create_database(name, template=make_url(database_url).database)
    with original.connect() as connection:
        definition = connection.exec_driver_sql(
            "SELECT pg_get_functiondef('number_attempt()'::regprocedure)"
        ).scalar_one()
        connection.exec_driver_sql(definition.replace("clock_timestamp()", "clock_timestamp() - interval '1 h'"))
        forgotten = [one.attempt_id for one in claim(connection, METADATA, batch=3, max_in_flight=3, dispatch_lease=60)]
        start(connection, forgotten[:1], lease=60, worker="old", request_id="old")
    copy = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with copy.connect() as connection:
        # Another record is claimed first, so that the same numbers would mean other records.
        connection.execute(text("UPDATE domains SET due_at = due_at - interval '1 h' WHERE domain = '3.test'"))
        claim(connection, METADATA, batch=3, max_in_flight=3, dispatch_lease=60)
        connection.execute(text("UPDATE attempts SET lease_until = now() - interval '1 s' WHERE record_id = 3"))
        yield Restored(connection, url, forgotten)
        assert find_breaches(connection, METADATA) == []


@pytest.fixture
def environment(environment: dict[str, str], restored: Restored) -> dict[str, str]:
    """The environment of functions that run on after the restore."""
    url = make_url(restored.url).set(username=ROLE).render_as_string(hide_password=False)
    # Without pulls, which would take up the restored database's own work.
    return {**environment, "DATABASE_URL": url, "DOMAIN_SCHEDULER_PULL": "false"}


@pytest.mark.parametrize("result", RESULTS)
def test_the_result_of_a_forgotten_attempt_is_stale_and_changes_nothing(restored: Restored, result: str) -> None:
    before = restored.rows()
    for attempt_id in restored.forgotten:
        with pytest.raises(Stale):
            RESULTS[result](restored.connection, attempt_id)
    assert restored.rows() == before


def test_forgotten_attempts_are_neither_started_nor_released_nor_completed_together(restored: Restored) -> None:
    before, forgotten = restored.rows(), restored.forgotten
    assert start(restored.connection, forgotten, lease=60, worker="w", request_id="r") == []
    assert release(restored.connection, METADATA, forgotten, code="send_failed") == []
    assert complete_all(restored.connection, METADATA, {one: ("read", {}) for one in forgotten}) == {}
    assert restored.rows() == before


def test_messages_from_before_a_restore_are_acknowledged_and_logged_as_stale(
    restored: Restored, harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    before = restored.rows()
    assert harness.deliver([message(attempt_id) for attempt_id in restored.forgotten]) == []
    assert harness.worked_on == []
    assert [record.getMessage() for record in caplog.records].count("stale delivery") == RECORDS
    assert restored.rows() == before


def test_dead_letters_from_before_a_restore_are_acknowledged_and_logged_as_stale(
    restored: Restored,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = restored.rows()
    monkeypatch.setenv("DATABASE_URL", environment["DATABASE_URL"])
    function = importlib.reload(importlib.import_module("dead_letter.handler"))
    answer = function.handler({"Records": [message(attempt_id) for attempt_id in restored.forgotten]}, LambdaContext())
    function.database.engine.dispose()
    assert answer == {"batchItemFailures": []}
    logged = [record.getMessage() for record in caplog.records]
    assert logged.count("stale dead letter: its attempt is gone") == RECORDS
    assert "unattributable" not in capsys.readouterr().out
    assert restored.rows() == before
