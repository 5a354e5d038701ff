"""Everything works through a real PgBouncer in transaction mode, and each client gets the answers to its own statements."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from scrapersky.database import ROLE_SETTINGS, Database
from scrapersky.migrations import NeedsDirectConnection
from scrapersky.migrations.retries import upgrade_with_retries
from scrapersky.runtime.outcomes import Done, Made
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings
from scrapersky.status.finish import Stale
from scripts.commands.run import databases
from scripts.commands.run.postgres import Postgres
from tests.integration.conftest import Harness
from tests.integration.next_migration import NEXT_ONLINE, add_migration
from tests.integration.verbs import VERBS
from tests.pooler import needs_pgbouncer, pooled

pytestmark = needs_pgbouncer

CLIENTS = 8
STATEMENTS = 150


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of this test's database behind a PgBouncer with two server connections."""
    with pooled(database_url, tmp_path, size=2) as url:
        yield url


@pytest.fixture
def environment(environment: dict[str, str], pooled_url: str) -> dict[str, str]:
    """The function's environment, with its database behind PgBouncer."""
    return {**environment, "DATABASE_URL": pooled_url}


def function(url: str, **settings: float) -> Database:
    """Return a function's database."""
    return Database(Settings(database_url=url, **settings), "function", read_secret)


def test_each_of_eight_clients_gets_the_answers_to_its_own_statements(pooled_url: str) -> None:
    def wrong_answers(client: int) -> list[object]:
        database = function(pooled_url)
        wrong: list[object] = []
        with database.autocommit() as connection:
            for number in range(STATEMENTS):
                # Each client has statements of its own, with its own number of columns.
                columns = ", ".join(f"CAST(:number AS int) + {client * 1_000 + column}" for column in range(client + 1))
                row = tuple(connection.execute(text(f"SELECT {columns}"), {"number": number}).one())
                if row != tuple(number + client * 1_000 + column for column in range(client + 1)):
                    wrong.append((client, number, row))
        database.engine.dispose()
        return wrong

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert [wrong for found in pool.map(wrong_answers, range(CLIENTS)) for wrong in found] == []


def test_every_verb_works(pooled_url: str) -> None:
    database = function(pooled_url)
    for verb, _ in VERBS.values():
        with suppress(Stale), database.autocommit() as connection:
            verb(connection)
    database.engine.dispose()


def test_a_tick_and_a_batch_with_writes_work(harness: Harness) -> None:
    ids = harness.add(*(f"d{number}.test" for number in range(5)))

    def write(connection: Connection) -> Made:
        connection.execute(text("UPDATE domains SET title = 'read' WHERE status = 'Completed'"))
        return {}

    for number in range(5):
        harness.behaviour[f"d{number}.test"] = lambda _: Done("read", write=write)
    harness.drain()
    rows = [harness.row(record_id) for record_id in ids]
    assert {(row["status"], row["title"], row["failures"]) for row in rows} == {("Completed", "read", 0)}


def test_the_migrations_work(postgres: Postgres, tmp_path: Path) -> None:
    with pooled(postgres.create_database("through_a_pooler"), tmp_path, size=2) as url:
        engine = function(url).engine.execution_options(isolation_level="READ COMMITTED")
        assert upgrade_with_retries(engine, seconds=60) is not None
        engine.dispose()


def test_an_online_migration_refuses_a_pooler_which_cannot_hold_its_lock(
    database_url: str, pooled_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration(NEXT_ONLINE.format(head="0001"), tmp_path, monkeypatch)
    for url, refused in (
        (pooled_url, pytest.raises(NeedsDirectConnection, match="owner's secret")),
        (database_url, nullcontext()),
    ):
        engine = function(url).engine.execution_options(isolation_level="READ COMMITTED")
        with refused:
            assert upgrade_with_retries(engine, seconds=60) == "next_online"
        engine.dispose()


def test_behind_a_pooler_the_roles_timeouts_hold_and_no_session_has_its_own(database_url: str, pooled_url: str) -> None:
    databases.limit_role(database_url)
    database = function(pooled_url, database_statement_timeout_seconds=7)
    with database.autocommit() as connection:
        assert timeouts(connection) == ("1min", "3s", "1min", "off", "off")
    database.engine.dispose()


def test_connected_directly_a_function_sets_its_own_timeouts(database_url: str) -> None:
    database = function(database_url, database_statement_timeout_seconds=7)
    with database.autocommit() as connection:
        assert timeouts(connection) == ("7s", "3s", "1min", "off", "off")
    database.engine.dispose()


def timeouts(connection: Connection) -> tuple[str, ...]:
    """Return the session's settings that the functions need."""
    columns = ", ".join(f"current_setting('{name}')" for name in ROLE_SETTINGS)
    return tuple(connection.execute(text(f"SELECT {columns}")).one())
