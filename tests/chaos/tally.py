"""Tally: counts what an execution environment tells its operators, instead of printing it."""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scrapersky import metrics
from scrapersky.metrics import Observer

NUMBER = re.compile(r"\d+")
GAUGES = frozenset(
    {
        metrics.OLDEST_QUEUED_SECONDS,
        metrics.OLDEST_PROCESSING_SECONDS,
        metrics.QUEUED,
        metrics.PROCESSING,
        metrics.RECORD_MILLISECONDS,
    }
)
"""Metrics whose sum says nothing."""


class Tally(Observer):
    """An observer whose lines and metrics become counts; :meth:`take` empties it."""

    def __init__(self, service: str, stage: str) -> None:
        super().__init__(service, stage)
        self.log.setLevel(logging.INFO)
        self.log.handlers.clear()
        self.log.addHandler(_Counting(self))
        self.counts: Counter[str] = Counter()

    def count(self, metric: str, value: float = 1, **_: Any) -> None:
        """One metric's sum."""
        if metric not in GAUGES:
            self.counts[metric] += round(value)

    def transition(self, **keys: Any) -> None:
        """Transitions are counted in the database."""

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """A batch tells how many results came too late."""
        if message == "batch":
            self.counts["started"] += keys["started"]
            self.counts["stale deliveries"] += keys["stale"]
            self.counts["stale results"] += keys["outcomes"].get("stale", 0)

    def flush(self) -> None:
        """Nothing is written."""

    def take(self) -> Counter[str]:
        """The counts since the last time."""
        taken, self.counts = self.counts, Counter()
        return taken


class _Counting(logging.Handler):
    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.WARNING)
        self._tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        message = NUMBER.sub("N", record.getMessage())
        self._tally.counts[f"log: {message[:60]}"] += 1
