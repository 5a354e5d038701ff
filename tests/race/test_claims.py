"""Races of claims with claims, requeues, hand-offs, cancels and manual SQL."""

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.status.transitions import ATTEMPT_MISMATCH, ILLEGAL_TRANSITION
from tests.race.operations import (
    cancel,
    claim,
    complete,
    hand_off,
    outcomes,
    queued,
    requeue,
    sql,
    start,
    started,
    status,
)
from tests.race.operations import claimed as claimed_attempts
from tests.race.race import Runner, backend, race
from tests.records import triggers_disabled


def test_two_claims_take_different_records_and_neither_waits(engine: Engine, connection: Connection) -> None:
    ids = queued(connection, 4)
    ended = race(engine, claim(batch=2), claim(batch=2))
    assert (ended.first, ended.second, ended.waited) == (ids[:2], ids[2:], False)


def test_two_claims_of_one_record_claim_it_once_and_neither_waits(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    ended = race(engine, claim(ids), claim(ids))
    assert (ended.first, ended.second, ended.waited) == (ids, [], False)
    assert outcomes(connection) == [None]


def test_a_claim_that_is_rolled_back_leaves_nothing_behind(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    race(engine, claim(ids), claim(ids), commit=False)
    assert (status(connection), outcomes(connection)) == ("Queued", [])
    assert claim()(connection) == ids


def test_two_starts_of_one_attempt_start_it_once(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection)
    ended = race(engine, start([attempt]), start([attempt]))
    assert (ended.first, ended.second, ended.waited) == ([attempt], [], False)


def test_a_cancel_does_not_wait_for_a_claim_and_changes_nothing(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    ended = race(engine, claim(ids), cancel(ids))
    assert (ended.first, ended.second, ended.waited) == (ids, [], False)
    assert status(connection) == "Processing"


def test_a_claim_does_not_wait_for_a_cancel_and_claims_nothing(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    ended = race(engine, cancel(ids), claim(ids))
    assert (ended.first, ended.second, ended.waited) == (ids, [], False)
    assert (status(connection), outcomes(connection)) == ("New", [])


def test_a_router_that_cancels_by_sql_waits_for_the_claim_and_is_rejected(
    engine: Engine, connection: Connection
) -> None:
    ids = queued(connection)
    with pytest.raises(DBAPIError) as error:
        race(engine, claim(ids), sql("UPDATE domains SET status = 'New'"))
    assert sqlstate(error.value) == ILLEGAL_TRANSITION
    assert status(connection) == "Processing"


def test_a_router_that_requeues_by_sql_waits_for_the_claim_and_is_rejected(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection)
    complete(attempt)(connection)
    ids = list(connection.execute(text("UPDATE domains SET status = 'Queued' RETURNING id")).scalars())
    with pytest.raises(DBAPIError) as error:
        race(engine, claim(ids), sql("UPDATE domains SET status = 'Queued', due_at = now()"))
    assert sqlstate(error.value) == ATTEMPT_MISMATCH
    assert (status(connection), outcomes(connection)) == ("Processing", ["done", None])


def test_a_requeue_is_seen_by_the_claim_after_its_commit_and_not_before(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection)
    complete(attempt)(connection)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())
    ended = race(engine, requeue(ids), claim(ids))
    assert (ended.first, ended.second, ended.waited) == (ids, [], False)
    assert claim(ids)(connection) == ids


def test_a_requeue_that_meets_a_claim_does_not_wait_and_changes_nothing(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    ended = race(engine, claim(ids), requeue(ids))
    assert (ended.second, ended.waited) == ([], False)
    assert status(connection) == "Processing"


def test_the_hand_off_waits_for_a_requeue_and_does_not_move_the_record_again(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection)
    complete(attempt)(connection)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())

    def requeue_for_tomorrow(holder: Connection) -> None:
        requeue(ids)(holder)
        holder.execute(text("UPDATE domains SET due_at = now() + interval '1 day'"))

    ended = race(engine, requeue_for_tomorrow, hand_off(ids))
    assert (ended.second, ended.waited) == ([], True)
    assert connection.execute(text("SELECT due_at > now() + interval '1 hour' FROM domains")).scalar_one()


def test_the_hand_off_waits_for_a_requeue_and_claim_and_does_not_queue_the_record(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection)
    complete(attempt)(connection)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())

    def requeue_and_claim(holder: Connection) -> None:
        requeue(ids)(holder)
        assert claim(ids)(holder) == ids

    ended = race(engine, requeue_and_claim, hand_off(ids))
    assert (ended.second, ended.waited) == ([], True)
    assert status(connection) == "Processing"


SLOW_INSERT = """
CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(4711);
    RETURN NEW;
END $$;
CREATE TRIGGER wait_for_the_test BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION wait_for_the_test()
"""


def test_a_record_cancelled_while_a_claim_is_under_way_is_not_claimed(engine: Engine, connection: Connection) -> None:
    first, second = queued(connection, 2)
    for statement in SLOW_INSERT.split(";\nCREATE TRIGGER"):
        connection.execute(text(statement if "FUNCTION wait" in statement[:30] else "CREATE TRIGGER" + statement))
    with engine.connect() as gate, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        gate.execute(text("SELECT pg_advisory_xact_lock(4711)"))
        claiming = Runner(engine, claim())
        assert claiming.until_it_waits_for(backend(gate), watcher), (
            "the claim holds its first record and waits before the second"
        )
        assert cancel([second])(connection) == [second]
        gate.rollback()
        assert claiming.result() == [first]
    assert list(connection.execute(text("SELECT status FROM domains ORDER BY id")).scalars()) == ["Processing", "New"]


def test_the_database_rejects_a_second_live_attempt(connection: Connection) -> None:
    claimed_attempts(connection)
    second = text(
        "INSERT INTO attempts (workflow, record_id, trigger, lease_until)"
        " SELECT workflow, record_id, 'manual', lease_until FROM attempts"
    )
    with pytest.raises(DBAPIError) as error:
        connection.execute(second)
    assert sqlstate(error.value) == "23505"


def test_a_record_with_a_stray_live_attempt_hides_no_other(connection: Connection) -> None:
    first, second = queued(connection, 2)
    with triggers_disabled(connection):
        connection.execute(
            text(
                "INSERT INTO attempts (attempt_id, workflow, record_id, trigger, lease_until)"
                " VALUES (1, 'metadata', :id, 'manual', now() - interval '1 h')"
            ),
            {"id": first},
        )
    assert claim()(connection) == [second]
    connection.execute(text("UPDATE attempts SET finished_at = now(), outcome = 'released' WHERE trigger = 'manual'"))
    assert claim()(connection) == [first]
