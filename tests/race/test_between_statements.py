"""Recovery searches first and updates then: what happens in between is not undone."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, event, text

from scrapersky.status.recover import EXPIRED
from tests.race.operations import STALE, claimed, complete, outcomes, recover, start, started, status


def recover_with(engine: Engine, operation: Callable[[], object]) -> list[int]:
    """Recover on a connection of its own, with ``operation`` after its search; return the recovered attempts."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as recovering:

        @event.listens_for(recovering, "after_execute")
        def after_search(_connection: Connection, clause: object, *_: object) -> None:
            if clause is EXPIRED:
                operation()

        return recover(recovering)


def test_an_attempt_that_finishes_after_recovery_found_it_expired_stays_finished(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection, lease=-1)
    assert recover_with(engine, lambda: complete(attempt)(connection)) == []
    assert (status(connection), outcomes(connection)) == ("Completed", ["done"])


def test_an_attempt_that_starts_after_recovery_found_it_expired_is_worked_on(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = claimed(connection, lease=-1)
    assert recover_with(engine, lambda: start([attempt])(connection)) == []
    assert complete(attempt)(connection) == "Completed"


def test_a_record_that_another_tick_recovers_in_between_is_recovered_once(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection, lease=-1)
    assert recover_with(engine, lambda: recover(connection)) == []
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 1
    assert complete(attempt)(connection) == STALE
