"""The alarms of what comes out of one workflow: too many errors, or nothing at all."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability.alarm import Bell
from infra.observability.metrics import Metrics
from scrapersky import metrics as metric_names
from scrapersky.runtime.registry import Service
from scrapersky.status.workflow import Workflow


class OutcomeAlarms(Construct):
    """What must wake somebody about the ends of the records of ``workflow``."""

    def __init__(self, scope: Construct, id: str, *, service: Service, workflow: Workflow, bell: Bell) -> None:
        super().__init__(scope, id)
        limits, metrics = bell.plan.stage.alarms, Metrics(bell.plan.stage.name)

        def math(expression: str, label: str, minutes: int, **using: tuple[str, str]) -> cloudwatch.MathExpression:
            return cloudwatch.MathExpression(
                expression=expression,
                label=label,
                period=Duration.minutes(minutes),
                using_metrics={
                    name: metrics.of_workflow(of, service, workflow, statistic=statistic, minutes=minutes)
                    for name, (of, statistic) in using.items()
                },
            )

        bell.alarm(
            self, "Failing", name=f"Error ratio: {workflow.name}", above=limits.error_percent, periods=2, of=3,
            metric=math(
                f"IF(FILL(failed, 0) >= {limits.error_minimum}, 100 * failed / (FILL(done, 0) + failed), 0)",
                "percent in Error", bell.minutes(service, limits.ratio_minutes),
                done=(metric_names.COMPLETED, "Sum"), failed=(metric_names.ERRORED, "Sum"),
            ),
            meaning="Too many of the records that ended did so in Error.",
        )  # fmt: skip
        bell.alarm(
            self, "Idle", name=f"Nothing comes out: {workflow.name}", above=0, periods=2,
            metric=math(
                # What is claimed is input too: messages that nobody takes leave nothing due, and nothing comes out.
                "IF((waiting > 0 OR working > 0) AND (FILL(done, 0) + FILL(failed, 0) + FILL(again, 0)) == 0, 1, 0)",
                "input without output", bell.minutes(service, limits.idle_minutes),
                waiting=(metric_names.OLDEST_QUEUED_SECONDS, "Minimum"), working=(metric_names.PROCESSING, "Minimum"),
                done=(metric_names.COMPLETED, "Sum"), failed=(metric_names.ERRORED, "Sum"), again=(metric_names.RETRIED, "Sum"),
            ),
            meaning="Records were due or in flight the whole time, and none ended.",
        )  # fmt: skip
