"""CloudWatch metrics that the functions emit. Asking for one that is not emitted fails the synth."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from scrapersky.metrics import NAMESPACE, STAGE_METRICS, WORKFLOW_METRICS
from scrapersky.runtime.registry import Service
from scrapersky.status.workflow import Workflow


@dataclass(frozen=True)
class Metrics:
    """Metrics of one stage."""

    stage: str

    def of_workflow(
        self, name: str, service: Service, workflow: Workflow, *, statistic: str, minutes: int
    ) -> cloudwatch.Metric:
        """Return the metric ``name`` of ``workflow``, with periods of ``minutes``."""
        return self._metric(name, WORKFLOW_METRICS, statistic, minutes, service=service.name, workflow=workflow.name)

    def of_stage(self, name: str, *, statistic: str, minutes: int) -> cloudwatch.Metric:
        """Return the metric ``name``, of which the stage has one, with periods of ``minutes``."""
        emitted = frozenset(STAGE_METRICS)
        return self._metric(name, emitted, statistic, minutes, service=STAGE_METRICS.get(name, ""))

    def _metric(
        self, name: str, emitted: frozenset[str], statistic: str, minutes: int, **dimensions: str
    ) -> cloudwatch.Metric:
        if name not in emitted:
            raise LookupError(f"no metric {name!r} with the dimensions {', '.join(dimensions)} is emitted")
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"stage": self.stage, **dimensions},
            statistic=statistic,
            period=Duration.minutes(minutes),
        )
