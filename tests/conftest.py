"""Fixtures for every test that needs a database: one real Postgres a session, one fresh, migrated database a test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from scrapersky import migrations
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.invariants import find_breaches
from scripts.commands.run.postgres import Postgres

TEMPLATE = "migrated"
numbers = count(1)
IN_ONE_PROCESS = ("tests/e2e/", "tests/infra/")
"""Folders whose files share what is dear to make: the running system, the synthesized stacks."""

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process whole files, and those of :data:`IN_ONE_PROCESS` whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        """The name of what runs in one process."""
        return next((folder for folder in IN_ONE_PROCESS if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """How tests are dealt out where several processes run them."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running Postgres, with a migrated database named ``migrated`` to copy.

    Autovacuum is off: what it does, and the snapshots it holds meanwhile, would come between a test and what it measures.
    A test that wants a table vacuumed or analysed says so.
    """
    with Postgres.start(Path(tmp_path_factory.mktemp("postgres")), settings={"autovacuum": "off"}) as server:
        engine = create_engine(server.create_database(TEMPLATE), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """The url of a fresh database with our schema, this test's own."""
    return postgres.create_database(f"test_{next(numbers)}", template=TEMPLATE)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on this test's own database; each connection is a new one, as two workers would have."""
    engine = create_engine(database_url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """An AUTOCOMMIT connection on this test's own database, as the runtime's single-statement verbs use it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@pytest.fixture
def left_broken() -> None:
    """For a test that breaks the database's invariants and leaves it so."""


@pytest.fixture
def invariants_hold(connection: Connection, request: pytest.FixtureRequest) -> Iterator[None]:
    """Asks for every breach of an invariant, in every workflow, when the test has passed."""
    yield
    if "left_broken" not in request.fixturenames:
        assert [breach for workflow in WORKFLOWS.values() for breach in find_breaches(connection, workflow)] == []
