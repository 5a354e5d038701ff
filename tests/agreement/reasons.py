"""Why we differ where we differ: every difference that stays has its reason here, or the tests fail."""

REASONS: dict[tuple[str, str], str] = {}
"""(row, where) → why."""


def reason_for(name: str, where: str) -> str | None:
    """The reason of a known difference."""
    return REASONS.get((name, where))
