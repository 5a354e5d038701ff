"""Verbs on several attempts or records lock them in ascending order, whatever the query plan."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, Engine, text

from tests.race.operations import Operation, abandon, claimed, complete_all, hand_off, release, start, started
from tests.race.race import Runner, backend

INDEX_SCANS = ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan")
EDIT = {"attempts": "detail = '{}'", "domains": "title = 'edited'"}
LOCK = "SELECT FROM {table} WHERE {key} = :id FOR UPDATE"


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


@pytest.mark.parametrize("verb", [start, release, complete_all])
def test_attempts_are_locked_in_ascending_order(
    engine: Engine, connection: Connection, verb: Callable[[Sequence[int]], Operation]
) -> None:
    attempts = claimed(connection, 2)
    assert locks_the_lowest_first(engine, connection, "attempts", "attempt_id", attempts, verb(attempts))


def test_abandon_locks_attempts_in_ascending_order(engine: Engine, connection: Connection) -> None:
    attempts = claimed(connection, 2)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())
    assert locks_the_lowest_first(engine, connection, "attempts", "attempt_id", attempts, abandon(ids))


def test_a_finish_of_several_locks_records_in_ascending_order(engine: Engine, connection: Connection) -> None:
    attempts = started(connection, 2)
    ids = list(connection.execute(text("SELECT id FROM domains")).scalars())
    assert locks_the_lowest_first(engine, connection, "domains", "id", ids, complete_all(attempts))


def test_the_hand_off_locks_records_in_ascending_order(engine: Engine, connection: Connection) -> None:
    rows = connection.execute(text("INSERT INTO domains (domain) VALUES ('a.test'), ('b.test') RETURNING id"))
    ids = list(rows.scalars())
    assert locks_the_lowest_first(engine, connection, "domains", "id", ids, hand_off(ids))
