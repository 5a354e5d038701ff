"""Start: begin the work lease when the work begins, so that time spent in the queue does not shorten it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.vocabulary import AttemptId, RecordId

START = text("""
-- Lock the attempts that are live and not started. Skip what another transaction holds.
WITH locked AS MATERIALIZED (
    SELECT attempt_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL AND started_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE attempts SET started_at = now(), lease_until = now() + make_interval(secs => :lease),
                    worker = :worker, request_id = :request_id
WHERE attempt_id = ANY(ARRAY(SELECT attempt_id FROM locked))
RETURNING attempt_id, workflow, record_id
""")


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt that this worker holds, with the delivery of its message (which has none in a manual run)."""

    attempt_id: AttemptId
    workflow: str
    record_id: RecordId
    receive_count: int = 1
    correlation_id: str | None = None


def start(
    connection: Connection, attempt_ids: Sequence[AttemptId], *, lease: float, worker: str, request_id: str
) -> list[Started]:
    """Start those of ``attempt_ids`` that are live and not started, in one statement.

    An attempt that is missing from the answer is a duplicate, stale, already started, or held by another transaction;
    :func:`~scrapersky.status.pull.find_missed` says which. ``lease``: the seconds this invocation has left plus
    a margin. There are no heartbeats.
    """
    rows = connection.execute(
        START, {"attempt_ids": sorted(attempt_ids), "lease": lease, "worker": worker, "request_id": request_id}
    )
    return [Started(*row) for row in rows]
