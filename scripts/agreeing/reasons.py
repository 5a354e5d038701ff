"""Why we differ where we differ: every difference that stays has its reason here, or the tests fail."""

REASONS = {
    ("description", "www.gigglingsquid.com"): (
        "The page has two meta descriptions, the first without content. The truth takes that for an empty one and goes on to"
        " Open Graph's; we take the one that says something, as search engines do."
    ),
}
"""(row, where) → why."""


def reason_for(name: str, where: str) -> str | None:
    """The reason of a known difference."""
    return REASONS.get((name, where))
