"""Query plans at half a million rows: no verb reads a whole table, whatever the state of the statistics.

A claim with a plain join of its candidates took 400 ms here, and more than ten minutes with statistics from before
the burst.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest
from sqlalchemy import Connection, text

from api.late_commits import GAP
from scrapersky.contacts import SUMMARISE
from scrapersky.database import Database
from scrapersky.runtime.registry import METADATA, PAGE_READING, contact_pages
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.claim import claim
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.finish import Stale, complete, complete_all, fail
from scrapersky.status.pull import pull
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId
from scripts.commands.run.postgres import Postgres
from tests.conftest import TEMPLATE
from tests.integration.console_reads import READS
from tests.integration.large import BEFORE, NEVER, NOW, build, fill
from tests.integration.plans import Plan, plans_of, read_by
from tests.integration.verbs import VERBS

WIDE_TABLES = ("domains", "sitemap_files", "attempts", "status_events")
SLACK = 10
DONE = 20_000

NEEDED_INDEX = {
    "claim 50": "ix_domains_due",
    "claim 20, fair between hosts": "ix_sitemap_files_sitemap_import_due_by_host",
    "pull": "ix_domains_due",
    "pull, fair between hosts": "ix_sitemap_files_sitemap_import_due_by_host",
    "gauges": "ix_domains_due",
    "requeue by error code": "ix_domains_error_code",
    "refresh": "ix_domains_last_scan",
    "recover": "uq_attempts_one_live",
}
"""Verbs whose speed depends on one index."""


@pytest.fixture(scope="module")
def urls(postgres: Postgres) -> Iterator[Mapping[str, str]]:
    """The urls of the large database, one for each state of its statistics."""
    urls = build(postgres)
    yield urls
    for url in urls.values():
        postgres.drop_database(url.rpartition("/")[2])


@pytest.fixture(scope="module", params=[NEVER, BEFORE, NOW])
def large(request: pytest.FixtureRequest, urls: Mapping[str, str]) -> Iterator[Connection]:
    """A connection like those of the functions, but in transactions that are rolled back."""
    database = Database(load(Settings, {"DATABASE_URL": urls[request.param]}), "plans", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()


@pytest.mark.parametrize("name", [*VERBS, *READS])
def test_a_verb_reads_no_whole_table_and_no_more_than_its_bound(large: Connection, name: str) -> None:
    verb, bound = {**VERBS, **READS}[name]
    plans = plans_of(large, verb)
    summary = "\n".join(plan.summary() for plan in plans)
    assert [plan.sequential_scans(WIDE_TABLES) for plan in plans if plan.sequential_scans(WIDE_TABLES)] == [], summary
    assert sum(plan.rows_read for plan in plans) <= bound + SLACK, summary
    assert NEEDED_INDEX.get(name, "") in {"", *(index for plan in plans for index in plan.indexes)}, summary


@pytest.fixture(scope="module")
def nearly_empty(postgres: Postgres) -> Iterator[Connection]:
    """A queue of twenty records behind ``DONE`` that are done.

    Without statistics the planner takes all for queued, and a compact index for cheaper than that of due records.
    """
    url = postgres.create_database("nearly_empty", template=TEMPLATE)
    rows = f"FROM generate_series(1, {DONE} + 20) AS n"
    fill(
        url,
        f"INSERT INTO domains (domain, last_scan, status, due_at) SELECT n || '.test', now(), 'Queued', now() {rows}",
        f"""
        INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status, sitemap_import_due_at)
        SELECT 1, 'https://1.test/' || n, 'manual', 'Queued', now() {rows}
        """,
        f"UPDATE domains SET status = 'Completed', due_at = NULL WHERE id <= {DONE}",
        f"""
        UPDATE sitemap_files SET sitemap_import_status = 'Completed', sitemap_import_due_at = NULL WHERE id <= {DONE}
        """,
        "REINDEX INDEX ix_domains_tenant_id",
        "REINDEX INDEX ix_sitemap_files_tenant_id",
        "REINDEX INDEX uq_sitemap_files_domain_id_url",
    )
    database = Database(load(Settings, {"DATABASE_URL": url}), "plans", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()
    postgres.drop_database("nearly_empty")


@pytest.mark.parametrize("name", [*VERBS, *READS])
def test_a_verb_does_not_read_past_all_that_is_done(nearly_empty: Connection, name: str) -> None:
    verb, _ = {**VERBS, **READS}[name]

    def unless_stale(connection: Connection) -> None:
        with suppress(Stale):
            verb(connection)

    plans = plans_of(nearly_empty, unless_stale)
    assert sum(plan.rows_read for plan in plans) < DONE, "\n".join(plan.summary() for plan in plans)


@pytest.fixture
def connection(postgres: Postgres) -> Iterator[Connection]:
    """A connection like those of the functions to a database of its own, that was never analysed."""
    url = postgres.create_database("never_analysed", template=TEMPLATE)
    fill(url)
    database = Database(load(Settings, {"DATABASE_URL": url}), "plans", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()
    postgres.drop_database("never_analysed")


def test_a_hand_off_within_a_limit_counts_the_places_of_a_host_once(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("INSERT INTO domains (domain) VALUES ('a.test')"))
        rows = connection.execute(
            text("""
                INSERT INTO pages (domain_id, url, page_type, path_depth)
                SELECT 1, 'https://a.test/contact/' || n, 'contact', 2 FROM generate_series(1, 300) AS n RETURNING id
            """)
        )
        ids = list(rows.scalars())
        hand_off(connection, PAGE_READING, ids[:9], actor="a", reason="r", again=False)
    plans = plans_of(
        connection,
        lambda c: hand_off(
            c, PAGE_READING, ids[100:], actor="a", reason="r", again=False, per_host=contact_pages(Settings())
        ),
    )
    assert sum(plan.rows_read for plan in plans) <= 5 * 300, "\n".join(plan.summary() for plan in plans)


def test_the_summary_of_a_domain_reads_its_own_contacts_only(connection: Connection) -> None:
    contacts = """
        INSERT INTO contacts (domain_id, kind, value)
        SELECT domain, 'email', n || '@a.test' FROM generate_series({}, {}) AS domain, generate_series(1, 15) AS n
    """
    with connection.begin():
        connection.execute(text("INSERT INTO domains (domain) SELECT n || '.test' FROM generate_series(1, 500) AS n"))
        connection.execute(text(contacts.format(1, 3)))
        connection.execute(text("ANALYZE"))
        connection.execute(text(contacts.format(4, 500)))
    (plan,) = plans_of(connection, lambda c: c.execute(SUMMARISE, {"domain_ids": [7, 8, 9]}))
    assert plan.rows_read <= 3 * 15 + 3 * 2, plan.summary()


@pytest.fixture(scope="module")
def burst(postgres: Postgres) -> Iterator[tuple[Connection, list[AttemptId]]]:
    """A database that was analysed before anything was claimed, and its 5,000 live attempts."""
    url = postgres.create_database("burst", template=TEMPLATE)
    database = Database(load(Settings, {"DATABASE_URL": url}), "plans", read_secret)
    with database.autocommit() as connection:
        connection.execute(
            text(
                "INSERT INTO domains (domain, status) SELECT n || '.test', 'Queued' FROM generate_series(1, 5000) AS n"
            )
        )
        connection.execute(text("VACUUM ANALYZE"))
        claimed = claim(connection, METADATA, batch=5_000, max_in_flight=5_000, dispatch_lease=60)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection, [one.attempt_id for one in claimed]
    database.engine.dispose()
    postgres.drop_database("burst")


BY_ATTEMPT: Mapping[str, Callable[[Connection, list[AttemptId]], object]] = {
    "start": lambda c, ids: start(c, ids, lease=60, worker="w", request_id="r"),
    "complete": lambda c, ids: complete(c, METADATA, ids[0], code="read", detail={}),
    "complete several": lambda c, ids: complete_all(c, METADATA, {one: ("read", {}) for one in ids}),
    "fail": lambda c, ids: fail(c, METADATA, ids[0], code="parked", reason="for sale", detail={}),
    "release": lambda c, ids: release(c, METADATA, ids, code="send_failed"),
    "dead letter": lambda c, ids: dead_letter(c, METADATA, ids[0], reason="gave up"),
}


@pytest.mark.parametrize("name", BY_ATTEMPT)
def test_a_verb_that_knows_the_attempts_id_reads_no_other_live_attempt(
    burst: tuple[Connection, list[AttemptId]], name: str
) -> None:
    connection, attempts = burst
    plans = plans_of(connection, lambda c: BY_ATTEMPT[name](c, attempts[700:710]))
    read = sum(read_by(node) for plan in plans for node in plan.scans if node["Relation Name"] == "attempts")
    assert read <= 2 * 10, "\n".join(plan.summary() for plan in plans)


def test_a_plan_that_is_kept_from_when_the_tables_were_empty_reads_no_whole_table(postgres: Postgres) -> None:
    url = postgres.create_database("kept_plans", template=TEMPLATE)
    database = Database(load(Settings, {"DATABASE_URL": url}), "plans", read_secret)
    queue = "INSERT INTO domains (domain, status) SELECT n || '.test', 'Queued' FROM generate_series(1, 3000) AS n"
    scans = "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relname = ANY('{domains,attempts,status_events}')"

    def work(connection: Connection, records: int) -> int:
        pulled = pull(
            connection, METADATA,
            batch=records, max_in_flight=9_000, per_host=9, lease=60, worker="w", request_id="r", enough_time=True,
        )  # fmt: skip
        results = {one.attempt.attempt_id: ("read", dict[str, object]()) for one in pulled}
        return len(complete_all(connection, METADATA, results))

    with database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE"))
        # Postgres decides after five executions of a named statement whether it keeps the plan.
        assert [work(connection, 1) for _ in range(12)] == [0] * 12
        connection.execute(text(queue))
        kept = "SELECT count(*) FROM pg_prepared_statements WHERE generic_plans > 0 AND statement LIKE '%attempts%'"
        assert connection.execute(text(kept)).scalar_one() == 2
        connection.exec_driver_sql("BEGIN")
        before = connection.execute(text(scans)).scalar_one()
        assert [work(connection, 50) for _ in range(3)] == [50] * 3
        assert connection.execute(text(scans)).scalar_one() == before
        connection.exec_driver_sql("COMMIT")
    database.engine.dispose()
    postgres.drop_database("kept_plans")


def test_a_claim_visits_few_blocks_per_record(large: Connection) -> None:
    def blocks(batch: int) -> int:
        plans: list[Plan] = plans_of(
            large, lambda c: claim(c, METADATA, batch=batch, max_in_flight=10_000, dispatch_lease=60)
        )
        return sum(plan.blocks for plan in plans)

    one, fifty = blocks(1), blocks(50)
    # Per record: candidates, lock, attempt with three indexes, new row version with its indexes, audit.
    assert (fifty - one) / 49 <= 80, (one, fifty)


def test_a_listing_finds_the_first_missing_id_by_the_index_alone(large: Connection) -> None:
    (plan,) = plans_of(large, lambda c: c.execute(text(GAP.format(table="domains")), {"start": -9, "end": 500_000}))
    assert plan.indexes == {"pk_domains"}
    assert plan.rows_read <= SLACK, plan.summary()
