"""The verbs of the status machine, one by one on a real database."""

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.registry import IMPORT, METADATA, SUBMISSION
from scrapersky.status import requeue as requeueing
from scrapersky.status.abandon import abandon
from scrapersky.status.budget import Spent, seconds_left_today, spend
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.control import pause
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.finish import Stale, complete, fail, retry, snooze
from scrapersky.status.gauges import read_gauges
from scrapersky.status.invariants import find_breaches
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId

pytestmark = pytest.mark.usefixtures("invariants_hold")

BACKOFF = Backoff(base=30, cap=600, max_failures=3)


def queue(connection: Connection, number: int) -> list[RecordId]:
    """Queue ``number`` domains that fell due one second apart, the first one earliest."""
    rows = connection.execute(
        text(
            "INSERT INTO domains (domain, status, due_at) SELECT 'd' || n || '.test', 'Queued',"
            " now() - make_interval(secs => :n - n + 1) FROM generate_series(1, :n) AS n RETURNING id"
        ),
        {"n": number},
    )
    return list(rows.scalars())


def claim_attempts(
    connection: Connection, *, batch: int = 10, lease: float = 600, max_in_flight: int = 100
) -> list[AttemptId]:
    """Claim; return the attempt ids."""
    claimed = claim(connection, METADATA, batch=batch, max_in_flight=max_in_flight, dispatch_lease=lease)
    return [one.attempt_id for one in claimed]


def start_attempts(connection: Connection, attempt_ids: list[AttemptId], *, lease: float = 60) -> list[AttemptId]:
    """Start; return the attempt ids that were started."""
    return [one.attempt_id for one in start(connection, attempt_ids, lease=lease, worker="w", request_id="r")]


def row(connection: Connection) -> tuple[str, int, str | None]:
    """Return status, failures and error code of the only domain."""
    return tuple(connection.execute(text("SELECT status, failures, error_code FROM domains")).one())


def test_the_oldest_due_record_is_claimed_first(connection: Connection) -> None:
    ids = queue(connection, 5)
    claimed = claim(connection, METADATA, batch=2, max_in_flight=100, dispatch_lease=60)
    assert [one.record_id for one in claimed] == ids[:2]


def test_a_record_that_is_not_yet_due_is_not_claimed(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO domains (domain, status, due_at) VALUES ('a', 'Queued', now() + interval '1 h')")
    )
    assert claim_attempts(connection) == []


def test_live_attempts_limit_the_next_claim(connection: Connection) -> None:
    queue(connection, 10)
    assert len(claim_attempts(connection, batch=6, max_in_flight=8)) == 6
    assert len(claim_attempts(connection, batch=6, max_in_flight=8)) == 2
    assert claim_attempts(connection, batch=6, max_in_flight=8) == []


@pytest.mark.parametrize("by_id", [False, True])
def test_attempts_that_ended_and_those_of_another_workflow_limit_no_claim(connection: Connection, by_id: bool) -> None:
    ids = queue(connection, 4)
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued'"))
    first = claim_attempts(connection, batch=2, max_in_flight=2)
    assert len(claim(connection, SUBMISSION, batch=2, max_in_flight=2, dispatch_lease=60)) == 2
    for attempt in start_attempts(connection, first):
        complete(connection, METADATA, attempt, code="read", detail={})
    given = ids if by_id else None
    assert len(claim(connection, METADATA, batch=2, max_in_flight=2, dispatch_lease=60, ids=given)) == 2


def test_a_paused_workflow_is_not_claimed_until_the_pause_ends(connection: Connection) -> None:
    queue(connection, 1)
    pause(connection, METADATA, actor="ada", reason="test", seconds=600)
    assert claim_attempts(connection) == []
    connection.execute(text("UPDATE pauses SET paused_until = now() - interval '1 s'"))
    assert len(claim_attempts(connection)) == 1


def test_the_events_of_an_attempt_name_it(connection: Connection) -> None:
    queue(connection, 1)
    (attempt,) = start_attempts(connection, claim_attempts(connection))
    complete(connection, METADATA, attempt, code="read", detail={})
    events = connection.execute(text("SELECT to_status, attempt_id FROM status_events ORDER BY event_id")).all()
    assert list(map(tuple, events)) == [("Queued", None), ("Processing", attempt), ("Completed", attempt)]


def test_an_attempt_starts_once(connection: Connection) -> None:
    queue(connection, 1)
    attempts = claim_attempts(connection)
    assert start_attempts(connection, attempts) == attempts
    assert start_attempts(connection, attempts) == []


def test_a_result_of_a_lost_attempt_is_stale_and_changes_nothing(connection: Connection) -> None:
    queue(connection, 1)
    (old,) = start_attempts(connection, claim_attempts(connection), lease=-1)
    (recovered,) = recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    assert recovered.started
    connection.execute(text("UPDATE domains SET due_at = now()"))
    (new,) = start_attempts(connection, claim_attempts(connection))
    with pytest.raises(Stale):
        complete(connection, METADATA, old, code="late", detail={})
    with pytest.raises(Stale):
        fail(connection, METADATA, old, code="late", reason="late", detail={})
    assert row(connection) == ("Processing", 1, None)
    complete(connection, METADATA, new, code="read", detail={})
    assert row(connection) == ("Completed", 0, None)


def test_retry_backs_off_exponentially_with_jitter_and_ends_in_error(connection: Connection) -> None:
    queue(connection, 1)
    for failures, (low, high) in enumerate([(15, 30), (30, 60)], start=1):
        connection.execute(text("UPDATE domains SET due_at = now()"))
        (attempt,) = claim_attempts(connection)
        finished = retry(
            connection, METADATA, attempt, code="timeout", reason="slow", after=None, backoff=BACKOFF, detail={}
        )
        assert finished.failures == failures
        assert finished.due_in is not None
        assert low <= finished.due_in <= high
    connection.execute(text("UPDATE domains SET due_at = now()"))
    (attempt,) = claim_attempts(connection)
    retry(connection, METADATA, attempt, code="timeout", reason="slow", after=None, backoff=BACKOFF, detail={})
    assert row(connection) == ("Error", 3, "timeout")


def test_a_record_that_was_never_started_is_recovered_without_a_failure(connection: Connection) -> None:
    queue(connection, 1)
    claim_attempts(connection, lease=-1)
    (recovered,) = recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    assert not recovered.started
    assert row(connection) == ("Queued", 0, None)


def test_a_record_whose_messages_are_never_started_ends_in_error(connection: Connection) -> None:
    queue(connection, 1)
    for _ in range(3):
        claim_attempts(connection, lease=-1)
        recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=3)
    assert row(connection) == ("Error", 0, "undeliverable")


def test_undelivered_attempts_count_only_in_a_row(connection: Connection) -> None:
    queue(connection, 1)
    for _ in range(3):
        for _ in range(2):
            claim_attempts(connection, lease=-1)
            recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=3)
        (attempt,) = start_attempts(connection, claim_attempts(connection))
        snooze(connection, METADATA, attempt, code="later", reason="busy", after=0, detail={})
    assert row(connection)[0] == "Queued"


def test_a_record_whose_workers_are_always_lost_ends_in_error(connection: Connection) -> None:
    queue(connection, 1)
    for _ in range(3):
        connection.execute(text("UPDATE domains SET due_at = now()"))
        start_attempts(connection, claim_attempts(connection), lease=-1)
        recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=3)
    assert row(connection) == ("Error", 3, "lost_repeatedly")


def test_attempts_within_their_lease_are_not_recovered(connection: Connection) -> None:
    queue(connection, 2)
    attempts = claim_attempts(connection)
    start_attempts(connection, attempts[:1])
    assert recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5) == []


def test_a_record_that_cannot_be_recovered_hides_no_other(connection: Connection) -> None:
    ids = queue(connection, 3)
    claim_attempts(connection, lease=-1)
    connection.execute(
        text(
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.id = {ids[0]} THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$"
        )
    )
    connection.execute(text("CREATE TRIGGER refuse BEFORE UPDATE ON domains FOR EACH ROW EXECUTE FUNCTION refuse()"))
    recovered = recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    assert [one.record_id for one in recovered] == ids[1:]


def test_a_dead_letter_ends_its_record_in_error(connection: Connection) -> None:
    queue(connection, 1)
    (attempt,) = claim_attempts(connection)
    assert dead_letter(connection, METADATA, attempt, reason="crashed at start") is not None
    assert row(connection) == ("Error", 1, "dead_letter")


def test_a_late_dead_letter_ends_neither_a_newer_nor_a_started_attempt(connection: Connection) -> None:
    queue(connection, 1)
    (old,) = claim_attempts(connection)
    release(connection, METADATA, [old], code="send_failed")
    (new,) = start_attempts(connection, claim_attempts(connection))
    assert dead_letter(connection, METADATA, old, reason="late") is None
    assert dead_letter(connection, METADATA, new, reason="late") is None
    assert row(connection)[0] == "Processing"


def test_only_live_attempts_are_released_and_no_failure_is_counted(connection: Connection) -> None:
    queue(connection, 2)
    first, second = claim_attempts(connection)
    complete(connection, METADATA, first, code="read", detail={})
    assert len(release(connection, METADATA, [first, second], code="send_failed")) == 1
    assert read_gauges(connection, METADATA).queued == 1


@pytest.mark.parametrize(
    ("ids", "reason", "limit"), [(None, "because", 10), ([1], " ", 10), ([1], "because", 5_001), ([1], "because", 0)]
)
def test_requeue_needs_a_filter_a_reason_and_a_limit_within_bounds(
    connection: Connection, ids: list[RecordId] | None, reason: str, limit: int
) -> None:
    with pytest.raises(ValueError, match=r"requeue needs|requeue moves"):
        requeueing.requeue(connection, METADATA, ids=ids, reason=reason, limit=limit, actor="ada")


def test_hand_offs_never_change_queued_or_processing_records(connection: Connection) -> None:
    queued, processing = queue(connection, 2)
    claim(connection, METADATA, batch=1, max_in_flight=10, dispatch_lease=60, ids=[processing])
    before = connection.execute(text("SELECT id, status, due_at FROM domains ORDER BY id")).all()
    assert (
        requeueing.hand_off(connection, METADATA, [queued, processing], actor="test", reason="test", again=True) == {}
    )
    assert connection.execute(text("SELECT id, status, due_at FROM domains ORDER BY id")).all() == before


def test_two_dispatchers_never_claim_the_same_record(engine: Engine, connection: Connection) -> None:
    queue(connection, 20)
    with engine.connect() as one, engine.connect() as other:
        first = claim_attempts(one, batch=10)
        second = claim_attempts(other, batch=10)
        one.commit()
        other.commit()
    assert len(first) == len(second) == 10
    assert connection.execute(text("SELECT count(DISTINCT record_id) FROM attempts")).scalar_one() == 20


def test_tenants_are_served_fairly_whatever_their_age_and_number(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO domains (domain, tenant, status, due_at) SELECT 'big' || n, 'big', 'Queued', now() - interval '1 h'"
            " FROM generate_series(1, 100) AS n"
        )
    )
    connection.execute(
        text(
            "INSERT INTO domains (domain, tenant, status) SELECT 'small' || n, 'small', 'Queued' FROM generate_series(1, 3) n"
        )
    )
    claim_attempts(connection, batch=6)
    claimed = connection.execute(
        text("SELECT tenant, count(*) FROM domains WHERE status = 'Processing' GROUP BY 1 ORDER BY 1")
    ).all()
    assert [tuple(row) for row in claimed] == [("big", 3), ("small", 3)]


@pytest.mark.parametrize(("workflow", "table"), [(METADATA, "domains"), (IMPORT, "sitemap_files")])
def test_what_a_tenant_has_in_flight_counts_and_what_waits_does_not(
    connection: Connection, workflow: Workflow, table: str
) -> None:
    connection.execute(
        text(
            "WITH d AS (INSERT INTO domains (domain, tenant, status, due_at)"
            " SELECT tenant || n, tenant, 'Queued', now() - interval '1 h' * n"
            " FROM (VALUES ('much', 10), ('little', 8)) AS one(tenant, number), generate_series(1, number) AS n"
            " RETURNING id, domain, tenant, due_at) INSERT INTO sitemap_files (domain_id, tenant, url, discovery_method,"
            " sitemap_import_status, sitemap_import_due_at)"
            " SELECT id, tenant, 'https://' || domain, 'manual', 'Queued', due_at FROM d"
        )
    )
    of_little = connection.execute(text(f"SELECT id FROM {table} WHERE tenant = 'little' LIMIT 3")).scalars().all()
    assert len(claim(connection, workflow, batch=3, max_in_flight=100, dispatch_lease=60, ids=list(of_little))) == 3
    claimed = claim(connection, workflow, batch=3, max_in_flight=100, dispatch_lease=60)
    tenants = connection.execute(
        text(f"SELECT DISTINCT tenant FROM {table} WHERE id = ANY(:ids)"), {"ids": [one.record_id for one in claimed]}
    )
    assert (len(claimed), list(tenants.scalars())) == (3, ["much"])


def queue_files(connection: Connection, host: str, number: int, age: str) -> None:
    """Queue sitemap files of one host, all due ``age`` ago."""
    connection.execute(
        text(
            f"WITH d AS (INSERT INTO domains (domain) VALUES ('{host}') RETURNING id)"
            f" INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status, sitemap_import_due_at)"
            f" SELECT id, 'https://{host}/' || n, 'manual', 'Queued', now() - interval '{age}'"
            f" FROM d, generate_series(1, {number}) n"
        )
    )


def claimed_by_host(connection: Connection) -> dict[str, int]:
    """Return the live attempts on sitemap files, by host."""
    rows = connection.execute(
        text(
            "SELECT domain, count(*) FROM attempts JOIN sitemap_files f ON f.id = record_id"
            " JOIN domains d ON d.id = f.domain_id WHERE finished_at IS NULL GROUP BY 1"
        )
    )
    return {row[0]: row[1] for row in rows}


def test_a_host_with_many_old_records_hides_no_other_and_keeps_its_cap(connection: Connection) -> None:
    queue_files(connection, "huge.test", 2_000, "1 day")
    for number in range(5):
        queue_files(connection, f"small{number}.test", 2, "1 minute")
    for _ in range(3):
        claim(connection, IMPORT, batch=20, max_in_flight=500, dispatch_lease=60, per_host=4)
    claimed = claimed_by_host(connection)
    assert claimed.pop("huge.test") == 4
    assert claimed == {f"small{number}.test": 2 for number in range(5)}


def test_the_walk_of_a_tenant_begins_at_its_own_hosts(connection: Connection) -> None:
    queue_files(connection, "huge.test", 2_000, "1 day")
    for number in range(5):
        queue_files(connection, f"small{number}.test", 2, "1 minute")
    connection.execute(
        text("INSERT INTO domains (id, domain, tenant) OVERRIDING SYSTEM VALUE VALUES (10000000, 'far.test', 'far')")
    )
    connection.execute(
        text(
            "INSERT INTO sitemap_files (domain_id, tenant, url, discovery_method, sitemap_import_status)"
            " VALUES (10000000, 'far', 'https://far.test/', 'manual', 'Queued')"
        )
    )
    claim(connection, IMPORT, batch=20, max_in_flight=500, dispatch_lease=60, per_host=4)
    assert claimed_by_host(connection) == {"huge.test": 4, "far.test": 1, **{f"small{n}.test": 2 for n in range(5)}}


def test_the_walk_takes_no_step_for_a_host_without_due_records_of_its_tenant(connection: Connection) -> None:
    for place in ("before", "between", "behind"):
        for tenant, status in (("default", "New"), ("far", "Queued")):
            connection.execute(
                text(
                    "WITH d AS (INSERT INTO domains (domain, tenant) SELECT :place || :tenant || n || '.test', :tenant"
                    " FROM generate_series(1, 500) n RETURNING id) INSERT INTO sitemap_files (domain_id, tenant, url,"
                    " discovery_method, sitemap_import_status, sitemap_import_due_at) SELECT id, :tenant, 'https://'"
                    " || id, 'manual', :status, CASE :status WHEN 'Queued' THEN now() + interval '1 day' END FROM d"
                ),
                {"place": place, "tenant": tenant, "status": status},
            )
        if place != "behind":
            queue_files(connection, f"{place}.test", 4, "1 minute")
            queue_files(connection, f"huge-{place}.test", 1_000, "1 day")
    claim(connection, IMPORT, batch=20, max_in_flight=500, dispatch_lease=60, per_host=4)
    huge = {"huge-before.test": 4, "huge-between.test": 4}
    assert claimed_by_host(connection) == {**huge, "before.test": 4, "between.test": 4}


def test_the_walk_begins_anywhere_and_takes_at_most_two_batches_of_steps(connection: Connection) -> None:
    queue_files(connection, "huge.test", 1_000, "1 day")
    connection.execute(
        text(
            "WITH d AS (INSERT INTO domains (domain) SELECT n || '.test' FROM generate_series(1, 1000) n"
            " RETURNING id, domain) INSERT INTO sitemap_files (domain_id, url, discovery_method,"
            " sitemap_import_status, sitemap_import_due_at) SELECT id, 'https://' || domain, 'manual', 'Queued', now()"
            " - CASE WHEN domain LIKE '%50.test' THEN interval '1 hour' ELSE interval '1 minute' END FROM d"
        )
    )
    found = []
    for seed in (0.1, 0.2, 0.3):
        connection.execute(text("BEGIN"))
        connection.execute(text("SELECT setseed(:seed)"), {"seed": seed})
        claim(connection, IMPORT, batch=20, max_in_flight=500, dispatch_lease=60, per_host=1)
        found.append(claimed_by_host(connection).keys() - {"huge.test"})
        connection.execute(text("ROLLBACK"))
    assert [len(hosts) for hosts in found] == [19, 19, 19]
    assert len(set.union(*found)) > 19
    assert [sum(host.endswith("50.test") for host in hosts) for hosts in found] == [1, 1, 1]


def test_the_oldest_due_record_comes_first_when_no_host_is_at_its_cap(connection: Connection) -> None:
    for number, age in enumerate(["1 minute", "3 hours", "2 hours", "5 hours"]):
        queue_files(connection, f"host{number}.test", 1, age)
    claim(connection, IMPORT, batch=2, max_in_flight=500, dispatch_lease=60, per_host=4)
    assert claimed_by_host(connection) == {"host3.test": 1, "host1.test": 1}


def test_cancel_changes_only_queued_records(connection: Connection) -> None:
    queued, processing = queue(connection, 2)
    claim(connection, METADATA, batch=1, max_in_flight=10, dispatch_lease=60, ids=[processing])
    assert cancel(connection, METADATA, [queued, processing], actor="ada", reason="a mistake") == [queued]


def test_abandon_ends_the_record_and_makes_the_result_of_its_worker_stale(connection: Connection) -> None:
    (record_id,) = queue(connection, 1)
    (attempt,) = start_attempts(connection, claim_attempts(connection))
    assert abandon(connection, METADATA, [record_id], actor="ada", reason="it loops") == [record_id]
    assert row(connection) == ("Error", 1, "abandoned")
    with pytest.raises(Stale):
        complete(connection, METADATA, attempt, code="read", detail={})
    assert find_breaches(connection, METADATA) == []


def test_a_budget_has_a_cap_per_record_and_per_day(connection: Connection) -> None:
    def call(key: str) -> Spent:
        return spend(connection, "places", key, per_day=3, per_record=2)

    assert [call("a"), call("a"), call("a")] == [Spent.ALLOWED, Spent.ALLOWED, Spent.RECORD_EXHAUSTED]
    assert [call("b"), call("c")] == [Spent.ALLOWED, Spent.DAY_EXHAUSTED]
    assert spend(connection, "other", "a", per_day=0, per_record=2) is Spent.DAY_EXHAUSTED
    assert spend(connection, "other", "b", per_day=9, per_record=0) is Spent.RECORD_EXHAUSTED
    assert 0 < seconds_left_today(connection) <= 86_400


def test_a_refused_paid_call_charges_neither_the_record_nor_the_day(connection: Connection) -> None:
    def call(key: str, per_day: int) -> Spent:
        return spend(connection, "places", key, per_day=per_day, per_record=2)

    assert [call("a", 1), *(call("b", 1) for _ in range(3))] == [Spent.ALLOWED, *3 * [Spent.DAY_EXHAUSTED]]
    assert [call("b", 4) for _ in range(4)] == [*2 * [Spent.ALLOWED], *2 * [Spent.RECORD_EXHAUSTED]]
    assert call("c", 4) is Spent.ALLOWED
    assert call("a", 4) is Spent.DAY_EXHAUSTED


def test_the_calls_of_another_budget_or_day_leave_this_days_calls(connection: Connection) -> None:
    for budget, day in (("proxy", "now"), ("places", "2026-01-01")):
        used = f"INSERT INTO paid_calls (budget, day, key, calls) VALUES ('{budget}', '{day}', '', 9)"
        connection.execute(text(used))
    assert spend(connection, "places", "a", per_day=1, per_record=1) is Spent.ALLOWED
