"""Migrations under live traffic wait for locks only briefly, leave nothing after a failure, and are tried again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.database import sqlstate
from scrapersky.migrations.retries import upgrade_with_retries
from scrapersky.runtime.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.status.finish import complete
from scrapersky.status.invariants import find_breaches
from scrapersky.status.requeue import requeue
from scripts.commands.run.postgres import Postgres
from tests.conftest import numbers
from tests.integration.next_migration import NEXT_GUARD, NEXT_MIGRATION, add_migration

SHORT = 0.2


@pytest.fixture
def head(engine: Engine) -> str:
    """The present revision."""
    with engine.connect() as connection:
        return str(revision(connection))


@pytest.fixture
def next_migration(head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more migration."""
    add_migration(NEXT_MIGRATION.format(head=head), tmp_path, monkeypatch)


@pytest.fixture
def next_guard(head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more migration, which installs the guard of a workflow again."""
    add_migration(NEXT_GUARD.format(head=head), tmp_path, monkeypatch)


@pytest.fixture
def reader(engine: Engine) -> Iterator[Connection]:
    """A connection that has read from domains in a transaction that is still open."""
    with engine.connect() as connection:
        connection.execute(text("SELECT * FROM domains"))
        yield connection


def revision(connection: Connection) -> str | None:
    """Return the database's revision."""
    return MigrationContext.configure(connection).get_current_revision()


def columns(engine: Engine) -> set[str]:
    """Return the columns of domains."""
    return {column["name"] for column in inspect(engine).get_columns("domains")}


@pytest.mark.usefixtures("next_migration")
def test_an_open_reader_makes_a_migration_fail_fast_and_completely(
    engine: Engine, reader: Connection, head: str, connection: Connection
) -> None:
    with pytest.raises(DBAPIError) as error, engine.begin() as migrating:
        migrations.upgrade(migrating, lock_timeout=SHORT)
    assert sqlstate(error.value) == "55P03"
    assert revision(connection) == head
    assert "novelty" not in columns(engine)
    assert not inspect(engine).has_table("novelties")
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    assert len(claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)) == 1


@pytest.mark.usefixtures("next_migration")
def test_a_migration_is_tried_again_until_the_reader_has_ended(engine: Engine, reader: Connection) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            reader.rollback()

    assert upgrade_with_retries(engine, seconds=60, lock_timeout=SHORT, wait=wait) == "next_migration"
    assert len(waits) == 3
    assert all(2.0**n / 2 <= seconds <= 2.0**n for n, seconds in enumerate(waits))
    assert "novelty" in columns(engine)


@pytest.mark.usefixtures("next_migration", "reader")
def test_a_migration_is_not_tried_again_after_its_time_limit(engine: Engine, head: str, connection: Connection) -> None:
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(DBAPIError):
        upgrade_with_retries(engine, seconds=10, lock_timeout=SHORT, wait=wait, clock=lambda: now[0])
    assert 2 <= now[0] <= 10
    assert revision(connection) == head


@pytest.mark.usefixtures("next_migration")
def test_an_error_of_the_migration_itself_is_not_tried_again(engine: Engine, connection: Connection) -> None:
    connection.execute(text("ALTER TABLE domains ADD COLUMN novelty text"))
    with pytest.raises(DBAPIError) as error:
        upgrade_with_retries(engine, seconds=60, wait=lambda seconds: pytest.fail(f"waited for {seconds} s"))
    assert sqlstate(error.value) == "42701"
    assert not inspect(engine).has_table("novelties")


def test_two_simultaneous_deployments_migrate_one_after_the_other(postgres: Postgres, head: str) -> None:
    engine = create_engine(postgres.create_database(f"empty_{next(numbers)}"), poolclass=NullPool)
    waits: list[float] = []
    with engine.connect() as first:
        migrations.upgrade(first)  # not committed yet

        def wait(seconds: float) -> None:
            waits.append(seconds)
            first.commit()

        assert upgrade_with_retries(engine, seconds=60, wait=wait) == head
    assert len(waits) == 1
    assert "domains" in inspect(engine).get_table_names()


@pytest.mark.usefixtures("next_migration")
def test_claims_and_results_go_on_while_the_schema_changes(engine: Engine) -> None:
    assert upgraded_under_traffic(engine) == "next_migration"
    assert "novelty" in columns(engine)


@pytest.mark.usefixtures("next_guard")
def test_claims_and_results_go_on_while_the_guard_is_replaced(engine: Engine) -> None:
    assert upgraded_under_traffic(engine) == "next_guard"


def upgraded_under_traffic(engine: Engine) -> str | None:
    """Upgrade while fifty records are worked on; check that none is lost, and return the revision."""
    changed, cycles = Event(), 0
    with ThreadPoolExecutor(1) as pool, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(
            text("INSERT INTO domains (domain, status) SELECT n || '.test', 'Queued' FROM generate_series(1, 50) AS n")
        )
        upgrading = pool.submit(upgrade_with_retries, engine, seconds=60, lock_timeout=1, wait=changed.wait)
        while not upgrading.done() or cycles < 10:
            claimed = claim(connection, METADATA, batch=5, max_in_flight=100, dispatch_lease=60)
            for one in claimed:
                complete(connection, METADATA, one.attempt_id, code="read", detail={})
            requeue(connection, METADATA, ids=[one.record_id for one in claimed], limit=5, actor="test", reason="again")
            cycles += 1
        assert find_breaches(connection, METADATA) == []
        assert connection.execute(text("SELECT count(*) FROM domains WHERE status = 'Queued'")).scalar_one() == 50
        return upgrading.result()
