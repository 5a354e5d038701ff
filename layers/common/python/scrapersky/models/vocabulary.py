"""The vocabularies. A member's name never decides what is stored, its value does.

The two of a record's life, :class:`Status` and :class:`Curation`, are Postgres ENUMs; the others are stored as text.
The pattern's ``Pending`` is ``Queued`` here. Nothing is mapped here: the verbs, which speak SQL, need the words alone.
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


class AttemptOutcome(StrEnum):
    """How an attempt ended. What it means for the record is decided by the verb that wrote it."""

    DONE = "done"  #: the job finished; ``code`` tells successes apart
    RETRY = "retry"  #: it failed and counts as a failure; backoff, or Error after the last
    FAILED = "failed"  #: it cannot go better: Error
    SNOOZED = "snoozed"  #: not now, through no fault of the record
    RELEASED = "released"  #: given back before the work began (no time left, send failed)
    UNDELIVERED = "undelivered"  #: its message never started within the dispatch lease
    LOST = "lost"  #: it started and its worker was never heard of again
    ABANDONED = "abandoned"  #: a person ended it: Error
    DEAD_LETTER = "dead_letter"  #: its message came out of the dead-letter queue: Error


class SitemapType(StrEnum):
    """What kind of sitemap a file is, by its content. Only ``index`` is never imported."""

    INDEX = "index"
    URLSET = "urlset"
    IMAGE = "image"
    VIDEO = "video"
    NEWS = "news"
    TEXT = "text"
    FEED = "feed"


class DiscoveryMethod(StrEnum):
    """How a sitemap file was found."""

    ROBOTS_TXT = "robots_txt"
    COMMON_PATH = "common_path"
    HTML_LINK = "html_link"
    SITEMAP_INDEX = "sitemap_index"
    MANUAL = "manual"
