"""The two vocabularies. Each is one Postgres ENUM; a member's name never decides what is stored, its value does.

The pattern's ``Pending`` is ``Queued`` here.
"""

from enum import StrEnum


class Status(StrEnum):
    """What a workflow's machine does with a record. Postgres type ``work_status``.

    Who may move a record between two of these is in :mod:`scrapersky.status.transitions`.
    """

    NEW = "New"  #: nobody asked for the work yet
    QUEUED = "Queued"  #: asked for (the pattern's "Pending"); ``due_at`` says from when it may be claimed
    PROCESSING = "Processing"  #: exactly one live attempt holds it
    COMPLETED = "Completed"  #: the work was done; the attempt's outcome says with what result
    ERROR = "Error"  #: the work ended without a result; ``error_code`` and ``error`` say why


class Curation(StrEnum):
    """What a person decided about a record. Postgres type ``curation_status``. No service ever writes it."""

    NEW = "New"  #: nobody looked yet
    SELECTED = "Selected"  #: go on with it: selecting queues the workflow
    MAYBE = "Maybe"  #: look again later
    NOT_A_FIT = "Not a Fit"  #: do not go on
    ARCHIVED = "Archived"  #: out of sight, kept for history
