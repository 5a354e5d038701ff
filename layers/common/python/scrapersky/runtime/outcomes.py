"""What a job may say about a record: a closed union, matched exhaustively. Outcomes are values, not exceptions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from scrapersky.errors import Misconfigured, Permanent, Transient, Unavailable, WorkError
from scrapersky.settings import Settings
from scrapersky.vocabulary import RecordId

Write = Callable[[Connection], Sequence[RecordId]]
"""A job's writes, applied in the finishing transaction behind the fence: it gets the open connection, must neither
commit nor do anything slow, and returns the ids of the records that the next workflow may be handed (often none)."""


def no_detail() -> Mapping[str, Any]:
    """Return an empty detail."""
    return {}


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done. ``code`` is the kind of success (``done``, ``empty``, ``not_own_website``, …)."""

    code: str = "done"
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Retry:
    """A transient failure: counted, tried again after a backoff (at least ``after`` seconds), Error after the last try."""

    code: str
    reason: str
    after: float | None = None
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not possible now, without a fault of the record: queued again in ``after`` seconds, no failure counted.

    With ``pause`` the whole workflow is paused, too: the configuration is wrong (a bad key, a denied call).
    """

    code: str
    reason: str
    after: float
    pause: bool = False
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Fail:
    """A permanent failure: Error without a retry, with ``code`` and a readable ``reason``."""

    code: str
    reason: str
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


Outcome = Done | Retry | Snooze | Fail


def outcome_of(error: WorkError, settings: Settings) -> Outcome:
    """Return the outcome of a job that raised ``error``; the error's class decides."""
    match error:
        case Transient():
            return Retry(error.code, error.reason, after=error.retry_after)
        case Permanent():
            return Fail(error.code, error.reason)
        case Unavailable():
            return Snooze(error.code, error.reason, after=error.retry_after or settings.retry_base_seconds)
        case Misconfigured():
            after = error.retry_after or settings.configuration_pause_seconds
            return Snooze(error.code, error.reason, after=after, pause=True)
        case _:
            return unexpected(error)


def unexpected(error: BaseException) -> Retry:
    """Return the outcome of an exception of no kind: Retry, and after a few tries Error with its type and text."""
    return Retry("unexpected", f"{type(error).__name__}: {error}")
