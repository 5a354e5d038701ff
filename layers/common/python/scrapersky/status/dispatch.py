"""Dispatch: send a message for each claimed record; release at once what could not be sent.

The claim must be committed before anything is sent. After a crash in between, recovery releases the records when their
dispatch lease ends.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.claim import Claimed
from scrapersky.status.release import release
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId

SEND_FAILED = "send_failed"
"""The code of an attempt whose message could not be sent."""

Send = Callable[[Workflow, Sequence[Claimed]], Collection[AttemptId]]
"""Sends a message for each and returns the attempt ids that could *not* be sent. Raises when none was sent."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What was claimed, the records among it that were released again, and why if nothing was sent."""

    claimed: tuple[Claimed, ...] = ()
    released: tuple[RecordId, ...] = ()
    error: Exception | None = None


def dispatch(connection: Connection, workflow: Workflow, claimed: Sequence[Claimed], send: Send) -> Dispatched:
    """Send the messages of ``claimed``. Needs an AUTOCOMMIT connection, so that the claim is committed already."""
    if not claimed:
        return Dispatched()
    try:
        unsent = send(workflow, claimed)
    except Exception as error:
        released = release(connection, workflow, [record.attempt_id for record in claimed], code=SEND_FAILED)
        return Dispatched(tuple(claimed), tuple(released), error)
    released = release(connection, workflow, list(unsent), code=SEND_FAILED) if unsent else []
    return Dispatched(tuple(claimed), tuple(released))
