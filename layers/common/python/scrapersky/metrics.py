"""Log lines and metrics: one canonical JSON line per transition, tick and batch, and metrics in CloudWatch's EMF.

Saved queries, alarms and the dashboard depend on these keys and names. Log ids, never payloads.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "ScraperSky"

FINISHED = "Finished"
ERRORED = "Errored"
DEAD_LETTERED = "DeadLettered"
OLDEST_QUEUED_SECONDS = "OldestQueuedSeconds"
OLDEST_PROCESSING_SECONDS = "OldestProcessingSeconds"
INVARIANT_BREACHES = "InvariantBreaches"
PAID_CALLS = "PaidCalls"
BUDGET_SPENT = "BudgetSpent"
HISTORY_OVERDUE_DAYS = "HistoryOverdueDays"
CONNECTIONS_PERCENT = "ConnectionsPercent"
HOUSEKEEPING_OVERDUE_DAYS = "HousekeepingOverdueDays"

WORKFLOW_METRICS = frozenset(
    {FINISHED, ERRORED, OLDEST_QUEUED_SECONDS, OLDEST_PROCESSING_SECONDS, PAID_CALLS, BUDGET_SPENT}
)
"""Metrics with the dimensions stage, service and workflow.

Each series costs $0.30 a month, so a metric exists only for an alarm or for the bill. The log lines have the rest.
"""

STAGE_METRICS = {
    DEAD_LETTERED: "dead-letter",
    CONNECTIONS_PERCENT: "database",
    HISTORY_OVERDUE_DAYS: "database",
    HOUSEKEEPING_OVERDUE_DAYS: "housekeeping",
    INVARIANT_BREACHES: "database",
}
"""Metrics that a stage has once, with the value of their dimension service."""

UNITS = {
    OLDEST_QUEUED_SECONDS: MetricUnit.Seconds,
    OLDEST_PROCESSING_SECONDS: MetricUnit.Seconds,
    CONNECTIONS_PERCENT: MetricUnit.Percent,
}


class Observer:
    """The logger and the metrics of one function. :meth:`flush` writes the collected metrics."""

    def __init__(self, service: str, stage: str) -> None:
        # Lambda filters lines by level only if their timestamps are RFC 3339; it takes the level of others for INFO.
        self.log = Logger(service=service, use_rfc3339=True, serialize_stacktrace=False, log_uncaught_exceptions=False)
        self._cold = True
        self._request_id: str | None = None
        self._service = service
        self._stage = stage
        self._metrics: dict[tuple[str, str | None], EphemeralMetrics] = {}

    def begin(self, context: Any) -> None:
        """Add the invocation's request id, the function's version and whether it is a cold start to all further lines."""
        self._request_id = context.aws_request_id
        self.log.append_keys(
            function_request_id=context.aws_request_id,
            function_version=context.function_version,
            cold_start=self._cold,
        )
        self._cold = False

    def count(self, metric: str, value: float = 1, *, workflow: str | None = None, service: str | None = None) -> None:
        """Add ``value`` to ``metric`` of this invocation.

        :data:`WORKFLOW_METRICS` need ``workflow``, others must not have one: each combination is a billed series.
        ``service`` is the record's service, if that is not this function's.
        """
        if (metric in WORKFLOW_METRICS) != (workflow is not None):
            needs = "needs a workflow" if metric in WORKFLOW_METRICS else "takes no workflow"
            raise ValueError(f"metric {metric} with workflow={workflow!r}: it {needs}")
        key = (STAGE_METRICS.get(metric) or service or self._service, workflow)
        if key not in self._metrics:
            metrics = self._metrics[key] = EphemeralMetrics(namespace=NAMESPACE, service=key[0])
            metrics.set_default_dimensions(stage=self._stage, service=key[0])
            if workflow is not None:
                metrics.set_default_dimensions(workflow=workflow)
        self._metrics[key].add_metric(metric, unit=UNITS.get(metric, MetricUnit.Count), value=value)

    def finished(self, workflow: str, *, error: bool, service: str | None = None) -> None:
        """Count a record that ended, in Error or not."""
        self.count(FINISHED, workflow=workflow, service=service)
        if error:
            self.count(ERRORED, workflow=workflow, service=service)

    def transition(
        self,
        *,
        workflow: str,
        record_id: int,
        from_status: str | None,
        to_status: str,
        outcome: str | None = None,
        correlation_id: str | None = None,
        **keys: Any,
    ) -> None:
        """Log one transition; a key whose value is None is left out.

        ``correlation_id`` is the request id of the invocation that caused it: by default this one.
        """
        fixed = {"workflow": workflow, "record_id": record_id, "from_status": from_status, "to_status": to_status}
        cause = {"outcome": outcome, "correlation_id": correlation_id or self._request_id}
        self.log.info("transition", extra={**fixed, **cause, **keys})

    def moved(
        self, workflow: str, before: Mapping[Any, str | None], to_status: str, *, outcome: str, actor: str
    ) -> None:
        """Log the transition of each record of ``before`` (id → previous status) that ``actor`` caused."""
        for record_id, from_status in before.items():
            self.transition(
                workflow=workflow,
                record_id=record_id,
                from_status=from_status,
                to_status=to_status,
                outcome=outcome,
                actor=actor,
            )

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """Log one line about a whole tick, batch or migration."""
        self.log.info(message, extra=dict(keys))

    def flush(self) -> None:
        """Write the collected metrics, one EMF document per set of dimensions."""
        for metrics in self._metrics.values():
            if metrics.metric_set:
                metrics.flush_metrics()
