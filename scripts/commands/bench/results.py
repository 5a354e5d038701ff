"""Summarise repeated measurements and print them as Markdown tables."""

import math
from collections.abc import Mapping, Sequence
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
        """Return the spread of ``values``. Raises ValueError when there are none."""
        if not values:
            raise ValueError("no values: a spread needs at least one measurement")
        return cls(median(values), min(values), max(values))

    def as_json(self) -> dict[str, float]:
        """Return ``{"median": …, "low": …, "high": …}``, to six digits."""
        return {name: significant(value) for name, value in asdict(self).items()}


def spreads(measurements: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the spread of each measure over repeated ``measurements``."""
    return {name: Spread.of([one[name] for one in measurements]).as_json() for name in measurements[0]}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of ``values`` lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]


def significant(value: float, digits: int = 6) -> float:
    """Return ``value`` rounded to ``digits`` significant digits."""
    return float(f"{value:.{digits}g}")


def shown(value: float) -> str:
    """Return three significant digits, with thousands separators."""
    if value == 0:
        return "0"
    if abs(value) >= 1_000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def shown_spread(spread: Mapping[str, Any]) -> str:
    """Return ``median (low–high)``."""
    return f"{shown(spread['median'])} ({shown(spread['low'])}–{shown(spread['high'])})"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned Markdown table: the first column to the left, the others to the right."""
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        aligned = [cell.ljust(widths[n]) if n == 0 else cell.rjust(widths[n]) for n, cell in enumerate(cells)]
        return f"| {' | '.join(aligned)} |"

    rule = "|".join(("-" * (width + 2)) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths))
    return "\n".join([line(header), f"|{rule}|", *map(line, rows)])
