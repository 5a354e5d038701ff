"""The one exception by which slow work says what went wrong: a code from a closed list, and a sentence for a person."""

from dataclasses import dataclass


@dataclass(eq=False)
class WorkError(Exception):
    """Something outside us went wrong, and its ``code`` says what to do about it.

    ``code`` is listed in :mod:`scrapersky.runtime.classification` (transient, permanent or configuration);
    ``reason`` is a sentence naming the thing and the value, never a secret; ``retry_after`` is seconds the other side
    asked us to wait, or None.
    """

    code: str
    reason: str
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class FetchError(WorkError):
    """A url could not be fetched."""
