"""What a job may say about a record: a closed union, matched exhaustively. Outcomes are values, not exceptions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

Write = Callable[[Connection], Sequence[int]]
"""A job's writes, applied in the finishing transaction behind the fence: it gets the open connection, must neither
commit nor do anything slow, and returns the ids of the records that the next workflow may be handed (often none)."""


def no_detail() -> Mapping[str, Any]:
    """No detail."""
    return {}


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done. ``code`` tells successes apart (``done``, ``empty``, ``not_own_website``, …)."""

    code: str = "done"
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed, and may go better later: one failure more, backoff (at least ``after`` seconds), Error after the last."""

    code: str
    reason: str
    after: float | None = None
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now, through no fault of the record: queued again in ``after`` seconds, no failure counted.

    With ``pause`` the whole workflow is paused as well: the fault is in our configuration (a bad key, a denied call).
    """

    code: str
    reason: str
    after: float
    pause: bool = False
    detail: Mapping[str, Any] = field(default_factory=no_detail)


@dataclass(frozen=True, slots=True)
class Fail:
    """It cannot go better: Error at once, with ``code`` and a ``reason`` that a person understands."""

    code: str
    reason: str
    write: Write | None = None
    detail: Mapping[str, Any] = field(default_factory=no_detail)


Outcome = Done | Retry | Snooze | Fail
