"""Generated mutants that may survive, with the reason: nothing that a caller could observe depends on the condition."""

from tests.mutants.mutant import Mutant

REASONS: dict[str, str] = {}
"""The start of a mutant's name, and the reason."""


def reason_of(mutant: Mutant) -> str | None:
    """Return why ``mutant`` may survive, None if it must not."""
    return next((reason for start, reason in REASONS.items() if mutant.guard.startswith(start)), None)
