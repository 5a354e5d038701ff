"""Plans at half a million rows: no verb reads a table from end to end, whatever the statistics say or do not say.

A claim that joined its candidates plainly took 400 ms here, and with statistics from before the burst did not end in ten
minutes. Each verb is explained as it runs, and bounded by what it may read.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import Connection

from scrapersky.database import Database
from scrapersky.secret_store import read_secret
from scrapersky.service.registry import IMPORT, METADATA
from scrapersky.service.settings import Settings, load
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.control import read_control, ticked
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.explain import explain
from scrapersky.status.finish import Backoff, complete, fail, retry, snooze
from scrapersky.status.gauges import read_gauges
from scrapersky.status.invariants import count_cheap_breaches
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.start import start
from scripts.local.postgres import Postgres
from tests.integration.large import BEFORE, LIVE, NEVER, NEWEST, NOW, QUEUED, TENANTS, build
from tests.integration.plans import Plan, plans_of

WIDE = ("domains", "sitemap_files", "attempts", "status_events")
BACKOFF = Backoff(base=30, cap=600, max_failures=3)
IDS = list(range(1_001, 200_000, 401))[:100]
"""A hundred domains, of which some are queued and some are not."""
HELD = [NEWEST + n for n in (1, 3, 5, 7, 9)]
"""Attempts within their lease that nobody started."""
SLACK = 10

Verb = Callable[[Connection], object]

VERBS: Mapping[str, tuple[Verb, int]] = {
    # name: (verb, rows that all of its statements together may read)
    "claim 50": (
        lambda c: claim(c, METADATA, batch=50, max_in_flight=LIVE + 50, dispatch_lease=60),
        LIVE + 3 * TENANTS + (16 + 2) * 50,
    ),
    "claim 1000": (
        lambda c: claim(c, METADATA, batch=1_000, max_in_flight=LIVE + 1_000, dispatch_lease=60),
        LIVE + 3 * TENANTS + (16 + 2) * 1_000,
    ),
    "claim 20 fairly between hosts": (
        lambda c: claim(c, IMPORT, batch=20, max_in_flight=LIVE + 20, dispatch_lease=60, per_host=10),
        3 * LIVE + 6 * TENANTS + (16 + 8 + 2) * 20,
    ),
    "claim of chosen records": (
        lambda c: claim(c, METADATA, batch=100, max_in_flight=LIVE + 100, dispatch_lease=60, ids=IDS),
        LIVE + 4 * len(IDS),
    ),
    "recover": (lambda c: recover(c, METADATA, limit=500, backoff=BACKOFF, undelivered_max=5), 3 * LIVE),
    # The fewer are asked for, the more a walk through all of history by its key looks like a bargain.
    "recover one": (lambda c: recover(c, METADATA, limit=1, backoff=BACKOFF, undelivered_max=5), LIVE + 4),
    "gauges": (lambda c: read_gauges(c, METADATA), QUEUED + 2 * LIVE + 4 * TENANTS),
    "cheap invariants": (lambda c: count_cheap_breaches(c, METADATA), 2 * LIVE),
    "start": (lambda c: start(c, HELD, lease=60, worker="w", request_id="r"), 3 * len(HELD)),
    "complete": (lambda c: complete(c, METADATA, HELD[1], code="read", detail={}), 2),
    "fail": (lambda c: fail(c, METADATA, HELD[1], code="parked", reason="for sale", detail={}), 2),
    "retry": (
        lambda c: retry(c, METADATA, HELD[1], code="dns", reason="none", after=None, backoff=BACKOFF, detail={}),
        2,
    ),
    "snooze": (lambda c: snooze(c, METADATA, HELD[1], code="later", reason="busy", after=60, detail={}), 2),
    "release": (lambda c: release(c, METADATA, HELD, code="send_failed"), 3 * len(HELD)),
    "dead letter": (lambda c: dead_letter(c, METADATA, HELD[0], reason="gave up"), 2),
    "requeue by ids": (lambda c: requeue(c, METADATA, ids=IDS, limit=100, actor="a", reason="r"), 2 * len(IDS)),
    "requeue by error code": (
        lambda c: requeue(c, METADATA, error_code="http_404", limit=100, actor="a", reason="r"),
        2 * 100,
    ),
    "hand-off": (lambda c: hand_off(c, METADATA, IDS, actor="a", reason="r", again=True), 2 * len(IDS)),
    "cancel": (lambda c: cancel(c, METADATA, IDS, actor="a", reason="r"), 2 * len(IDS)),
    "abandon": (lambda c: abandon(c, METADATA, [1, 3, 5, 7, 9], actor="a", reason="r"), 3 * len(HELD)),
    "explain": (lambda c: explain(c, METADATA, 777), 4),
    "heartbeat": (lambda c: ticked(c, METADATA), 2),
    "switches": (lambda c: read_control(c, METADATA), 2),
}

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
