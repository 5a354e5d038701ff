"""Log lines and metrics: one canonical JSON line per transition, tick and batch, and metrics in CloudWatch's EMF.

Saved queries, alarms and the dashboard depend on these keys and names. Log ids, never payloads.
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
HISTORY_OVERDUE_DAYS = "HistoryOverdueDays"

WORKFLOW_METRICS = frozenset(
    {
        CLAIMED, COMPLETED, RETRIED, SNOOZED, ERRORED, LOST, UNDELIVERED, DEAD_LETTERED, RECORD_MILLISECONDS,
        OLDEST_QUEUED_SECONDS, OLDEST_PROCESSING_SECONDS, QUEUED, PROCESSING, INVARIANT_BREACHES, PAID_CALLS,
        BUDGET_SPENT,
    }
)  # fmt: skip
"""Metrics with the dimensions stage, service and workflow."""

SERVICE_METRICS = frozenset({STALE, TICK_FAILED, UNATTRIBUTABLE, HISTORY_OVERDUE_DAYS})
"""Metrics with the dimensions stage and service: of a delivery or an invocation."""

UNITS = {
    RECORD_MILLISECONDS: MetricUnit.Milliseconds,
    OLDEST_QUEUED_SECONDS: MetricUnit.Seconds,
    OLDEST_PROCESSING_SECONDS: MetricUnit.Seconds,
}


class Observer:
    """The logger and the metrics of one function. :meth:`flush` writes the collected metrics."""

    def __init__(self, service: str, stage: str) -> None:
        self.log = Logger(service=service, serialize_stacktrace=False, log_uncaught_exceptions=False)
        self._service = service
        self._stage = stage
        self._metrics: dict[tuple[str, str | None], EphemeralMetrics] = {}

    def count(self, metric: str, value: float = 1, *, workflow: str | None = None, service: str | None = None) -> None:
        """Add ``value`` to ``metric`` of this invocation.

        :data:`WORKFLOW_METRICS` need ``workflow``, others must not have one: each combination is a billed series.
        ``service`` is the record's service, if that is not this function's.
        """
        if (metric in WORKFLOW_METRICS) != (workflow is not None):
            needs = "needs a workflow" if metric in WORKFLOW_METRICS else "takes no workflow"
            raise ValueError(f"metric {metric} with workflow={workflow!r}: it {needs}")
        key = (service or self._service, workflow)
        if key not in self._metrics:
            metrics = self._metrics[key] = EphemeralMetrics(namespace=NAMESPACE, service=key[0])
            metrics.set_default_dimensions(stage=self._stage, service=key[0])
            if workflow is not None:
                metrics.set_default_dimensions(workflow=workflow)
        self._metrics[key].add_metric(metric, unit=UNITS.get(metric, MetricUnit.Count), value=value)

    def transition(self, **keys: Any) -> None:
        """Log a transition, with workflow, record_id, attempt_id, from_status, to_status, outcome, error_code, …"""
        self.log.info("transition", extra=keys)

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """Log one line about a whole tick, batch or migration."""
        self.log.info(message, extra=dict(keys))

    def flush(self) -> None:
        """Write the collected metrics, one EMF document per set of dimensions."""
        for metrics in self._metrics.values():
            if metrics.metric_set:
                metrics.flush_metrics()
