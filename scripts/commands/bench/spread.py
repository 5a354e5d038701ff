"""A measurement repeated: its median, and how far the others lay from it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError when there are none."""
        if not values:
            raise ValueError("no values: a spread needs at least one measurement")
        return cls(median(values), min(values), max(values))

    def as_json(self) -> dict[str, Any]:
        """``{"median": …, "low": …, "high": …}``, to six digits."""
        return {name: significant(value) for name, value in asdict(self).items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]


def significant(value: float, digits: int = 6) -> float:
    """``value`` without the digits that nobody measured."""
    return float(f"{value:.{digits}g}")


def shown(value: float) -> str:
    """Three digits for a reader, thousands separated."""
    if value == 0:
        return "0"
    if abs(value) >= 1_000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def shown_spread(spread: dict[str, float]) -> str:
    """``median (low–high)``."""
    return f"{shown(spread['median'])} ({shown(spread['low'])}–{shown(spread['high'])})"
