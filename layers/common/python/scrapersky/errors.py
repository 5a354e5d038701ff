"""The errors that slow work raises. An error's class says what the runtime does about it.

Every error has a ``code`` (stable, for machines), a ``reason`` (a sentence that names the thing and the value, never a
secret) and optionally ``retry_after`` (seconds that the other side asked us to wait). Raise a subclass of one of the
four kinds, never :class:`WorkError` itself. :func:`scrapersky.runtime.outcomes.outcome_of` maps kinds to outcomes.
"""

from dataclasses import dataclass
from typing import Self


@dataclass(eq=False)
class WorkError(Exception):
    """Base class of all errors of slow work."""

    code: str
    reason: str
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"

    def with_reason(self, reason: str) -> Self:
        """Return a new error of the same class and code with another ``reason``."""
        return type(self)(self.code, reason, self.retry_after)


class Transient(WorkError):
    """A failure that may pass: the record is retried with backoff."""


class Permanent(WorkError):
    """A failure that another try will not repair: the record ends in Error."""


class Unavailable(WorkError):
    """The work was not attempted (host busy, budget spent): the record is snoozed and no failure is counted."""


class Misconfigured(WorkError):
    """The shared configuration fails for every record (bad key, quota): the workflow is paused, no record is blamed."""


class FetchError(WorkError):
    """A URL could not be fetched. Raised as one of the three subclasses below; catch it to handle them alike."""


class FetchFailed(FetchError, Transient):
    """The request failed in a way that may pass: timeout, DNS, TLS, a 5xx answer."""


class FetchRefused(FetchError, Permanent):
    """The URL will not be fetched: forbidden by our rules or the site's, or the answer is unusable."""


class FetchPostponed(FetchError, Unavailable):
    """The request was not sent, because the host is busy or cooling down."""


def shorten(text: str, limit: int = 200) -> str:
    """Return ``text``, or its start and an ellipsis, ``limit`` characters together: for values in messages."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def plural(count: int, one: str, several: str | None = None) -> str:
    """Return ``count`` with its noun: ``1 record``, ``2 records``."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
