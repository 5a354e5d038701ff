"""The table of legal transitions. The database's guard, the docs' diagram and this table are held equal by a test."""

from scrapersky.models.vocabulary import Status

CREATED: frozenset[Status] = frozenset({Status.NEW, Status.QUEUED})
"""Statuses in which a record may be created."""

ALLOWED: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
    Status.QUEUED: frozenset(
        {
            Status.NEW,  # a router or an operator cancels
            Status.PROCESSING,  # the dispatcher's claim only
        }
    ),
    Status.PROCESSING: frozenset(
        {
            Status.COMPLETED,  # the worker that holds the live attempt
            Status.ERROR,  # the same; also the dead-letter function, and recovery
            Status.QUEUED,  # retry, release, recovery
        }
    ),
    Status.COMPLETED: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
    Status.ERROR: frozenset({Status.QUEUED}),  # a router, an operator, or a hand-off
}
"""From a status to those that may follow it. Leaving or entering Processing also takes an attempt: see the guard."""

ILLEGAL_TRANSITION = "SS001"
"""SQLSTATE of the guard: this status may not follow that one."""

NOT_THE_HOLDER = "SS002"
"""SQLSTATE of the guard: a record enters Processing only with a live attempt and leaves it only without one."""

HALF_A_STATE = "SS003"
"""SQLSTATE of the guard: a companion column that does not fit the status, or that says when and never comes."""

REWRITTEN = "SS004"
"""SQLSTATE of the guard: what has happened, and the ids by which it is told, stay as they are."""
