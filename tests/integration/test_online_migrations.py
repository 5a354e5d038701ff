"""A migration marked online blocks no writer, survives its own death, and may take as long as it likes."""

import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.database import sqlstate
from scrapersky.migrations import online
from scrapersky.migrations.retries import upgrade_with_retries
from tests.integration.next_migration import NEXT_MIGRATION, NEXT_ONLINE, add_migration
from tests.integration.test_migrate import call, cloudformation, request
from tests.integration.test_migrating_under_traffic import head, revision

__all__ = ["cloudformation", "head"]

COMMAND = """
import runpy, sys
from pathlib import Path
from scrapersky import migrations
migrations.LOCATION = Path(sys.argv.pop())
runpy.run_module("migrate", run_name="__main__")
"""
"""``scripts/migrate`` with the migrations of a folder."""
BUILDER = text("SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE%CONCURRENTLY%' AND wait_event IS NOT NULL")
ONE = "INSERT INTO domains (domain, status) VALUES ('{}.test', 'New')"


@pytest.fixture
def folder(head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations with one more, which is online."""
    return add_migration(NEXT_ONLINE.format(head=head), tmp_path, monkeypatch)


@pytest.fixture
def autocommit(database_url: str) -> Iterator[Connection]:
    """A connection on which each statement is a transaction."""
    engine = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@contextmanager
def open_writer(engine: Engine) -> Iterator[None]:
    """A transaction that has written to domains, and for whose end an index that is built concurrently waits."""
    with engine.connect() as writer:
        writer.exec_driver_sql(ONE.format("written"))
        yield
        writer.commit()


def is_valid(connection: Connection) -> bool | None:
    """Return whether the index of tomorrow is valid; None when there is none."""
    return connection.execute(online.IS_VALID, {"name": "ix_of_tomorrow"}).scalar_one_or_none()


def wait_for_builder(watcher: Connection, process: "subprocess.Popen[str]") -> int:
    """Wait until the index is being built and waits for a writer; return the process id of its session."""
    while not (found := watcher.execute(BUILDER).scalar_one_or_none()) or is_valid(watcher) is None:
        assert process.poll() is None, process.communicate()
    return int(found)


def test_a_migration_that_was_killed_in_the_middle_is_finished_by_the_next_run(
    engine: Engine,
    folder: Path,
    database_url: str,
    autocommit: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delitem(sys.modules, "migrate.handler", raising=False)  # it reads its settings when it is imported
    with open_writer(engine):
        command = [sys.executable, "-c", COMMAND, str(folder)]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            session = wait_for_builder(autocommit, process)
            autocommit.exec_driver_sql(ONE.format("another"))
            process.kill()
        with pytest.raises(DBAPIError, match="another migration is running"):
            upgrade_with_retries(engine, seconds=0)  # the dead process's session still builds
        autocommit.execute(text("SELECT pg_terminate_backend(:session, 60000)"), {"session": session})
    assert (is_valid(autocommit), revision(autocommit)) == (False, "0001")
    monkeypatch.setattr(sys, "argv", ["migrate"])
    runpy.run_module("migrate", run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1] == '{"revision": "next_online"}'
    assert (is_valid(autocommit), revision(autocommit)) == (True, "next_online")


def test_what_a_dead_process_finished_is_not_built_again(engine: Engine, folder: Path, autocommit: Connection) -> None:
    assert folder.exists()
    online.create_index(autocommit, "ix_of_tomorrow", "domains (title)")
    found = text("SELECT relfilenode FROM pg_class WHERE relname = 'ix_of_tomorrow'")
    before = autocommit.execute(found).scalar_one()
    assert upgrade_with_retries(engine, seconds=60) == "next_online"
    assert autocommit.execute(found).scalar_one() == before


def test_a_unique_index_that_failed_is_made_again_when_the_rows_allow_it(autocommit: Connection) -> None:
    for name in ("a", "b"):
        autocommit.exec_driver_sql(ONE.format(name))
    with pytest.raises(DBAPIError) as error:
        online.create_index(autocommit, "ix_of_tomorrow", "domains (status)", unique=True)
    assert (sqlstate(error.value), is_valid(autocommit)) == ("23505", False)
    autocommit.exec_driver_sql("UPDATE domains SET status = 'Queued' WHERE domain = 'a.test'")
    online.create_index(autocommit, "ix_of_tomorrow", "domains (status)", unique=True)
    assert is_valid(autocommit)
    online.drop_index(autocommit, "ix_of_tomorrow")
    assert is_valid(autocommit) is None


def test_a_change_in_batches_goes_on_where_it_failed(autocommit: Connection) -> None:
    autocommit.exec_driver_sql("CREATE TABLE rows AS SELECT n, false AS changed FROM generate_series(1, 10) AS n")
    autocommit.exec_driver_sql("ALTER TABLE rows ADD CONSTRAINT not_yet CHECK (NOT (changed AND n = 9))")
    batch = "UPDATE rows SET changed = true WHERE n IN (SELECT n FROM rows WHERE NOT changed ORDER BY n LIMIT 4)"
    with pytest.raises(DBAPIError):
        online.change_in_batches(autocommit, batch)
    assert autocommit.exec_driver_sql("SELECT count(*) FROM rows WHERE changed").scalar_one() == 8
    autocommit.exec_driver_sql("ALTER TABLE rows DROP CONSTRAINT not_yet")
    assert online.change_in_batches(autocommit, batch) == 2


def test_migrations_before_and_after_an_online_one_keep_their_order(
    engine: Engine, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autocommit: Connection
) -> None:
    add_migration(NEXT_MIGRATION.format(head=head), tmp_path, monkeypatch)
    add_migration(NEXT_ONLINE.format(head="next_migration").replace("title", "novelty"), tmp_path, monkeypatch)
    after = NEXT_MIGRATION.format(head="next_online").replace('"next_migration"', '"last"')
    add_migration(after.replace("novel", "novel2"), tmp_path, monkeypatch)
    assert upgrade_with_retries(engine, seconds=60) == "last"
    assert is_valid(autocommit)


def test_in_one_transaction_an_online_migration_does_the_same(
    engine: Engine, folder: Path, autocommit: Connection
) -> None:
    assert folder.exists()
    with engine.begin() as connection:
        assert migrations.upgrade(connection) == "next_online"
    assert is_valid(autocommit)


@pytest.mark.parametrize("marked", [False, True], ids=["ordinary", "online"])
def test_the_owners_timeout_does_not_end_a_migration(
    marked: bool, engine: Engine, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autocommit: Connection
) -> None:
    migration = NEXT_ONLINE.format(head=head).replace("True", str(marked)).partition("    steps.")[0]
    migration += "    op.execute(\"CREATE TABLE limits AS SELECT current_setting('statement_timeout')\")\n"
    add_migration(migration, tmp_path, monkeypatch)
    autocommit.exec_driver_sql(
        f"ALTER ROLE CURRENT_USER IN DATABASE {engine.url.database} SET statement_timeout = '1s'"
    )
    upgrade_with_retries(engine, seconds=600, clock=lambda: 0)
    assert autocommit.exec_driver_sql("SELECT * FROM limits").scalar_one() == "10min"


@pytest.mark.usefixtures("folder")
def test_a_migration_that_is_too_long_for_lambda_fails_the_deployment_and_names_the_command(
    engine: Engine,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    cloudformation: tuple[str, list[dict[str, object]]],
) -> None:
    url, received = cloudformation
    with open_writer(engine):
        call(monkeypatch, database_url, request(url, "Update"), remaining_ms=31_000)
    assert received[0]["Status"] == "FAILED"
    assert "scripts/migrate" in str(received[0]["Reason"])
