"""Recovery looks first and takes then: what happens in between is not undone."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, event, text

from scrapersky.status.recover import EXPIRED
from tests.race.deeds import STALE, claimed, complete, outcomes, recover, start, started, status


def after_the_look(engine: Engine, deed: Callable[[], object]) -> list[int]:
    """Recovers on a connection of its own; ``deed`` happens once it has looked. Returns the attempts taken."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as recovering:

        @event.listens_for(recovering, "after_execute")
        def looked(_connection: Connection, clause: object, *_: object) -> None:
            if clause is EXPIRED:
                deed()

        return recover(recovering)


def test_an_attempt_that_finishes_after_recovery_has_seen_it_expired_stays_finished(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = started(connection, lease=-1)
    assert after_the_look(engine, lambda: complete(attempt)(connection)) == []
    assert (status(connection), outcomes(connection)) == ("Completed", ["done"])


def test_a_message_that_starts_after_recovery_has_seen_it_expired_is_worked_on(
    engine: Engine, connection: Connection
) -> None:
    (attempt,) = claimed(connection, lease=-1)
    assert after_the_look(engine, lambda: start([attempt])(connection)) == []
    assert complete(attempt)(connection) == "Completed"


def test_a_record_recovered_by_another_tick_in_between_is_taken_once(engine: Engine, connection: Connection) -> None:
    (attempt,) = started(connection, lease=-1)
    assert after_the_look(engine, lambda: recover(connection)) == []
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 1
    assert complete(attempt)(connection) == STALE
