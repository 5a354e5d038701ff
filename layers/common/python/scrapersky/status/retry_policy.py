"""The retry policy: exponential backoff with jitter, and a maximum number of failures."""

from dataclasses import dataclass

BACKOFF_SECONDS = "(0.5 + random() / 2) * least(:cap, :base * 2.0 ^ {failures})"
"""SQL: ``uniform(0.5, 1) × min(cap, base × 2^(failures − 1))``; the column still holds the failures before this one."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The parameters of :data:`BACKOFF_SECONDS`, in seconds. At ``max_failures`` the record ends in Error."""

    base: float
    cap: float
    max_failures: int

    @property
    def parameters(self) -> dict[str, float]:
        """The values of the statements that back off."""
        return {"base": self.base, "cap": self.cap, "max_failures": self.max_failures}
