"""Bloat: after thousands of cycles on the same records without a vacuum, a claim is as cheap as before.

BLOAT_CYCLES sets their number: 5,000 by default (10 s), 100,000 for a long run (4 minutes).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import pytest
from sqlalchemy import Connection, text

from scrapersky.database import Database
from scrapersky.runtime.registry import IMPORT, METADATA
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.claim import claim
from scrapersky.status.finish import complete
from scrapersky.status.requeue import requeue
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from tests.integration.plans import plans_of, rolled_back

CYCLES = int(os.environ.get("BLOAT_CYCLES", "5000"))
RECORDS = 10_000
BATCH = 50
MESSAGES = 10
"""Messages per invocation, whose attempts are started by one statement."""

MAKE = {
    METADATA: f"INSERT INTO domains (domain, description, status)"
    f" SELECT 'd' || n, repeat('x', 400), 'Queued' FROM generate_series(1, {RECORDS}) AS n",
    IMPORT: f"WITH d AS (INSERT INTO domains (domain) SELECT 'd' || n FROM generate_series(1, 500) AS n RETURNING id)"
    f" INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status)"
    f" SELECT id, 'https://a.test/' || n, 'manual', 'Queued' FROM d, generate_series(1, {RECORDS // 500}) AS n",
}


@dataclass(frozen=True)
class Table:
    """The counters of a table since its creation."""

    updates: int
    heap_only: int
    dead: int


@dataclass(frozen=True)
class Cost:
    """The cost of one claim: 8 KiB blocks visited, and milliseconds."""

    blocks: int
    milliseconds: float


@pytest.fixture
def session(database_url: str) -> Iterator[Connection]:
    """One connection for the whole test, as a warm Lambda function has."""
    database = Database(load(Settings, {"DATABASE_URL": database_url}), "bloat", read_secret)
    with database.autocommit() as connection:
        yield connection
    database.engine.dispose()


@pytest.fixture
def observer(database_url: str) -> Iterator[Connection]:
    """A second connection, for claims that are explained and rolled back."""
    database = Database(load(Settings, {"DATABASE_URL": database_url}), "observer", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    ("workflow", "cycles"), [(METADATA, CYCLES), (IMPORT, CYCLES // 5)], ids=["metadata", "import"]
)
def test_a_claim_is_as_cheap_after_thousands_of_cycles_as_before(
    session: Connection, observer: Connection, workflow: Workflow, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    session.execute(text(MAKE[workflow]))
    session.execute(text("VACUUM ANALYZE"))
    before, cost_before = counters(session, workflow.table), cost(observer, workflow)
    for _ in range(cycles // BATCH):
        cycle(session, workflow)
    after, attempts, cost_after = (
        counters(session, workflow.table),
        counters(session, "attempts"),
        cost(observer, workflow),
    )
    session.execute(text("VACUUM"))
    cleaned = counters(session, workflow.table), counters(session, "attempts")
    cost_cleaned = cost(observer, workflow)
    if "BLOAT_CYCLES" in os.environ:
        with capsys.disabled():
            print(
                f"\n{workflow.name}: {cycles} cycles; claim({BATCH}) {cost_before} → {cost_after} → vacuum {cost_cleaned}"
            )
            print(f"{workflow.table} {before} → {after}; attempts {attempts}; after vacuum {cleaned}")
    # Of the three updates of a cycle (claim, complete, requeue) only completing changes no indexed column.
    assert after.heap_only - before.heap_only >= 0.95 * cycles
    assert attempts.heap_only >= 0.75 * cycles
    assert cost_after.blocks <= 2 * cost_before.blocks
    assert cost_cleaned.blocks <= 1.25 * cost_before.blocks
    assert [table.dead for table in cleaned] == [0, 0]


def cycle(connection: Connection, workflow: Workflow) -> None:
    """Claim a batch, start and complete it, and queue it again."""
    claimed = claim(connection, workflow, batch=BATCH, max_in_flight=500, dispatch_lease=60, per_host=50)
    assert len(claimed) == BATCH
    ids = [one.attempt_id for one in claimed]
    for first in range(0, BATCH, MESSAGES):
        start(connection, ids[first : first + MESSAGES], lease=60, worker="function:12", request_id="a" * 36)
    for attempt_id in ids:
        complete(connection, workflow, attempt_id, code="read", detail={"pages": 12})
    requeue(connection, workflow, ids=[one.record_id for one in claimed], limit=BATCH, actor="test", reason="again")


def counters(connection: Connection, table: str) -> Table:
    """Return the table's counters, including everything that this session did."""
    flush(connection)
    row = connection.execute(
        text("SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = :table"),
        {"table": table},
    ).one()
    return Table(*row)


def cost(connection: Connection, workflow: Workflow) -> Cost:
    """Return the cost of a claim now; the time is the median of five. The statistics are flushed on return."""
    plans = [
        plans_of(
            connection, lambda c: claim(c, workflow, batch=BATCH, max_in_flight=500, dispatch_lease=60, per_host=50)
        )[0]
        for _ in range(5)
    ]
    with rolled_back(connection):
        flush(connection)
    return Cost(min(plan.blocks for plan in plans), round(median(plan.milliseconds for plan in plans), 1))


def flush(connection: Connection) -> None:
    """Report the session's statistics at the end of its transaction; by default that is at most once a second.

    Otherwise the dead rows of a rolled-back claim would be counted after the next VACUUM, as if it had left them.
    """
    connection.execute(text("SELECT pg_stat_force_next_flush()"))
