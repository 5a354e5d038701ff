"""The table of legal transitions. A test holds the database's guard, the diagram in the docs and this table equal."""

from scrapersky.vocabulary import Status

CREATED: frozenset[Status] = frozenset({Status.NEW, Status.QUEUED})
"""The statuses in which a record may be created."""

ALLOWED: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
    Status.QUEUED: frozenset(
        {
            Status.NEW,  # cancelled by a router or an operator
            Status.PROCESSING,  # claimed by the dispatcher
        }
    ),
    Status.PROCESSING: frozenset(
        {
            Status.COMPLETED,  # the worker that holds the live attempt
            Status.ERROR,  # that worker, the dead-letter function, recovery, or an operator (abandon)
            Status.QUEUED,  # retry, snooze, release, recovery
        }
    ),
    Status.COMPLETED: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
    Status.ERROR: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
}
"""Each status and those that may follow it. The guard also checks the attempt when Processing is entered or left."""

ILLEGAL_TRANSITION = "SS001"
"""SQLSTATE of the guard: this status may not follow that one."""

ATTEMPT_MISMATCH = "SS002"
"""SQLSTATE of the guard: a record enters Processing only with a live attempt and leaves it only without one."""

INCONSISTENT_COMPANION = "SS003"
"""SQLSTATE of the guard: a companion column contradicts the status, or its timestamp is out of range."""

IMMUTABLE = "SS004"
"""SQLSTATE of the guard: history and identifiers are immutable."""
