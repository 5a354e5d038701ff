"""A pull: what a running invocation takes by itself, under all the rules of a claim. The loop around it has a file."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.registry import IMPORT, METADATA, SUBMISSION
from scrapersky.status.claim import claim
from scrapersky.status.control import pause, resume
from scrapersky.status.finish import complete, snooze
from scrapersky.status.pull import Pulled, find_missed, find_unanswered, pull
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId
from tests.integration.test_verbs import queue, queue_files
from tests.records import make

pytestmark = pytest.mark.usefixtures("invariants_hold")

OLD_BACKLOGS = """
INSERT INTO domains (domain, tenant, status, due_at)
SELECT tenant || n || '.test', tenant, 'Queued', now() - make_interval(days => 30 - ascii(tenant) + ascii('a'), secs => -n)
FROM unnest('{a,b,c,d,e,f}'::text[]) AS tenant, generate_series(1, 300) AS n
"""


def pulled(connection: Connection, batch: int = 10, workflow: Workflow = METADATA, **more: Any) -> list[Pulled]:
    """Pull with defaults."""
    values: dict[str, Any] = {
        "max_in_flight": 1_000, "per_host": 1_000, "lease": 200.0, "worker": "w", "request_id": "r", "enough_time": True
    }  # fmt: skip
    return pull(connection, workflow, batch=batch, **(values | more))


def dispatched(connection: Connection, number: int) -> list[AttemptId]:
    """Claim as a tick does."""
    return [one.attempt_id for one in claim(connection, METADATA, batch=number, max_in_flight=1_000, dispatch_lease=60)]


def tenants_of(connection: Connection, attempts: list[Pulled]) -> Counter[str]:
    """Count the attempts by the tenant of their record."""
    ids = [one.attempt.record_id for one in attempts]
    rows = connection.execute(text("SELECT tenant FROM domains WHERE id = ANY(:ids)"), {"ids": ids})
    return Counter(rows.scalars())


def test_dispatched_attempts_come_first_oldest_first_and_then_due_records(connection: Connection) -> None:
    queue(connection, 5)
    waiting = dispatched(connection, 3)
    taken = pulled(connection, batch=2)
    assert [(one.attempt.attempt_id, one.claimed) for one in taken] == [(waiting[0], False), (waiting[1], False)]
    taken = pulled(connection, batch=2)
    assert (taken[0].attempt.attempt_id, [one.claimed for one in taken]) == (waiting[2], [False, True])
    assert len(pulled(connection)) == 1
    assert pulled(connection) == []


def test_whatever_is_pulled_is_started_with_the_work_lease_in_the_same_statement(connection: Connection) -> None:
    queue(connection, 2)
    dispatched(connection, 1)
    assert len(pulled(connection, lease=200)) == 2
    rows = connection.execute(
        text(
            "SELECT trigger, worker, request_id, started_at IS NOT NULL AS started,"
            " lease_until BETWEEN now() + interval '190 s' AND now() + interval '200 s' AS lease FROM attempts"
        )
    ).all()
    assert {tuple(row) for row in rows} == {("pull", "w", "r", True, True)}


def test_a_pull_locks_no_attempt_that_it_leaves(connection: Connection, engine: Engine) -> None:
    queue_files(connection, "theirs.test", 3, "1 hour")
    claim(connection, IMPORT, batch=8, max_in_flight=1_000, dispatch_lease=60)
    lease(connection, "theirs.test", "other")
    with engine.connect() as holder:
        assert pulled(holder, 9, IMPORT, request_id="me") == []
        assert hosts_of(connection, pulled(connection, 9, IMPORT, request_id="other")) == {"theirs.test": 3}


def test_the_message_of_a_pulled_attempt_starts_nothing_and_is_known_as_pulled(connection: Connection) -> None:
    queue(connection, 2)
    by_pull, by_message = dispatched(connection, 2)
    pulled(connection, batch=1)
    assert [
        one.attempt_id for one in start(connection, [by_pull, by_message], lease=60, worker="w", request_id="m")
    ] == [by_message]
    assert find_missed(connection, [by_pull, by_message]) == {by_pull: True}


def test_a_paused_workflow_is_not_pulled_neither_waiting_nor_due_records(connection: Connection) -> None:
    queue(connection, 3)
    (attempt, *_) = dispatched(connection, 1)
    pause(connection, METADATA, actor="ada", reason="wait")
    assert pulled(connection) == []
    assert len(start(connection, [attempt], lease=60, worker="w", request_id="m")) == 1, "a message is still worked on"
    resume(connection, METADATA, actor="ada", reason="go on")
    assert len(pulled(connection)) == 2


def test_new_claims_respect_max_in_flight_and_waiting_attempts_do_not_count_twice(connection: Connection) -> None:
    queue(connection, 9)
    dispatched(connection, 4)
    assert [one.claimed for one in pulled(connection, batch=6, max_in_flight=5)] == 4 * [False] + [True]
    assert pulled(connection, batch=6, max_in_flight=5) == []


@pytest.mark.parametrize("workflow", [METADATA, IMPORT])
def test_a_record_that_ran_out_of_time_needs_a_worker_with_a_whole_deadline(
    connection: Connection, workflow: Workflow
) -> None:
    for number in range(2):
        make(connection, workflow, "Queued", key=f"d{number}")
    first, second = pulled(connection, workflow=workflow)
    for one, code in ((first, "out_of_time"), (second, "later")):
        snooze(connection, workflow, one.attempt.attempt_id, code=code, reason="", after=0, detail={})
    late = pulled(connection, workflow=workflow, enough_time=False)
    assert [one.attempt.record_id for one in late] == [second.attempt.record_id]
    claimed = claim(connection, workflow, batch=5, max_in_flight=1_000, dispatch_lease=60)
    assert len(claimed) == 1, "a tick claims it, as its message starts a new invocation"
    assert pulled(connection, workflow=workflow, enough_time=False) == [], "nor is its dispatched attempt taken over"
    assert [one.attempt.record_id for one in pulled(connection, workflow=workflow)] == [first.attempt.record_id]


@pytest.mark.parametrize(
    ("ends", "others"),
    [(False, False), (True, False), (True, True)],
    ids=["still in flight", "each ended before the next pull", "another workflow pulls of one tenant in between"],
)
def test_six_tenants_with_old_backlogs_get_equal_shares_of_small_pulls(
    connection: Connection, ends: bool, others: bool
) -> None:
    connection.execute(text(OLD_BACKLOGS))
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued' WHERE tenant = 'a'"))
    taken: list[Pulled] = []
    for _ in range(80):
        taken += (now := pulled(connection, batch=3))
        if ends:
            for one in now:
                complete(connection, METADATA, one.attempt.attempt_id, code="read", detail={})
        if others:
            pulled(connection, 1, SUBMISSION)
    shares = tenants_of(connection, taken)
    assert shares.total() == 240
    assert set(shares) == set("abcdef")
    assert all(0.15 <= share / 240 <= 0.18 for share in shares.values()), shares


def test_no_tenant_starves_when_other_workflows_begin_many_attempts_between_small_pulls(connection: Connection) -> None:
    connection.execute(text(OLD_BACKLOGS))
    other = text(
        "INSERT INTO attempts (workflow, record_id, trigger, lease_until, finished_at, outcome)"
        " SELECT 'submission', 1, 'pull', now(), now(), 'done' FROM generate_series(1, 25)"
    )
    taken: list[Pulled] = []
    for _ in range(40):
        taken += (now := pulled(connection, batch=3))
        for one in now:
            complete(connection, METADATA, one.attempt.attempt_id, code="read", detail={})
        connection.execute(other)
    # Each pull serves a tenant with a probability of 1/2, so that this fails by chance once in 1.8e11 runs.
    assert set(tenants_of(connection, taken)) == set("abcdef")


def test_a_tenant_with_much_in_flight_waits_for_the_others(connection: Connection) -> None:
    connection.execute(text(OLD_BACKLOGS.replace("a,b,c,d,e,f", "a")))
    assert len(pulled(connection, batch=6)) == 6
    connection.execute(text(OLD_BACKLOGS.replace("a,b,c,d,e,f", "b")))
    assert tenants_of(connection, pulled(connection, batch=5)) == {"b": 5}


@pytest.mark.parametrize("free", [0, 1], ids=["all locked", "one is free"])
def test_locked_rows_at_the_head_of_a_tenant_leave_a_small_pull_full(
    engine: Engine, connection: Connection, free: int
) -> None:
    connection.execute(text(OLD_BACKLOGS.replace("a,b,c,d,e,f", "a")))
    with engine.connect() as other:
        lock = text("SELECT id FROM domains WHERE id > :free ORDER BY due_at, id LIMIT 200 FOR UPDATE")
        locked = other.execute(lock, {"free": free}).scalars().all()
        taken = pulled(connection, batch=3)
        at_head = [locked[0] - 1][:free]
        assert [one.attempt.record_id for one in taken] == [*at_head, *range(locked[-1] + 1, locked[-1] + 4 - free)]
        claimed = claim(connection, METADATA, batch=3, max_in_flight=1_000, dispatch_lease=60)
        assert len(claimed) == 3
        other.rollback()


def test_a_waiting_attempt_that_another_transaction_holds_is_skipped(engine: Engine, connection: Connection) -> None:
    queue(connection, 2)
    first, second = dispatched(connection, 2)
    with engine.connect() as other:
        other.execute(text("SELECT FROM attempts WHERE attempt_id = :id FOR UPDATE"), {"id": first})
        assert [one.attempt.attempt_id for one in pulled(connection)] == [second]
        other.rollback()


def test_a_record_that_a_foreign_key_refers_to_at_this_moment_is_not_skipped(
    engine: Engine, connection: Connection
) -> None:
    queue(connection, 1)
    with engine.connect() as other:
        other.execute(text("SELECT FROM domains FOR KEY SHARE"))
        assert len(pulled(connection)) == 1
        other.rollback()


def lease(connection: Connection, host: str, holder: str | None) -> None:
    """Lease ``host`` for ``holder``; None lets it cool down."""
    connection.execute(
        text("INSERT INTO host_leases VALUES (:host, :holder, now() + interval '1 min')"),
        {"host": host, "holder": holder},
    )


def hosts_of(connection: Connection, attempts: list[Pulled]) -> Counter[str]:
    """Count the attempts on sitemap files by their domain."""
    ids = [one.attempt.record_id for one in attempts]
    rows = connection.execute(
        text("SELECT domain FROM sitemap_files f JOIN domains d ON d.id = domain_id WHERE f.id = ANY(:ids)"),
        {"ids": ids},
    )
    return Counter(rows.scalars())


def test_the_hosts_of_this_worker_come_first_and_those_of_others_not_at_all(connection: Connection) -> None:
    for age, host in enumerate(("mine.test", "free.test", "cooling.test", "theirs.test"), start=1):
        queue_files(connection, host, 3, f"{age} hours")
    for host, holder in (("mine.test", "me"), ("theirs.test", "other"), ("cooling.test", None)):
        lease(connection, host, holder)
    assert hosts_of(connection, pulled(connection, 3, IMPORT, request_id="me")) == {"mine.test": 3}
    assert hosts_of(connection, pulled(connection, 9, IMPORT, request_id="me")) == {"free.test": 3}
    connection.execute(text("UPDATE host_leases SET held_until = now()"))
    assert hosts_of(connection, pulled(connection, 9, IMPORT, request_id="me")) == {"theirs.test": 3, "cooling.test": 3}


@pytest.mark.parametrize("enough_time", [False, True])
def test_attempts_that_wait_on_hosts_of_other_workers_are_not_taken_over(
    connection: Connection, enough_time: bool
) -> None:
    for host in ("mine.test", "free.test", "cooling.test", "theirs.test"):
        queue_files(connection, host, 2, "1 hour")
    claim(connection, IMPORT, batch=8, max_in_flight=1_000, dispatch_lease=60)
    for host, holder in (("mine.test", "me"), ("theirs.test", "other"), ("cooling.test", None)):
        lease(connection, host, holder)
    taken = pulled(connection, 9, IMPORT, request_id="me", enough_time=enough_time)
    assert hosts_of(connection, taken) == {"mine.test": 2, "free.test": 2}
    connection.execute(text("UPDATE host_leases SET held_until = now()"))
    taken = pulled(connection, 9, IMPORT, request_id="me", enough_time=enough_time)
    assert hosts_of(connection, taken) == {"theirs.test": 2, "cooling.test": 2}


def test_a_claim_that_sends_messages_takes_the_records_of_leased_hosts_too(connection: Connection) -> None:
    queue_files(connection, "theirs.test", 3, "1 hour")
    lease(connection, "theirs.test", "other")
    assert len(claim(connection, IMPORT, batch=9, max_in_flight=1_000, dispatch_lease=60)) == 3


def test_a_host_of_this_worker_is_found_behind_the_window_and_keeps_its_cap(connection: Connection) -> None:
    connection.execute(
        text(
            "WITH d AS (INSERT INTO domains (domain) SELECT 'old' || n FROM generate_series(1, 1000) n RETURNING id)"
            " INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status, sitemap_import_due_at)"
            " SELECT id, 'https://old.test/', 'manual', 'Queued', now() - interval '2 days' FROM d"
        )
    )
    queue_files(connection, "mine.test", 9, "1 minute")
    lease(connection, "mine.test", "me")
    hosts = hosts_of(connection, pulled(connection, 5, IMPORT, request_id="me", per_host=3))
    assert hosts["mine.test"] == 3
    assert hosts_of(connection, pulled(connection, 5, IMPORT, request_id="me", per_host=3))["mine.test"] == 0


def test_a_pull_of_one_finds_a_free_host_behind_a_hundred_that_are_at_their_cap(connection: Connection) -> None:
    for number in range(100):
        queue_files(connection, f"full{number}.test", 2, "2 days")
    assert len(pulled(connection, 100, IMPORT, per_host=1)) == 100
    queue_files(connection, "free.test", 1, "1 day")
    assert hosts_of(connection, pulled(connection, 1, IMPORT, per_host=1)) == {"free.test": 1}


def test_only_live_attempts_of_the_request_that_are_not_known_are_unanswered(connection: Connection) -> None:
    queue(connection, 4)
    waiting, _ = dispatched(connection, 2)
    first, second, third = pulled(connection, batch=3)
    assert first.attempt.attempt_id == waiting
    pulled(connection, request_id="another")
    complete(connection, METADATA, second.attempt.attempt_id, code="read", detail={})
    assert find_unanswered(connection, [METADATA], request_id="r", known=[]) == [first, third]
    assert find_unanswered(connection, [METADATA], request_id="r", known=[waiting]) == [third]
    assert find_unanswered(connection, [IMPORT], request_id="r", known=[]) == []
