"""Races of a pull with other pulls, ticks, messages, recovery, dead letters, cancels and pauses."""

from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status.control import pause
from tests.race.operations import (
    cancel,
    claim,
    claimed,
    complete,
    dead_letter,
    outcomes,
    pull,
    queued,
    recover,
    release,
    start,
    status,
)
from tests.race.race import race

IDS = "SELECT id FROM domains ORDER BY id"


def ids_of(connection: Connection) -> list[int]:
    """Return the ids of all records."""
    return list(connection.execute(text(IDS)).scalars())


def test_two_pulls_take_different_records_and_neither_waits(engine: Engine, connection: Connection) -> None:
    claimed(connection, 4)
    connection.execute(
        text("INSERT INTO domains (domain, status) SELECT n || '.new', 'Queued' FROM generate_series(1, 8) n")
    )
    ended = race(engine, pull, pull)
    assert not ended.waited
    assert sorted(ended.first + ended.second) == ids_of(connection)
    assert outcomes(connection) == [None] * 12


def test_a_pull_and_a_tick_claim_different_records_and_neither_waits(engine: Engine, connection: Connection) -> None:
    ids = queued(connection, 12)
    ended = race(engine, pull, claim())
    assert (ended.first, ended.second, ended.waited) == (ids[:10], ids[10:], False)


def test_a_pull_takes_nothing_that_a_tick_is_claiming(engine: Engine, connection: Connection) -> None:
    ids = queued(connection, 12)
    ended = race(engine, claim(), pull)
    assert (ended.first, ended.second, ended.waited) == (ids[:10], ids[10:], False)


def test_a_message_that_arrives_during_a_pull_of_its_attempt_starts_nothing(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = claimed(connection)
    ended = race(engine, pull, start([attempt]))
    assert (ended.first, ended.second, ended.waited) == (ids_of(connection), [], False)


def test_a_pull_does_not_wait_for_a_message_and_takes_nothing_of_it(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed(connection)
    ended = race(engine, start([attempt]), pull)
    assert (ended.first, ended.second, ended.waited) == ([attempt], [], False)


def test_recovery_does_not_take_back_what_is_being_pulled(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed(connection, lease=-1)
    ended = race(engine, pull, recover)
    assert (ended.first, ended.second, ended.waited) == (ids_of(connection), [], False)
    assert complete(attempt)(connection) == "Completed"


def test_a_pull_takes_nothing_that_recovery_is_taking_back(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed(connection, lease=-1)
    ended = race(engine, recover, pull)
    assert (ended.first, ended.second, ended.waited) == ([attempt], [], False)
    assert outcomes(connection) == ["undelivered"]


def test_a_pull_whose_transaction_is_lost_leaves_nothing_behind(engine: Engine, connection: Connection) -> None:
    claimed(connection)
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('new.test', 'Queued')"))
    race(engine, pull, lambda _: None, commit=False)
    rows = connection.execute(text("SELECT status FROM domains ORDER BY id")).scalars()
    assert list(rows) == ["Processing", "Queued"]
    assert connection.execute(text("SELECT count(*) FROM attempts WHERE started_at IS NOT NULL")).scalar_one() == 0


def test_a_worker_that_dies_after_its_pull_counts_as_lost(connection: Connection) -> None:
    queued(connection)
    pull(connection)
    connection.execute(text("UPDATE attempts SET lease_until = now() - interval '1 s'"))
    assert len(recover(connection)) == 1
    row = connection.execute(text("SELECT status, failures FROM domains")).one()
    assert (tuple(row), outcomes(connection)) == (("Queued", 1), ["lost"])


def test_a_dead_letter_does_not_end_what_is_being_pulled(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed(connection)
    ended = race(engine, pull, dead_letter(attempt))
    assert (ended.second, ended.waited) == (None, True)
    assert status(connection) == "Processing"


def test_a_failed_send_does_not_release_what_is_being_pulled(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed(connection)
    ended = race(engine, pull, release([attempt]))
    assert (ended.second, ended.waited) == ([], True)
    assert complete(attempt)(connection) == "Completed"


def test_a_pull_does_not_wait_for_a_cancel_and_takes_nothing_of_it(engine: Engine, connection: Connection) -> None:
    ids = queued(connection)
    ended = race(engine, cancel(ids), pull)
    assert (ended.second, ended.waited, status(connection)) == ([], False, "New")


def test_the_first_pull_after_the_commit_of_a_pause_takes_nothing(engine: Engine, connection: Connection) -> None:
    queued(connection, 12)

    def stop(holder: Connection) -> None:
        pause(holder, METADATA, actor="ada", reason="wait")

    ended = race(engine, stop, pull)
    assert (len(ended.second), ended.waited) == (10, False)
    assert pull(connection) == []
