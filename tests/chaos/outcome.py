"""What a run came to: what happened, and what may not have."""

from collections import Counter
from dataclasses import dataclass, field

from scrapersky.metrics import INVARIANT_BREACHES
from tests.chaos.plan import Plan
from tests.chaos.verdict import Verdict

UNEXPLAINED = "exceptions that no disaster explains"


@dataclass
class Outcome:
    """What happened, and the verdict."""

    plan: Plan
    verdict: Verdict
    deliveries: int
    seconds: float
    virtual_seconds: float
    kills: Counter[str]
    happened: Counter[str]
    told: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        """Nothing lost, stuck, stale or twice, and nothing else that may not be."""
        return not any(self.faults.values())

    @property
    def faults(self) -> dict[str, int]:
        """What may not be: each must be 0."""
        return {
            **self.verdict.faults,
            "invariants that a tick saw broken": self.told[INVARIANT_BREACHES],
            "illegal SQL accepted": self.happened["illegal SQL accepted"],
            UNEXPLAINED: self.happened[UNEXPLAINED],
        }
