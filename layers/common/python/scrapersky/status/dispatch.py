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

Send = Callable[[Workflow, Sequence[Claimed]], Collection[AttemptId]]
"""Sends a message for each and returns the attempt ids that could *not* be sent. Raises when none was sent."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What was claimed, and the records among it that were released again."""

    claimed: tuple[Claimed, ...]
    released: tuple[RecordId, ...]


def dispatch(connection: Connection, workflow: Workflow, claimed: Sequence[Claimed], send: Send) -> Dispatched:
    """Send the messages of ``claimed``. Needs an AUTOCOMMIT connection, so that the claim is committed already."""
    if not claimed:
        return Dispatched((), ())
    try:
        unsent = send(workflow, claimed)
    except Exception:
        release(connection, workflow, [record.attempt_id for record in claimed], code="send_failed")
        raise
    released = release(connection, workflow, list(unsent), code="send_failed") if unsent else []
    return Dispatched(tuple(claimed), tuple(released))
