"""Fixtures for tests that need a database: one real Postgres per session, one fresh, migrated database per test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from scrapersky import migrations
from scrapersky.migrations.role import ROLE
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.invariants import find_breaches
from scripts.commands.run.postgres import Postgres

TEMPLATE = "migrated"
numbers = count(1)
IN_ONE_PROCESS = ("tests/e2e/", "tests/infra/")
"""Folders whose files share expensive fixtures: the running system, the synthesized stacks."""

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Assigns whole files to each process, and the folders of :data:`IN_ONE_PROCESS` as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the group that runs in one process."""
        return next((folder for folder in IN_ONE_PROCESS if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Return the scheduler that distributes tests to processes."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running Postgres with a migrated database named ``migrated``, the template of each test's own.

    Autovacuum is off, because its work and its snapshots would disturb measurements. Tests vacuum and analyse
    explicitly.
    """
    with Postgres.start(Path(tmp_path_factory.mktemp("postgres")), settings={"autovacuum": "off"}) as server:
        engine = create_engine(server.create_database(TEMPLATE), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
            connection.exec_driver_sql(f"ALTER ROLE {ROLE} PASSWORD '{server.password}'")
        engine.dispose()
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """The url of a fresh, migrated database for this test."""
    return postgres.create_database(f"test_{next(numbers)}", template=TEMPLATE)


@pytest.fixture
def application_url(database_url: str) -> str:
    """The same url for the role of the functions."""
    return make_url(database_url).set(username=ROLE).render_as_string(hide_password=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on this test's database. Each connection is a new one, as those of two workers."""
    engine = create_engine(database_url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """An AUTOCOMMIT connection to this test's database, as the runtime uses for single statements."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@pytest.fixture
def as_application(connection: Connection) -> None:
    """Give the connection the rights of the functions' role."""
    connection.exec_driver_sql(f"SET ROLE {ROLE}")


@pytest.fixture
def breaks_invariants() -> None:
    """Marks a test that leaves the database's invariants broken."""


@pytest.fixture
def invariants_hold(connection: Connection, request: pytest.FixtureRequest) -> Iterator[None]:
    """Check the invariants of every workflow after the test."""
    yield
    if "breaks_invariants" not in request.fixturenames:
        assert [breach for workflow in WORKFLOWS.values() for breach in find_breaches(connection, workflow)] == []
