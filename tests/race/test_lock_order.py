"""Verbs on several attempts or records lock them in ascending order, whatever the query plan."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.contacts import FoundContact
from scrapersky.runtime.registry import METADATA
from scrapersky.vocabulary import AttemptId, ContactKind, FoundIn, RecordId
from tests.race.operations import (
    Operation,
    abandon,
    cancel,
    claim,
    claimed,
    complete_all,
    hand_off,
    queued,
    recover,
    release,
    requeue,
    start,
    started,
)
from tests.race.race import Runner, backend
from tests.records import make, save_contacts

INDEX_SCANS = ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan")
EDIT = {"attempts": "detail = '{}'", "domains": "title = 'edited'", "contacts": "category = 'edited'"}
LOCK = "SELECT FROM {table} WHERE {key} = :id FOR NO KEY UPDATE"


def in_physical_order(operation: Operation) -> Operation:
    """Return ``operation`` with plans that read tables sequentially."""

    def unordered(connection: Connection) -> object:
        for setting in INDEX_SCANS:
            connection.execute(text(f"SET {setting} = off"))
        return operation(connection)

    return unordered


def locks_the_lowest_first(
    engine: Engine, connection: Connection, table: str, key: str, rows: Sequence[int], operation: Operation
) -> bool:
    """Return whether the highest of ``rows`` is unlocked while ``operation`` waits for the lowest, stored last."""
    connection.execute(text(f"UPDATE {table} SET {EDIT[table]} WHERE {key} = :id"), {"id": min(rows)})
    locked = text(LOCK.format(table=table, key=key))
    with (
        engine.connect() as holder,
        engine.connect() as prober,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher,
    ):
        holder.execute(locked, {"id": min(rows)})
        runner = Runner(engine, in_physical_order(operation))
        assert runner.until_it_waits_for(backend(holder), watcher)
        free = prober.execute(text(f"{locked.text} SKIP LOCKED"), {"id": max(rows)}).rowcount == 1
        prober.rollback()
        holder.rollback()
        runner.result()
    return free


@pytest.mark.parametrize("verb", [release, complete_all])
def test_attempts_are_locked_in_ascending_order(
    engine: Engine, connection: Connection, verb: Callable[[Sequence[int]], Operation]
) -> None:
    attempts = claimed(connection, 2)
    assert locks_the_lowest_first(engine, connection, "attempts", "attempt_id", attempts, verb(attempts))


def test_abandon_locks_attempts_in_ascending_order(engine: Engine, connection: Connection) -> None:
    attempts = claimed(connection, 2)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())
    assert locks_the_lowest_first(engine, connection, "attempts", "attempt_id", attempts, abandon(ids))


@pytest.mark.parametrize("verb", [complete_all, release, abandon])
def test_the_records_of_several_attempts_are_locked_in_ascending_order(
    engine: Engine, connection: Connection, verb: Callable[[Sequence[int]], Operation]
) -> None:
    attempts = started(connection, 2) if verb is complete_all else claimed(connection, 2)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())
    given = ids if verb is abandon else attempts
    assert locks_the_lowest_first(engine, connection, "domains", "id", ids, verb(given))


def test_recovery_leaves_a_record_that_another_transaction_holds_and_takes_the_others(
    engine: Engine, connection: Connection
) -> None:
    first, second = started(connection, 2)
    connection.execute(text("UPDATE attempts SET lease_until = now() - interval '1 s'"))
    with engine.connect() as holder:
        held = "SELECT FROM domains WHERE id = (SELECT record_id FROM attempts WHERE attempt_id = :id)"
        holder.execute(text(f"{held} FOR NO KEY UPDATE"), {"id": first})
        assert recover(connection) == [second]
    assert recover(connection) == [first]


def test_no_verb_waits_for_a_row_that_refers_to_its_record(engine: Engine, connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '1s'"))
    (record,) = queued(connection)

    def newest() -> AttemptId:
        return AttemptId(connection.execute(text("SELECT max(attempt_id) FROM attempts")).scalar_one())

    with engine.connect() as inserting:  # holds a key-share lock of the domain
        inserting.execute(text("INSERT INTO sitemaps (domain_id) SELECT id FROM domains"))
        assert cancel([record])(connection) == [record]
        assert hand_off([record])(connection) == [record]
        assert claim()(connection) == [record]
        assert release([newest()])(connection) == [record]
        assert claim()(connection) == [record]
        assert complete_all(start([newest()])(connection))(connection) == [newest()]
        assert requeue([record])(connection) == [record]
        assert claim()(connection) == [record]
        connection.execute(text("UPDATE attempts SET lease_until = now() WHERE finished_at IS NULL"))
        assert recover(connection) == [newest()]
        assert claim()(connection) == [record]
        assert abandon([record])(connection) == [record]


def test_a_reading_locks_known_contacts_in_ascending_order(engine: Engine, connection: Connection) -> None:
    domain = make(connection, METADATA)
    found = [FoundContact(ContactKind.EMAIL, f"{name}@a.test", FoundIn.TEXT) for name in ("info", "jobs")]

    def save(connection: Connection) -> list[RecordId]:
        return save_contacts(connection, domain, found, url="https://a.test/", page_id=None)

    ids = save(connection)
    found.reverse()
    assert locks_the_lowest_first(engine, connection, "contacts", "id", ids, save)


def test_the_hand_off_locks_records_in_ascending_order(engine: Engine, connection: Connection) -> None:
    rows = connection.execute(text("INSERT INTO domains (domain) VALUES ('a.test'), ('b.test') RETURNING id"))
    ids = list(rows.scalars())
    assert locks_the_lowest_first(engine, connection, "domains", "id", ids, hand_off(ids))
