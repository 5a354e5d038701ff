"""Two workers compete for the lease of a host: every operation is one statement, and one of them wins."""

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.politeness.host_leases import Busy, CoolingDown, Held, LeaseResult, acquire, cool_down, release
from tests.race.race import Runner, backend, race

MINUTE = 60.0


def acquiring(holder: str, *hosts: str, seconds: float = MINUTE) -> Callable[[Connection], Mapping[str, LeaseResult]]:
    """Return a function that acquires the hosts (default: a.test) for ``holder``."""
    return lambda connection: acquire(connection, holder, dict.fromkeys(hosts or ("a.test",), seconds))


def releasing(holder: str, seconds: float = 0.0) -> Callable[[Connection], None]:
    """Return a function that releases a.test."""
    return lambda connection: release(connection, holder, {"a.test": seconds})


def holders(connection: Connection) -> dict[str, str | None]:
    """Return {host: holder} from the table."""
    rows = connection.execute(text("SELECT host, holder FROM host_leases"))
    return {row.host: row.holder for row in rows}


def expire(connection: Connection) -> None:
    """Move the end of every lease an hour back."""
    connection.execute(text("UPDATE host_leases SET held_until = held_until - interval '1 hour'"))


def is_held(results: Mapping[str, LeaseResult]) -> bool:
    """Return whether a.test was acquired."""
    return isinstance(results["a.test"], Held)


def test_one_of_two_workers_acquires_a_host(engine: Engine, connection: Connection) -> None:
    ended = race(engine, acquiring("one"), acquiring("two"))
    assert (is_held(ended.first), is_held(ended.second), ended.waited) == (True, False, True)
    assert holders(connection) == {"a.test": "one"}


def test_a_lease_that_is_rolled_back_goes_to_the_second_worker(engine: Engine, connection: Connection) -> None:
    ended = race(engine, acquiring("one"), acquiring("two"), commit=False)
    assert (is_held(ended.second), holders(connection)) == (True, {"a.test": "two"})


def test_an_expired_lease_goes_to_exactly_one_other_worker(engine: Engine, connection: Connection) -> None:
    acquiring("vanished")(connection)
    expire(connection)
    ended = race(engine, acquiring("one"), acquiring("two"))
    assert (is_held(ended.first), is_held(ended.second)) == (True, False)
    assert holders(connection) == {"a.test": "one"}


def test_a_host_that_is_being_released_is_acquired_after_the_release(engine: Engine, connection: Connection) -> None:
    acquiring("one")(connection)
    ended = race(engine, releasing("one"), acquiring("two"))
    assert (is_held(ended.second), ended.waited) == (True, True)


def test_a_late_release_does_not_end_the_lease_of_the_next_holder(engine: Engine, connection: Connection) -> None:
    acquiring("one")(connection)
    expire(connection)
    race(engine, acquiring("two"), releasing("one"))
    assert holders(connection) == {"a.test": "two"}


def test_a_cooldown_ends_a_lease_that_is_acquired_at_the_same_time(engine: Engine, connection: Connection) -> None:
    ended = race(engine, lambda connection: cool_down(connection, "a.test", MINUTE), acquiring("two"))
    assert ended.waited
    assert not is_held(ended.second)
    race(engine, acquiring("one", "b.test"), lambda connection: cool_down(connection, "b.test", MINUTE))
    assert isinstance(acquire(connection, "one", {"b.test": 1.0})["b.test"], CoolingDown)


def test_two_workers_lock_their_hosts_in_the_same_order(engine: Engine, connection: Connection) -> None:
    with engine.connect() as first, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        acquiring("one", "a.test")(first)
        second = Runner(engine, acquiring("two", "b.test", "a.test"))
        assert second.until_it_waits_for(backend(first), watcher)
        third = acquire(connection, "three", {"b.test": MINUTE})["b.test"]
        assert isinstance(third, Held)  # the second has not locked it yet
        first.commit()
        results = second.result()
    assert {host: type(result) for host, result in results.items()} == {"a.test": Busy, "b.test": Busy}


def test_a_holder_can_extend_its_lease_but_not_shorten_it(connection: Connection) -> None:
    acquiring("one")(connection)
    assert acquire(connection, "one", {"a.test": 1.0})["a.test"].seconds == pytest.approx(MINUTE, abs=20)
    assert acquire(connection, "one", {"a.test": 600.0})["a.test"].seconds == pytest.approx(600, abs=20)


def test_a_rejected_worker_gets_the_reason_and_the_time_left(connection: Connection) -> None:
    acquiring("one")(connection)
    cool_down(connection, "b.test", 600)
    cool_down(connection, "b.test", 1)
    results = acquire(connection, "two", {"a.test": 1.0, "b.test": 1.0, "c.test": 1.0})
    busy, cooling = results["a.test"], results["b.test"]
    assert isinstance(busy, Busy)
    assert isinstance(cooling, CoolingDown)
    assert busy.seconds == pytest.approx(MINUTE, abs=20)
    assert cooling.seconds == pytest.approx(600, abs=20)
    assert isinstance(results["c.test"], Held)


def test_a_released_host_keeps_its_row_only_while_the_next_request_must_wait(connection: Connection) -> None:
    acquiring("one", "a.test", "b.test")(connection)
    release(connection, "one", {"a.test": 30.0, "b.test": 0.0, "c.test": 0.0})
    assert holders(connection) == {"a.test": None}
    assert not is_held(acquiring("two")(connection))


def test_releasing_also_deletes_leases_that_expired_long_ago(connection: Connection) -> None:
    acquiring("vanished", *(f"{number}.test" for number in range(30)))(connection)
    connection.execute(text("UPDATE host_leases SET held_until = held_until - interval '1 day'"))
    for _ in range(2):
        acquiring("one")(connection)
        releasing("one")(connection)
    assert holders(connection) == {}
