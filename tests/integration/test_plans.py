"""Plans at half a million rows: no verb reads a table from end to end, whatever the statistics say or do not say.

A claim that joined its candidates plainly took 400 ms here, and with statistics from before the burst did not end in ten
minutes. Each verb is explained as it runs, and bounded by what it may read.
"""

from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection

from scrapersky.database import Database
from scrapersky.secret_store import read_secret
from scrapersky.service.registry import METADATA
from scrapersky.service.settings import Settings, load
from scrapersky.status.claim import claim
from scripts.local.postgres import Postgres
from tests.integration.large import BEFORE, NEVER, NOW, build
from tests.integration.plans import Plan, plans_of
from tests.integration.verbs import VERBS

WIDE = ("domains", "sitemap_files", "attempts", "status_events")
SLACK = 10

STANDS_ON = {
    "claim 50": "ix_domains_due",
    "claim 20 fairly between hosts": "ix_sitemap_files_sitemap_import_due_by_host",
    "gauges": "ix_domains_due",
    "requeue by error code": "ix_domains_error_code",
    "recover": "uq_attempts_one_live",
}
"""Verbs whose speed stands on one index."""


@pytest.fixture(scope="module")
def urls(postgres: Postgres) -> Iterator[Mapping[str, str]]:
    """The url of the large database in each state of its statistics."""
    urls = build(postgres)
    yield urls
    for url in urls.values():
        postgres.drop_database(url.rpartition("/")[2])


@pytest.fixture(scope="module", params=[NEVER, BEFORE, NOW])
def large(request: pytest.FixtureRequest, urls: Mapping[str, str]) -> Iterator[Connection]:
    """A connection as the functions make theirs, but for the autocommit: here everything is taken back."""
    database = Database(load(Settings, {"DATABASE_URL": urls[request.param]}), "plans", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        yield connection
    database.engine.dispose()


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_reads_no_table_whole_and_no_more_than_its_bound(large: Connection, name: str) -> None:
    verb, bound = VERBS[name]
    plans = plans_of(large, verb)
    told = "\n".join(plan.told() for plan in plans)
    assert [plan.read_whole(WIDE) for plan in plans if plan.read_whole(WIDE)] == [], told
    assert sum(plan.rows_read for plan in plans) <= bound + SLACK, told
    assert STANDS_ON.get(name, "") in {"", *(index for plan in plans for index in plan.indexes)}, told


def test_a_claim_visits_few_pages(large: Connection) -> None:
    def visited(batch: int) -> int:
        plans: list[Plan] = plans_of(
            large, lambda c: claim(c, METADATA, batch=batch, max_in_flight=10_000, dispatch_lease=60)
        )
        return sum(plan.blocks for plan in plans)

    one, fifty = visited(1), visited(50)
    # Each record: its candidates, its lock, the attempt with three indexes, the new row version with its, the audit.
    assert (fifty - one) / 49 <= 80, (one, fifty)
