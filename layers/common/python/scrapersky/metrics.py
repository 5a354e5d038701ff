"""What operators see: one canonical JSON line per transition, one per tick and batch, and metrics in EMF.

Saved queries, alarms and the dashboard are built on exactly these keys and names. Ids only, never payloads.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

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
PAID_CALLS = "PaidCalls"
BUDGET_SPENT = "BudgetSpent"

OF_A_WORKFLOW = frozenset(
    {
        CLAIMED, COMPLETED, RETRIED, SNOOZED, ERRORED, LOST, UNDELIVERED, DEAD_LETTERED, RECORD_MILLISECONDS,
        OLDEST_QUEUED_SECONDS, OLDEST_PROCESSING_SECONDS, QUEUED, PROCESSING, INVARIANT_BREACHES, PAID_CALLS,
        BUDGET_SPENT,
    }
)  # fmt: skip
"""Metrics with the dimensions stage, service and workflow."""

OF_A_SERVICE = frozenset({STALE, TICK_FAILED, UNATTRIBUTABLE})
"""Metrics with the dimensions stage and service: of a delivery or an invocation, whatever the workflow."""

UNITS = {
    RECORD_MILLISECONDS: MetricUnit.Milliseconds,
    OLDEST_QUEUED_SECONDS: MetricUnit.Seconds,
    OLDEST_PROCESSING_SECONDS: MetricUnit.Seconds,
}


class Observer:
    """The logger and the metrics of one function. Metrics are collected and written by :meth:`flush`."""

    def __init__(self, service: str, stage: str) -> None:
        self.log = Logger(service=service, serialize_stacktrace=False, log_uncaught_exceptions=False)
        self._service = service
        self._stage = stage
        self._metrics: dict[tuple[str, str | None], EphemeralMetrics] = {}

    def count(self, metric: str, value: float = 1, *, workflow: str | None = None, service: str | None = None) -> None:
        """Adds ``value`` to what is written for ``metric`` at the end of this invocation.

        Metrics :data:`OF_A_WORKFLOW` need ``workflow``, and every one is a series of its own, which costs money.
        ``service`` is whose record it is, when that is not this function.
        """
        if (metric in OF_A_WORKFLOW) != (workflow is not None):
            needs = "a workflow" if metric in OF_A_WORKFLOW else "no workflow"
            raise ValueError(f"metric {metric} with workflow={workflow!r}: it needs {needs}")
        key = (service or self._service, workflow)
        if key not in self._metrics:
            metrics = self._metrics[key] = EphemeralMetrics(namespace=NAMESPACE, service=key[0])
            metrics.set_default_dimensions(stage=self._stage, service=key[0])
            if workflow is not None:
                metrics.set_default_dimensions(workflow=workflow)
        self._metrics[key].add_metric(metric, unit=UNITS.get(metric, MetricUnit.Count), value=value)

    def transition(self, **keys: Any) -> None:
        """The canonical line: workflow, record_id, attempt_id, from, to, outcome, error_code, duration_ms, …"""
        self.log.info("transition", extra=keys)

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """One line about a whole tick or batch."""
        self.log.info(message, extra=dict(keys))

    def flush(self) -> None:
        """Writes the collected metrics, one EMF document for each set of dimensions that has any."""
        for metrics in self._metrics.values():
            if metrics.metric_set:
                metrics.flush_metrics()
