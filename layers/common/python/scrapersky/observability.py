"""What operators see: one canonical JSON line per transition, one per tick and batch, and metrics in EMF.

Saved queries, alarms and the dashboard are built on exactly these keys and names. Ids only, never payloads.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "ScraperSky"

CLAIMED = "Claimed"
COMPLETED = "Completed"
RETRIED = "Retried"
SNOOZED = "Snoozed"
ERRORED = "Errored"
LOST = "Lost"
UNDELIVERED = "Undelivered"
STALE = "Stale"
DEAD_LETTERED = "DeadLettered"
TICK_FAILED = "TickFailed"
UNATTRIBUTABLE = "Unattributable"
RECORD_MILLISECONDS = "RecordMilliseconds"
OLDEST_QUEUED_SECONDS = "OldestQueuedSeconds"
OLDEST_PROCESSING_SECONDS = "OldestProcessingSeconds"
QUEUED = "Queued"
PROCESSING = "Processing"
INVARIANT_BREACHES = "InvariantBreaches"

UNITS = {
    RECORD_MILLISECONDS: MetricUnit.Milliseconds,
    OLDEST_QUEUED_SECONDS: MetricUnit.Seconds,
    OLDEST_PROCESSING_SECONDS: MetricUnit.Seconds,
}


class Observer:
    """The logger and the metrics of one function. Metrics are collected and written by :meth:`flush`."""

    def __init__(self, service: str, stage: str) -> None:
        self.log = Logger(service=service, serialize_stacktrace=False, log_uncaught_exceptions=False)
        self._metrics = Metrics(namespace=NAMESPACE, service=service)
        self._metrics.set_default_dimensions(stage=stage)
        self._counted = False

    def count(self, metric: str, value: float = 1) -> None:
        """Adds ``value`` to what is written for ``metric`` at the end of this invocation."""
        self._metrics.add_metric(metric, unit=UNITS.get(metric, MetricUnit.Count), value=value)
        self._counted = True

    def transition(self, **keys: Any) -> None:
        """The canonical line: workflow, record_id, attempt_id, from, to, outcome, error_code, duration_ms, …"""
        self.log.info("transition", extra=keys)

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """One line about a whole tick or batch."""
        self.log.info(message, extra=dict(keys))

    def flush(self) -> None:
        """Writes the collected metrics as one EMF document, if there are any."""
        if self._counted:
            self._metrics.flush_metrics()
            self._counted = False
