"""Outcomes: the results that a job may return, a closed union. Errors become outcomes by their class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from scrapersky.errors import Misconfigured, Permanent, Transient, Unavailable, WorkError
from scrapersky.settings import Settings
from scrapersky.vocabulary import RecordId

Made = Mapping[str, Sequence[RecordId]]
"""The records that a job made or found, by table: ``{"pages": [4, 5]}``. Hand-offs choose among them."""

Write = Callable[[Connection], Made]
"""A job's writes, run in the transaction that ends the attempt. It must neither commit nor do anything slow. It returns
the records to hand off to other workflows (often none); the workflow's ``makes`` names their tables."""


@dataclass(frozen=True, slots=True)
class SharedWrite:
    """A write that others with the same ``save`` can join: it is called once, with the ``values`` of all records.

    Results that are saved together then share its statements. Alone, it is a :data:`Write` like any other.
    """

    save: Callable[[Connection, Sequence[Any]], Made]
    values: Sequence[Any]

    def __call__(self, connection: Connection) -> Made:
        """Write the values."""
        return self.save(connection, self.values)


def no_detail() -> Mapping[str, Any]:
    """Return an empty detail."""
    return {}


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done. ``code`` distinguishes successes (``done``, ``empty``, ``not_own_website``, …)."""

    code: str = "done"
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Retry:
    """A failure that may pass: count it, retry after the backoff (at least ``after`` seconds), Error after the last."""

    code: str
    reason: str
    after: float | None = None
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now: queue the record again in ``after`` seconds without counting a failure.

    ``pause`` also pauses the whole workflow, because the configuration is wrong (an invalid key, a denied call).
    """

    code: str
    reason: str
    after: float
    pause: bool = False
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Fail:
    """Permanent failure: set Error without a retry, with ``code`` and a ``reason`` for people."""

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
