"""The verbs of the status machine, each alone on a real database."""

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.service.registry import METADATA
from scrapersky.status import requeue as requeueing
from scrapersky.status.claim import claim
from scrapersky.status.control import pause
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.finish import Backoff, Stale, complete, fail, retry
from scrapersky.status.gauges import read_gauges
from scrapersky.status.invariants import count_cheap_breaches, find_breaches
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.start import start

BACKOFF = Backoff(base=30, cap=600, max_failures=3)


def queue(connection: Connection, number: int) -> list[int]:
    """Queues ``number`` domains, due one second apart, the first longest ago."""
    rows = connection.execute(
        text(
            "INSERT INTO domains (domain, status, due_at) SELECT 'd' || n || '.test', 'Queued',"
            " now() - make_interval(secs => :n - n + 1) FROM generate_series(1, :n) AS n RETURNING id"
        ),
        {"n": number},
    )
    return list(rows.scalars())


def take(connection: Connection, *, batch: int = 10, lease: float = 600, max_in_flight: int = 100) -> list[int]:
    """Claims; returns attempt ids."""
    claimed = claim(connection, METADATA, batch=batch, max_in_flight=max_in_flight, dispatch_lease=lease)
    return [held.attempt_id for held in claimed]


def begin(connection: Connection, attempt_ids: list[int], *, lease: float = 60) -> list[int]:
    """Starts; returns the attempt ids that were started."""
    return [one.attempt_id for one in start(connection, attempt_ids, lease=lease, worker="w", request_id="r")]


def row(connection: Connection) -> tuple[str, int, str | None]:
    """Status, failures and error code of the only domain."""
    return tuple(connection.execute(text("SELECT status, failures, error_code FROM domains")).one())


def test_the_oldest_due_is_claimed_first(connection: Connection) -> None:
    ids = queue(connection, 5)
    claimed = claim(connection, METADATA, batch=2, max_in_flight=100, dispatch_lease=60)
    assert [held.record_id for held in claimed] == ids[:2]


def test_a_record_due_later_is_not_claimed(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO domains (domain, status, due_at) VALUES ('a', 'Queued', now() + interval '1 h')")
    )
    assert take(connection) == []


def test_live_attempts_bound_the_next_claim(connection: Connection) -> None:
    queue(connection, 10)
    assert len(take(connection, batch=6, max_in_flight=8)) == 6
    assert len(take(connection, batch=6, max_in_flight=8)) == 2
    assert take(connection, batch=6, max_in_flight=8) == []


def test_a_paused_workflow_gives_nothing_until_the_pause_ends(connection: Connection) -> None:
    queue(connection, 1)
    pause(connection, METADATA, actor="ada", reason="test", seconds=600)
    assert take(connection) == []
    connection.execute(text("UPDATE service_controls SET paused_until = now() - interval '1 s'"))
    assert len(take(connection)) == 1


def test_an_attempt_starts_once(connection: Connection) -> None:
    queue(connection, 1)
    attempts = take(connection)
    assert begin(connection, attempts) == attempts
    assert begin(connection, attempts) == []


def test_a_result_of_a_lost_attempt_is_stale_and_changes_nothing(connection: Connection) -> None:
    queue(connection, 1)
    (old,) = begin(connection, take(connection), lease=-1)
    assert [taken.started for taken in recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)] == [
        True
    ]
    connection.execute(text("UPDATE domains SET due_at = now()"))
    (new,) = begin(connection, take(connection))
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
        (attempt,) = take(connection)
        done = retry(
            connection, METADATA, attempt, code="timeout", reason="slow", after=None, backoff=BACKOFF, detail={}
        )
        assert done.failures == failures
        assert done.due_in is not None
        assert low <= done.due_in <= high
    connection.execute(text("UPDATE domains SET due_at = now()"))
    (attempt,) = take(connection)
    retry(connection, METADATA, attempt, code="timeout", reason="slow", after=None, backoff=BACKOFF, detail={})
    assert row(connection) == ("Error", 3, "timeout")


def test_what_was_never_started_is_released_without_blame(connection: Connection) -> None:
    queue(connection, 1)
    take(connection, lease=-1)
    (taken,) = recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    assert not taken.started
    assert row(connection) == ("Queued", 0, None)


def test_what_is_never_delivered_again_and_again_ends_in_error(connection: Connection) -> None:
    queue(connection, 1)
    for _ in range(3):
        take(connection, lease=-1)
        recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=3)
    assert row(connection) == ("Error", 0, "undeliverable")


def test_what_is_lost_again_and_again_ends_in_error(connection: Connection) -> None:
    queue(connection, 1)
    for _ in range(3):
        connection.execute(text("UPDATE domains SET due_at = now()"))
        begin(connection, take(connection), lease=-1)
        recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=3)
    assert row(connection) == ("Error", 3, "lost_repeatedly")


def test_recovery_leaves_attempts_within_their_lease_alone(connection: Connection) -> None:
    queue(connection, 2)
    attempts = take(connection)
    begin(connection, attempts[:1])
    assert recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5) == []


def test_one_row_that_cannot_be_rescued_hides_no_other(connection: Connection) -> None:
    ids = queue(connection, 3)
    take(connection, lease=-1)
    connection.execute(
        text(
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.id = {ids[0]} THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$"
        )
    )
    connection.execute(text("CREATE TRIGGER refuse BEFORE UPDATE ON domains FOR EACH ROW EXECUTE FUNCTION refuse()"))
    recovered = recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    assert [taken.record_id for taken in recovered] == ids[1:]


def test_a_dead_letter_ends_its_record_in_error(connection: Connection) -> None:
    queue(connection, 1)
    (attempt,) = take(connection)
    assert dead_letter(connection, METADATA, attempt, reason="crashed at start") is not None
    assert row(connection) == ("Error", 1, "dead_letter")


def test_a_late_dead_letter_harms_neither_a_newer_attempt_nor_one_at_work(connection: Connection) -> None:
    queue(connection, 1)
    (old,) = take(connection)
    release(connection, METADATA, [old], code="send_failed")
    (new,) = begin(connection, take(connection))
    assert dead_letter(connection, METADATA, old, reason="late") is None
    assert dead_letter(connection, METADATA, new, reason="late") is None
    assert row(connection)[0] == "Processing"


def test_release_gives_back_without_blame_and_only_what_is_live(connection: Connection) -> None:
    queue(connection, 2)
    first, second = take(connection)
    complete(connection, METADATA, first, code="read", detail={})
    assert len(release(connection, METADATA, [first, second], code="send_failed")) == 1
    assert read_gauges(connection, METADATA).queued == 1


def test_requeue_refuses_an_empty_filter_no_reason_and_too_many(connection: Connection) -> None:
    for wrong in ({}, {"ids": [1], "reason": " "}, {"ids": [1], "limit": 5_001}):
        arguments = {"actor": "ada", "reason": "because", "limit": 10, **wrong}
        with pytest.raises(ValueError, match=r"requeue needs|requeue moves"):
            requeueing.requeue(connection, METADATA, **arguments)


def test_a_hand_off_never_touches_what_is_queued_or_processing(connection: Connection) -> None:
    queued, processing = queue(connection, 2)
    claim(connection, METADATA, batch=1, max_in_flight=10, dispatch_lease=60, ids=[processing])
    before = connection.execute(text("SELECT id, status, due_at FROM domains ORDER BY id")).all()
    assert (
        requeueing.hand_off(connection, METADATA, [queued, processing], actor="test", reason="test", again=True) == []
    )
    assert connection.execute(text("SELECT id, status, due_at FROM domains ORDER BY id")).all() == before


def test_the_invariants_find_what_a_hand_in_the_database_broke(connection: Connection) -> None:
    queue(connection, 2)
    take(connection)
    assert find_breaches(connection, METADATA) == []
    connection.execute(text("DELETE FROM attempts WHERE record_id = (SELECT min(id) FROM domains)"))
    assert [breach.breach for breach in find_breaches(connection, METADATA)] == ["processing_without_live_attempt"]
    connection.execute(text("DELETE FROM domains"))
    assert count_cheap_breaches(connection, METADATA) == 1


def test_two_dispatchers_never_claim_the_same_record(engine: Engine, connection: Connection) -> None:
    queue(connection, 20)
    with engine.connect() as one, engine.connect() as other:
        first = take(one, batch=10)
        second = take(other, batch=10)
        one.commit()
        other.commit()
    assert len(first) == len(second) == 10
    assert connection.execute(text("SELECT count(DISTINCT record_id) FROM attempts")).scalar_one() == 20
