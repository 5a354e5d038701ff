"""The metrics that the functions emit, as CloudWatch knows them. A name that is not emitted cannot be asked for."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from scrapersky.metrics import NAMESPACE, OF_A_SERVICE, OF_A_WORKFLOW
from scrapersky.runtime.registry import Service
from scrapersky.status.workflow import Workflow


@dataclass(frozen=True)
class Metrics:
    """Metrics of one stage."""

    stage: str

    def of_workflow(
        self, name: str, service: Service, workflow: Workflow, *, statistic: str, minutes: int
    ) -> cloudwatch.Metric:
        """``name`` of ``workflow``, one value per ``minutes``."""
        return self._metric(name, OF_A_WORKFLOW, statistic, minutes, service=service.name, workflow=workflow.name)

    def of_service(self, name: str, service: str, *, statistic: str, minutes: int) -> cloudwatch.Metric:
        """``name`` of the function of ``service``, one value per ``minutes``."""
        return self._metric(name, OF_A_SERVICE, statistic, minutes, service=service)

    def _metric(
        self, name: str, known: frozenset[str], statistic: str, minutes: int, **dimensions: str
    ) -> cloudwatch.Metric:
        if name not in known:
            raise LookupError(f"metric {name!r} with the dimensions {', '.join(dimensions)}: not one that is emitted")
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"stage": self.stage, **dimensions},
            statistic=statistic,
            period=Duration.minutes(minutes),
        )
