"""Generated mutants that may survive, with the reason: nothing that a caller could observe depends on the condition."""

from fnmatch import fnmatchcase

from tests.mutants.mutant import Mutant

REASONS: dict[str, str] = {
    "status/*: {status} = 'Processing' → true": "the guard keeps a record in Processing while its attempt is live",
    "status/release.RELEASE: SET {due_at} = now() removed": "the guard completes due_at with now()",
    "runtime/manual._requeue: payload.error_code not in count_by_code*": "none is queued only while others hold them all",
    "status/requeue.LOCK_HOSTS: {status} = 'New' → true": "locking the hosts of more records changes no result",
    "status/requeue.LOCK_HOSTS: (CONDITION) → true": "locking the hosts of more records changes no result",
    "status/requeue.HAND_OFF: SET {due_at} = now() removed": "the guard completes due_at with now()",
}
"""Patterns of names, with ``*`` for any text, and the reason."""


def reason_of(mutant: Mutant) -> str | None:
    """Return why ``mutant`` may survive, None if it must not."""
    return next((reason for pattern, reason in REASONS.items() if fnmatchcase(mutant.guard, pattern)), None)
