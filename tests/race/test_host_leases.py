"""Two workers and one host: each deed in one statement, whoever comes second."""

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.status.host_leases import Held, Refused, give_back, rest, take
from tests.race.contest import Runner, backend, race

MINUTE = 60.0


def taking(holder: str, *hosts: str, seconds: float = MINUTE) -> Callable[[Connection], Mapping[str, Held | Refused]]:
    """Takes the hosts for ``holder``."""
    return lambda connection: take(connection, holder, dict.fromkeys(hosts or ("a.test",), seconds))


def giving_back(holder: str, seconds: float = 0.0) -> Callable[[Connection], None]:
    """Gives a.test back."""
    return lambda connection: give_back(connection, holder, {"a.test": seconds})


def holders(connection: Connection) -> dict[str, str | None]:
    """{host: holder} as the table has it."""
    rows = connection.execute(text("SELECT host, holder FROM host_leases"))
    return {row.host: row.holder for row in rows}


def lapse(connection: Connection) -> None:
    """An hour passes for every lease."""
    connection.execute(text("UPDATE host_leases SET held_until = held_until - interval '1 hour'"))


def is_held(answers: Mapping[str, Held | Refused]) -> bool:
    """Whether a.test was had."""
    return isinstance(answers["a.test"], Held)


def test_two_workers_take_a_host_once(engine: Engine, connection: Connection) -> None:
    ended = race(engine, taking("one"), taking("two"))
    assert (is_held(ended.first), is_held(ended.second), ended.waited) == (True, False, True)
    assert holders(connection) == {"a.test": "one"}


def test_what_the_first_rolls_back_the_second_gets(engine: Engine, connection: Connection) -> None:
    ended = race(engine, taking("one"), taking("two"), commit=False)
    assert (is_held(ended.second), holders(connection)) == (True, {"a.test": "two"})


def test_the_lease_of_a_worker_that_vanished_goes_to_one_of_those_who_want_it(
    engine: Engine, connection: Connection
) -> None:
    taking("vanished")(connection)
    lapse(connection)
    ended = race(engine, taking("one"), taking("two"))
    assert (is_held(ended.first), is_held(ended.second)) == (True, False)
    assert holders(connection) == {"a.test": "one"}


def test_a_host_that_is_being_given_back_is_waited_for_and_taken(engine: Engine, connection: Connection) -> None:
    taking("one")(connection)
    ended = race(engine, giving_back("one"), taking("two"))
    assert (is_held(ended.second), ended.waited) == (True, True)


def test_who_gives_back_late_takes_nothing_from_the_next(engine: Engine, connection: Connection) -> None:
    taking("one")(connection)
    lapse(connection)
    race(engine, taking("two"), giving_back("one"))
    assert holders(connection) == {"a.test": "two"}


def test_a_host_that_asks_for_a_rest_gets_it_from_who_takes_it_at_the_same_time(
    engine: Engine, connection: Connection
) -> None:
    ended = race(engine, lambda holder: rest(holder, "a.test", MINUTE), taking("two"))
    assert ended.waited
    assert not is_held(ended.second)
    race(engine, taking("one", "b.test"), lambda other: rest(other, "b.test", MINUTE))
    assert isinstance(take(connection, "one", {"b.test": 1.0})["b.test"], Refused)


def test_two_workers_lock_their_hosts_in_the_same_order(engine: Engine, connection: Connection) -> None:
    with engine.connect() as first, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        taking("one", "a.test")(first)
        second = Runner(engine, taking("two", "b.test", "a.test"))
        assert second.until_it_waits_for(backend(first), watcher)
        assert isinstance(take(connection, "three", {"b.test": MINUTE})["b.test"], Held)  # not locked by the second yet
        first.commit()
        answers = second.result()
    assert {host: type(answer) for host, answer in answers.items()} == {"a.test": Refused, "b.test": Refused}


def test_a_worker_prolongs_what_it_has_and_shortens_nothing(connection: Connection) -> None:
    taking("one")(connection)
    assert take(connection, "one", {"a.test": 1.0})["a.test"].seconds == pytest.approx(MINUTE, abs=20)
    assert take(connection, "one", {"a.test": 600.0})["a.test"].seconds == pytest.approx(600, abs=20)


def test_who_is_refused_learns_for_how_long_and_why(connection: Connection) -> None:
    taking("one")(connection)
    rest(connection, "b.test", 600)
    rest(connection, "b.test", 1)
    answers = take(connection, "two", {"a.test": 1.0, "b.test": 1.0, "c.test": 1.0})
    busy, resting = answers["a.test"], answers["b.test"]
    assert isinstance(busy, Refused)
    assert isinstance(resting, Refused)
    assert (busy.resting, resting.resting) == (False, True)
    assert busy.seconds == pytest.approx(MINUTE, abs=20)
    assert resting.seconds == pytest.approx(600, abs=20)
    assert isinstance(answers["c.test"], Held)


def test_a_host_given_back_is_forgotten_once_the_next_request_may_start(connection: Connection) -> None:
    taking("one", "a.test", "b.test")(connection)
    give_back(connection, "one", {"a.test": 30.0, "b.test": 0.0, "c.test": 0.0})
    assert holders(connection) == {"a.test": None}
    assert not is_held(taking("two")(connection))


def test_leases_that_nobody_gave_back_are_cleared_away_by_and_by(connection: Connection) -> None:
    taking("vanished", *(f"{number}.test" for number in range(30)))(connection)
    connection.execute(text("UPDATE host_leases SET held_until = held_until - interval '1 day'"))
    for _ in range(2):
        taking("one")(connection)
        giving_back("one")(connection)
    assert holders(connection) == {}
