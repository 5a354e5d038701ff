"""Bloat: thousands of cycles on the same records leave a claim as cheap as it was, without any vacuum, and one cleans up.

BLOAT_CYCLES says how many: 10,000 by default (20 s), 100,000 for the figures in docs/decisions.md (4 minutes).
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
from tests.integration.plans import plans_of, taken_back

CYCLES = int(os.environ.get("BLOAT_CYCLES", "10000"))
RECORDS = 10_000
BATCH = 50
MESSAGES = 10
"""Messages in one invocation: so many attempts are started by one statement."""

MAKE = {
    METADATA: f"INSERT INTO domains (domain, description, status)"
    f" SELECT 'd' || n, repeat('x', 400), 'Queued' FROM generate_series(1, {RECORDS}) AS n",
    IMPORT: f"WITH d AS (INSERT INTO domains (domain) SELECT 'd' || n FROM generate_series(1, 500) AS n RETURNING id)"
    f" INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status)"
    f" SELECT id, 'https://a.test/' || n, 'manual', 'Queued' FROM d, generate_series(1, {RECORDS // 500}) AS n",
}


@dataclass(frozen=True)
class Table:
    """A table's counters since its creation."""

    updates: int
    heap_only: int
    dead: int


@dataclass(frozen=True)
class Cost:
    """What one claim costs: 8 KiB blocks visited, and milliseconds."""

    blocks: int
    milliseconds: float


@pytest.fixture
def session(database_url: str) -> Iterator[Connection]:
    """One function's connection for the whole test, as a warm Lambda keeps its own; no vacuum helps."""
    database = Database(load(Settings, {"DATABASE_URL": database_url}), "bloat", read_secret)
    with database.autocommit() as connection:
        yield connection
    database.engine.dispose()


@pytest.fixture
def observer(database_url: str) -> Iterator[Connection]:
    """Another connection, in whose transactions a claim is explained and taken back."""
    database = Database(load(Settings, {"DATABASE_URL": database_url}), "observer", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    ("workflow", "cycles"), [(METADATA, CYCLES), (IMPORT, CYCLES // 5)], ids=["metadata", "import"]
)
def test_thousands_of_cycles_leave_a_claim_as_cheap_as_it_was(
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
    # Of three updates a cycle (claim, complete, requeue) only completing leaves due_at, and so every index, alone.
    assert after.heap_only - before.heap_only >= 0.95 * cycles
    assert attempts.heap_only >= 0.75 * cycles
    assert cost_after.blocks <= 2 * cost_before.blocks
    assert cost_cleaned.blocks <= 1.25 * cost_before.blocks
    assert [table.dead for table in cleaned] == [0, 0]


def cycle(connection: Connection, workflow: Workflow) -> None:
    """Claims a batch, starts and completes it, and queues it again at the end."""
    held = claim(connection, workflow, batch=BATCH, max_in_flight=500, dispatch_lease=60, per_host=50)
    assert len(held) == BATCH
    ids = [one.attempt_id for one in held]
    for first in range(0, BATCH, MESSAGES):
        start(connection, ids[first : first + MESSAGES], lease=60, worker="function:12", request_id="a" * 36)
    for attempt_id in ids:
        complete(connection, workflow, attempt_id, code="read", detail={"pages": 12})
    requeue(connection, workflow, ids=[one.record_id for one in held], limit=BATCH, actor="test", reason="again")


def counters(connection: Connection, table: str) -> Table:
    """The table's counters, with everything that this session did, and the observer."""
    flush(connection)
    row = connection.execute(
        text("SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = :table"),
        {"table": table},
    ).one()
    return Table(*row)


def cost(connection: Connection, workflow: Workflow) -> Cost:
    """Of a claim now; the time is the median of five. What they left behind is counted when this returns, not later."""
    plans = [
        plans_of(
            connection, lambda c: claim(c, workflow, batch=BATCH, max_in_flight=500, dispatch_lease=60, per_host=50)
        )[0]
        for _ in range(5)
    ]
    with taken_back(connection):
        flush(connection)
    return Cost(min(plan.blocks for plan in plans), round(median(plan.milliseconds for plan in plans), 1))


def flush(connection: Connection) -> None:
    """Has the session's counters told when its transaction ends: on its own it tells them once a second at most.

    What a claim that was taken back left dead would otherwise be counted later, as if a VACUUM in between had left it.
    """
    connection.execute(text("SELECT pg_stat_force_next_flush()"))
