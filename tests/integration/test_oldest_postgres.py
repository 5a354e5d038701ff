"""The migrations, the guard and every verb work on an older Postgres: Debian's, which CI has."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.database import sqlstate
from scrapersky.runtime.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.status.finish import Stale, complete
from scrapersky.status.invariants import find_breaches
from scrapersky.status.start import start
from scrapersky.status.transitions import ILLEGAL_TRANSITION
from scripts.commands.run.postgres import Postgres
from tests.integration.verbs import VERBS

OLDEST = min(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), default=None)
pytestmark = pytest.mark.skipif(
    OLDEST is None, reason="no Postgres of the operating system (Debian package postgresql)"
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """An AUTOCOMMIT connection to a migrated database of the oldest Postgres on this machine."""
    assert OLDEST is not None
    with Postgres.start(tmp_path_factory.mktemp("oldest"), OLDEST.parent) as server:
        engine = create_engine(server.create_database("oldest"), poolclass=NullPool)
        with engine.begin() as migrating:
            migrations.upgrade(migrating)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection


@pytest.mark.parametrize("name", VERBS.keys())
def test_a_verb_runs(connection: Connection, name: str) -> None:
    verb, _ = VERBS[name]
    with suppress(Stale):
        verb(connection)


def test_a_record_is_queued_claimed_started_and_completed(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (held,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    (started,) = start(connection, [held.attempt_id], lease=60, worker="w", request_id="r")
    complete(connection, METADATA, started.attempt_id, code="read", detail={})
    history = connection.execute(text("SELECT to_status FROM status_events ORDER BY event_id")).scalars()
    assert list(history) == ["Queued", "Processing", "Completed"]
    assert find_breaches(connection, METADATA) == []


def test_the_guard_refuses_an_illegal_transition(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain) VALUES ('b.test')"))
    with pytest.raises(DBAPIError) as refused:
        connection.execute(text("UPDATE domains SET status = 'Completed' WHERE domain = 'b.test'"))
    assert sqlstate(refused.value) == ILLEGAL_TRANSITION
