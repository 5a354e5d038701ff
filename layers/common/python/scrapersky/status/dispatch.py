"""Dispatch: claim, then send a message for each claimed record; release at once what could not be sent.

The claim is committed before anything is sent. After a crash in between, recovery releases the records when their
dispatch lease ends.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.claim import Claimed, claim
from scrapersky.status.release import release
from scrapersky.status.workflow import Workflow

Send = Callable[[Workflow, Sequence[Claimed]], Collection[int]]
"""Sends a message for each and returns the attempt ids that could *not* be sent. Raises when none was sent."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What was claimed, and the records among it that were released again."""

    claimed: tuple[Claimed, ...]
    released: tuple[int, ...]


def dispatch(
    connection: Connection,
    workflow: Workflow,
    send: Send,
    *,
    batch: int,
    max_in_flight: int,
    dispatch_lease: float,
    per_host: int = 1_000_000,
    trigger: str = "schedule",
    ids: Sequence[int] | None = None,
) -> Dispatched:
    """Claim and send. Needs an AUTOCOMMIT connection: the claim must be committed before its messages exist."""
    claimed = claim(
        connection,
        workflow,
        batch=batch,
        max_in_flight=max_in_flight,
        dispatch_lease=dispatch_lease,
        per_host=per_host,
        trigger=trigger,
        ids=ids,
    )
    if not claimed:
        return Dispatched((), ())
    try:
        unsent = send(workflow, claimed)
    except Exception:
        release(connection, workflow, [record.attempt_id for record in claimed], code="send_failed")
        raise
    released = release(connection, workflow, list(unsent), code="send_failed") if unsent else []
    return Dispatched(tuple(claimed), tuple(released))
