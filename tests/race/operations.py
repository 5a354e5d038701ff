"""The verbs as operations on a connection, for races, with default arguments."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status import requeue as requeueing
from scrapersky.status.abandon import abandon as abandon_verb
from scrapersky.status.cancel import cancel as cancel_verb
from scrapersky.status.claim import claim as claim_verb
from scrapersky.status.dead_letter import dead_letter as dead_letter_verb
from scrapersky.status.finish import Stale
from scrapersky.status.finish import complete as complete_verb
from scrapersky.status.finish import complete_all as complete_all_verb
from scrapersky.status.finish import fail as fail_verb
from scrapersky.status.pull import pull as pull_verb
from scrapersky.status.recover import recover as recover_verb
from scrapersky.status.release import release as release_verb
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start as start_verb
from scrapersky.vocabulary import AttemptId, RecordId

BACKOFF = Backoff(base=30, cap=600, max_failures=3)
STALE = "stale"

Operation = Callable[[Connection], Any]


def queued(connection: Connection, number: int = 1) -> list[RecordId]:
    """Add queued records; return their ids."""
    rows = connection.execute(
        text(
            "INSERT INTO domains (domain, status, due_at) SELECT 'd' || n || '.test', 'Queued',"
            " now() - make_interval(secs => :n - n) FROM generate_series(1, :n) AS n RETURNING id"
        ),
        {"n": number},
    )
    return list(rows.scalars())


def claimed(connection: Connection, number: int = 1, *, lease: float = 600) -> list[AttemptId]:
    """Add and claim records; return their attempts."""
    ids = queued(connection, number)
    rows = claim_verb(connection, METADATA, batch=number, max_in_flight=10_000, dispatch_lease=lease, ids=ids)
    return [one.attempt_id for one in rows]


def started(connection: Connection, number: int = 1, *, lease: float = 600) -> list[AttemptId]:
    """Add, claim and start records; return their attempts."""
    return start(claimed(connection, number), lease=lease)(connection)  # type: ignore[no-any-return]


def status(connection: Connection) -> str:
    """Return the status of the only record."""
    return str(connection.execute(text("SELECT status FROM domains")).scalar_one())


def outcomes(connection: Connection) -> list[str | None]:
    """Return the outcomes of the attempts, oldest first; None for a live one."""
    return list(connection.execute(text("SELECT outcome FROM attempts ORDER BY attempt_id")).scalars())


def claim(ids: Sequence[RecordId] | None = None, batch: int = 10) -> Operation:
    """Claim; returns the record ids."""

    def operation(connection: Connection) -> list[int]:
        rows = claim_verb(connection, METADATA, batch=batch, max_in_flight=10_000, dispatch_lease=600, ids=ids)
        return [one.record_id for one in rows]

    return operation


def pull(connection: Connection) -> list[int]:
    """Pull up to ten; return the record ids, those of dispatched attempts first."""
    rows = pull_verb(
        connection, METADATA, batch=10, max_in_flight=10_000, per_host=10, lease=600, worker="w", request_id="r",
        enough_time=True,
    )  # fmt: skip
    return [one.attempt.record_id for one in rows]


def start(attempt_ids: Sequence[AttemptId], *, lease: float = 600) -> Operation:
    """Start; returns the attempts that were started."""

    def operation(connection: Connection) -> list[int]:
        rows = start_verb(connection, attempt_ids, lease=lease, worker="w", request_id="r")
        return [one.attempt_id for one in rows]

    return operation


def complete(attempt_id: AttemptId) -> Operation:
    """Complete; returns the new status, or ``stale``."""

    def operation(connection: Connection) -> str:
        try:
            return str(complete_verb(connection, METADATA, attempt_id, code="read", detail={}).status)
        except Stale:
            return STALE

    return operation


def complete_all(attempt_ids: Sequence[AttemptId]) -> Operation:
    """Complete several in one statement; returns the attempts that were live."""

    def operation(connection: Connection) -> list[int]:
        return sorted(complete_all_verb(connection, METADATA, {one: ("read", {}) for one in attempt_ids}))

    return operation


def fail(attempt_id: AttemptId) -> Operation:
    """Fail; returns the new status, or ``stale``."""

    def operation(connection: Connection) -> str:
        try:
            return str(fail_verb(connection, METADATA, attempt_id, code="parked", reason="sold", detail={}).status)
        except Stale:
            return STALE

    return operation


def recover(connection: Connection) -> list[int]:
    """Recover; return the attempts that were recovered."""
    rows = recover_verb(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
    return [one.attempt_id for one in rows]


def release(attempt_ids: Sequence[AttemptId]) -> Operation:
    """Release; returns the record ids."""
    return lambda connection: release_verb(connection, METADATA, attempt_ids, code="send_failed")


def dead_letter(attempt_id: AttemptId) -> Operation:
    """Dead-letter; returns the record id or None."""
    return lambda connection: dead_letter_verb(connection, METADATA, attempt_id, reason="crashed at start")


def requeue(ids: Sequence[RecordId]) -> Operation:
    """Requeue; returns the record ids."""
    return lambda connection: list(
        requeueing.requeue(connection, METADATA, ids=ids, actor="ada", reason="again", limit=len(ids))
    )


def hand_off(ids: Sequence[RecordId]) -> Operation:
    """Hand off, also Completed and Error records; returns the record ids."""
    return lambda connection: list(
        requeueing.hand_off(connection, METADATA, ids, actor="test", reason="handed off", again=True)
    )


def cancel(ids: Sequence[RecordId]) -> Operation:
    """Cancel; returns the record ids."""
    return lambda connection: cancel_verb(connection, METADATA, ids, actor="ada", reason="a mistake")


def abandon(ids: Sequence[RecordId]) -> Operation:
    """Abandon; returns the record ids."""
    return lambda connection: abandon_verb(connection, METADATA, ids, actor="ada", reason="it loops")


def sql(statement: str) -> Operation:
    """Manual SQL; returns the number of rows changed."""
    return lambda connection: connection.execute(text(statement)).rowcount
