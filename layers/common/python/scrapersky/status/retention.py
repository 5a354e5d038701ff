"""Retention: delete the history that is older than ``HISTORY_DAYS``, a bounded batch at a time.

Each tick deletes one batch per table: ended attempts, events, ended pauses, paid calls. The database's own function
``delete_history`` (``migrations/guard.sql``) deletes, so that no other way to lose history is needed.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

BATCH = 5_000
"""The rows of each table that one tick deletes: 7.2 million a day at one tick a minute."""

DELETE = text("""
SELECT attempts, events, pauses, paid_calls, extract(epoch FROM now() - oldest_event)::float8 / 86400 - :days AS overdue
FROM delete_history(now() - make_interval(days => :days), :batch)
""")

OVERDUE = text("""
-- The oldest ended attempt that is not kept longer: an id carries its second, so the key finds it.
SELECT greatest(0, extract(epoch FROM now() - finished_at)::float8 / 86400 - :days) FROM attempts
WHERE outcome <> 'undelivered' ORDER BY attempt_id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Deleted:
    """The rows that one batch deleted, and by how many days the oldest remaining rows are overdue."""

    attempts: int
    events: int
    pauses: int
    paid_calls: int
    overdue_days: float

    def counts(self) -> dict[str, float]:
        """Return the fields for a log line."""
        return {**asdict(self), "overdue_days": round(self.overdue_days, 1)}


def delete_history(connection: Connection, *, days: int, batch: int | None = None) -> Deleted:
    """Delete at most ``batch`` (:data:`BATCH`) rows of each table that ended more than ``days`` days ago. Needs AUTOCOMMIT.

    Live attempts stay, and so do the attempts that recovery counts.
    """
    batch = BATCH if batch is None else batch
    attempts, events, pauses, paid_calls, event_overdue = connection.execute(
        DELETE, {"days": days, "batch": batch}
    ).one()
    overdue = connection.execute(OVERDUE, {"days": days}).scalar_one_or_none() or 0.0
    # No index finds the oldest event. After a full batch others remain, and are about as old as those deleted.
    return Deleted(attempts, events, pauses, paid_calls, max(overdue, event_overdue) if events == batch else overdue)
