"""The closed vocabularies, and what else writers of a table must know without mapping it.

:class:`Status` and :class:`Curation` are Postgres ENUMs; the others are stored as text. The value of a member is stored,
never its name. The architecture page's ``Pending`` is ``Queued`` here.
"""

from enum import StrEnum
from typing import NewType

AttemptId = NewType("AttemptId", int)
"""The id of an attempt: the fence of every transition."""

RecordId = NewType("RecordId", int)
"""The id of a record of the workflow's table."""

CONTACT_PAGES = "page_type IN ('contact', 'legal', 'about')"
"""The SQL condition of pages that are likely to give contacts. An index of pages has it as its predicate."""

MAX_ERROR_LENGTH = 1024
"""Maximum number of characters of a record's error text (a CHECK). The attempts hold the full text."""


class Status(StrEnum):
    """What the status machine does with a record. Postgres type ``work_status``.

    :mod:`scrapersky.status.transitions` lists the allowed transitions, and who may make them.
    """

    NEW = "New"  #: not requested yet
    QUEUED = "Queued"  #: requested; may be claimed from ``due_at`` on
    PROCESSING = "Processing"  #: held by exactly one live attempt
    COMPLETED = "Completed"  #: the work is done; the attempt's code says with what result
    ERROR = "Error"  #: the work ended without a result; ``error_code`` and ``error`` say why


class Curation(StrEnum):
    """What a person decided about a record. Postgres type ``curation_status``. No service writes it."""

    NEW = "New"  #: not decided yet
    SELECTED = "Selected"  #: continue; selecting queues the workflow
    MAYBE = "Maybe"  #: decide later
    NOT_A_FIT = "Not a Fit"  #: do not continue
    ARCHIVED = "Archived"  #: hidden, kept for history


class AttemptOutcome(StrEnum):
    """How an attempt ended. The verb that writes it decides what follows for the record."""

    DONE = "done"  #: the job finished; ``code`` distinguishes successes
    RETRY = "retry"  #: a counted failure; backoff, or Error after the last one
    FAILED = "failed"  #: a permanent failure: Error
    SNOOZED = "snoozed"  #: not now, without counting a failure
    RELEASED = "released"  #: released before the work began (no time left, send failed)
    UNDELIVERED = "undelivered"  #: its message did not start within the dispatch lease
    LOST = "lost"  #: it started, and its lease ended without a result
    ABANDONED = "abandoned"  #: force-failed by an operator: Error
    DEAD_LETTER = "dead_letter"  #: its message reached the dead-letter queue: Error


class SitemapType(StrEnum):
    """The kind of a sitemap file, by its content. An ``index`` is never imported."""

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


class ContactKind(StrEnum):
    """What a contact is."""

    EMAIL = "email"
    PHONE = "phone"
    SOCIAL = "social"
    FORM = "form"


class EmailCategory(StrEnum):
    """Whom an e-mail address reaches."""

    ROLE = "role"  #: a function: info, office, sales
    PERSONAL = "personal"  #: a person, by first and last name
    NO_REPLY = "no-reply"  #: answers are not read
    FREE = "free"  #: at a provider of free mail
    DISPOSABLE = "disposable"  #: at a provider of addresses for a few minutes
    OTHER = "other"


class FoundIn(StrEnum):
    """How a page gives a contact."""

    MAILTO = "mailto"  #: a link to write to it
    TEL = "tel"  #: a link to call it, or to a messenger
    LINK = "link"  #: a link to it
    OBFUSCATED = "obfuscated"  #: hidden from simple robots
    JSON_LD = "json_ld"
    META = "meta"  #: a meta element or an attribute of microdata
    TEXT = "text"  #: the visible text
    FORM = "form"  #: a form on the page


class SubjectKind(StrEnum):
    """What may be suppressed, reported and erased."""

    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"


class ChangedField(StrEnum):
    """What a later reading of a website may find different: a fact of its home page, or a kind of contacts."""

    TITLE = "title"
    FINAL_URL = "final_url"
    TECHNOLOGY = "technology"
    EMAIL = "email"
    PHONE = "phone"
    SOCIAL = "social"
    FORM = "form"


class EmailCheck(StrEnum):
    """Whether the domain of an e-mail address takes mail."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"  #: DNS did not answer; the check is tried again
