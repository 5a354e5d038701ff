"""Dispatch: claim, then send a message for each claimed record; what could not be sent goes back at once.

The claim is committed before anything is sent. A crash in between is healed by recovery, when the dispatch lease ends.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.status.claim import Claimed, claim
from scrapersky.status.release import release
from scrapersky.status.workflow import Workflow

Send = Callable[[Workflow, Sequence[Claimed]], Collection[int]]
"""Sends a message for each, returns the attempt ids that could *not* be sent. May raise: then none was."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one dispatch did."""

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
    """Claims and sends. Wants an AUTOCOMMIT connection: the claim must be committed before its messages exist."""
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
        release(connection, workflow, [held.attempt_id for held in claimed], code="send_failed")
        raise
    released = release(connection, workflow, list(unsent), code="send_failed") if unsent else []
    return Dispatched(tuple(claimed), tuple(released))
