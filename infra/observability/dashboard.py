"""The dashboard: alarms first, then the funnel, ages, errors, queues, durations, what costs money."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.observability import widgets
from infra.observability.alarm import Bell
from infra.observability.metrics import Metrics
from infra.observability.queries import query
from infra.queues import Queues


class Dashboard(Construct):
    """One page for one stage, read from top to bottom when something is wrong."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bell: Bell,
        functions: Mapping[str, lambda_.Function],
        queues: Mapping[str, Queues],
        log_groups: Sequence[logs.ILogGroup],
    ) -> None:
        super().__init__(scope, id)
        metrics = Metrics(bell.plan.stage.name)
        errors = cloudwatch.LogQueryWidget(
            title="Errors by code",
            log_group_names=[group.log_group_name for group in log_groups],
            query_string=query("errors-by-code"),
            view=cloudwatch.LogQueryVisualizationType.TABLE,
            width=24,
            height=8,
        )
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=bell.plan.stage.stack,
            default_interval=Duration.hours(12),
            widgets=[
                widgets.alarms(bell.alarms),
                widgets.funnel(metrics),
                widgets.ages(metrics),
                [errors],
                widgets.queues(queues),
                widgets.durations(metrics, functions),
                widgets.cost(metrics, functions, bell.plan),
            ],
        )
