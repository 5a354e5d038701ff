"""Races of verbs that end an attempt (finish, recover, abandon, dead letter, release): only the first one counts."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.status import finish
from tests.race.operations import (
    STALE,
    Operation,
    abandon,
    claim,
    complete,
    complete_all,
    dead_letter,
    fail,
    outcomes,
    recover,
    release,
    sql,
    start,
    started,
    status,
)
from tests.race.operations import claimed as claimed_attempts
from tests.race.race import race


@pytest.mark.parametrize(("first", "second", "end"), [(complete, fail, "Completed"), (fail, complete, "Error")])
def test_of_two_finishes_the_second_waits_and_is_stale(
    engine: Engine,
    connection: Connection,
    first: Callable[[int], Operation],
    second: Callable[[int], Operation],
    end: str,
) -> None:
    (attempt,) = started(connection)
    ended = race(engine, first(attempt), second(attempt))
    assert (ended.first, ended.second, ended.waited) == (end, STALE, True)
    assert status(connection) == end


def test_after_a_rolled_back_finish_the_second_one_ends_the_attempt(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection)
    ended = race(engine, complete(attempt), fail(attempt), commit=False)
    assert (ended.second, ended.waited) == ("Error", True)


def test_recovery_does_not_wait_for_a_finish_and_does_not_undo_it(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection, lease=-1)
    ended = race(engine, complete(attempt), recover)
    assert (ended.second, ended.waited) == ([], False)
    assert recover(connection) == []
    assert (status(connection), outcomes(connection)) == ("Completed", ["done"])


def test_a_finish_during_a_recovery_waits_and_is_stale(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection, lease=-1)
    ended = race(engine, recover, complete(attempt))
    assert (ended.first, ended.second, ended.waited) == ([attempt], STALE, True)
    assert (status(connection), outcomes(connection)) == ("Queued", ["lost"])


def test_of_two_overlapping_finishes_of_several_the_second_waits_and_ends_the_rest(
    engine: Engine, connection: Connection
) -> None:
    one, two, three = started(connection, 3)
    ended = race(engine, complete_all([one, two]), complete_all([two, three]))
    assert (ended.first, ended.second, ended.waited) == ([one, two], [three], True)
    assert outcomes(connection) == ["done", "done", "done"]


def test_recovery_does_not_wait_for_a_finish_of_several_and_does_not_undo_it(
    engine: Engine, connection: Connection
) -> None:
    attempts = started(connection, 2, lease=-1)
    ended = race(engine, complete_all(attempts), recover)
    assert (ended.second, ended.waited) == ([], False)
    assert (recover(connection), outcomes(connection)) == ([], ["done", "done"])


def test_in_a_finish_of_several_only_the_recovered_attempts_are_stale(engine: Engine, connection: Connection) -> None:
    late, in_time = claimed_attempts(connection, 2)
    start([late], lease=-1)(connection)
    start([in_time])(connection)
    ended = race(engine, recover, complete_all([late, in_time]))
    assert (ended.first, ended.second, ended.waited) == ([late], [in_time], True)
    assert outcomes(connection) == ["lost", "done"]


def test_two_recoveries_share_the_work_and_do_not_wait(engine: Engine, connection: Connection) -> None:
    attempts = started(connection, 2, lease=-1)
    ended = race(engine, recover, recover)
    assert (ended.first, ended.second, ended.waited) == (attempts, [], False)
    assert outcomes(connection) == ["lost", "lost"]


def test_a_finish_during_an_abandon_waits_and_is_stale(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection)
    (record,) = connection.execute(text("SELECT id FROM domains")).scalars()
    ended = race(engine, abandon([record]), complete(attempt))
    assert (ended.first, ended.second, ended.waited) == ([record], STALE, True)
    assert status(connection) == "Error"


def test_an_abandon_during_a_finish_waits_and_changes_nothing(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection)
    (record,) = connection.execute(text("SELECT id FROM domains")).scalars()
    ended = race(engine, complete(attempt), abandon([record]))
    assert (ended.second, ended.waited) == ([], True)
    assert (status(connection), outcomes(connection)) == ("Completed", ["done"])


def test_an_attempt_is_not_started_during_its_dead_letter(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection)
    ended = race(engine, dead_letter(attempt), start([attempt]))
    assert (ended.second, ended.waited) == ([], False)
    assert status(connection) == "Error"


def test_a_dead_letter_during_a_start_waits_and_changes_nothing(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection)
    ended = race(engine, start([attempt]), dead_letter(attempt))
    assert (ended.first, ended.second, ended.waited) == ([attempt], None, True)
    assert status(connection) == "Processing"


def test_a_dead_letter_during_a_recovery_waits_and_changes_nothing(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection, lease=-1)
    ended = race(engine, recover, dead_letter(attempt))
    assert (ended.first, ended.second, ended.waited) == ([attempt], None, True)
    assert status(connection) == "Queued"


def test_recovery_does_not_wait_for_a_dead_letter(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection, lease=-1)
    ended = race(engine, dead_letter(attempt), recover)
    assert (ended.second, ended.waited) == ([], False)
    assert status(connection) == "Error"


def test_a_late_dead_letter_does_not_end_the_newer_attempt(engine: Engine, connection: Connection) -> None:
    (old,) = claimed_attempts(connection, lease=-1)
    recover(connection)
    (record,) = connection.execute(text("SELECT id FROM domains")).scalars()

    def newer(holder: Connection) -> list[int]:
        holder.execute(text("UPDATE domains SET due_at = now()"))
        return claim([record])(holder)  # type: ignore[no-any-return]

    ended = race(engine, newer, dead_letter(old))
    assert (ended.first, ended.second, ended.waited) == ([record], None, False)
    assert dead_letter(old)(connection) is None
    assert (status(connection), outcomes(connection)) == ("Processing", ["undelivered", None])


def test_a_late_release_does_not_end_the_newer_attempt(connection: Connection) -> None:
    (old,) = claimed_attempts(connection, lease=-1)
    recover(connection)
    assert claim()(connection) != []
    assert release([old])(connection) == []
    assert (status(connection), outcomes(connection)) == ("Processing", ["undelivered", None])


def test_an_attempt_that_is_being_released_is_not_started(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection)
    ended = race(engine, release([attempt]), start([attempt]))
    assert (ended.second, ended.waited) == ([], False)
    assert status(connection) == "Queued"


def test_an_attempt_that_is_being_started_is_not_released(engine: Engine, connection: Connection) -> None:
    (attempt,) = claimed_attempts(connection)
    ended = race(engine, start([attempt]), release([attempt]))
    assert (ended.second, ended.waited) == ([], True)
    assert complete(attempt)(connection) == "Completed"


def test_a_finish_waits_for_an_edit_of_the_record_and_keeps_it(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection)
    ended = race(engine, sql("UPDATE domains SET title = 'edited'"), complete(attempt))
    assert (ended.second, ended.waited) == ("Completed", True)
    assert connection.execute(text("SELECT title FROM domains")).scalar_one() == "edited"


@pytest.mark.parametrize(
    "verb", [complete_all, lambda ids: lambda connection: connection.execute(finish.LOCK, {"attempt_ids": ids})]
)
def test_an_end_of_several_waits_for_no_attempt_but_its_own(
    engine: Engine, connection: Connection, verb: Callable[[list[int]], Operation]
) -> None:
    first, second, other = started(connection, 3)
    held = sql(f"SELECT FROM attempts WHERE attempt_id = {other} FOR UPDATE")
    assert race(engine, held, verb([first, second])).waited is False
