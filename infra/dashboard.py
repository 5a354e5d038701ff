"""The dashboard. Rows from top to bottom: alarms, results, ages, errors, throughput, queues, functions, database, cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.metrics import Metrics
from infra.plan import Plan
from infra.queues import Queues
from infra.saved_queries import query_without_comments
from scrapersky import metrics as names
from scrapersky.runtime.registry import SERVICES
from scrapersky.status.workflow import Workflow

FIVE_MINUTES = Duration.minutes(5)
ALARMS_PER_WIDGET = 100
"""CloudWatch's limit; four more services would exceed it."""


class Dashboard(Construct):
    """One page for one stage."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: Plan,
        alarms: Sequence[cloudwatch.IAlarm],
        functions: Mapping[str, lambda_.Function],
        queues: Mapping[str, Queues],
        log_groups: Sequence[logs.ILogGroup],
        cluster: rds.DatabaseCluster | None,
    ) -> None:
        super().__init__(scope, id)
        metrics = Metrics(plan.stage.name)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=plan.stage.stack,
            default_interval=Duration.hours(12),
            widgets=[
                alarm_widgets(alarms),
                results(metrics),
                ages(metrics),
                [log_table("Errors by code", "errors-by-code", log_groups)],
                [
                    log_table("Status changes", "throughput", log_groups, width=12),
                    log_table("Slow records", "slow-records", log_groups, width=12),
                ],
                queue_graphs(queues),
                of_functions(functions),
                of_database(metrics, cluster),
                cost(metrics, functions, plan),
            ],
        )


def alarm_widgets(alarms: Sequence[cloudwatch.IAlarm]) -> Sequence[cloudwatch.IWidget]:
    """Return the state of all alarms, in as many widgets as CloudWatch's limit requires."""
    return [
        cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=alarms[first : first + ALARMS_PER_WIDGET], width=24, height=6
        )
        for first in range(0, len(alarms), ALARMS_PER_WIDGET)
    ]


def results(metrics: Metrics) -> Sequence[cloudwatch.IWidget]:
    """Return a graph per workflow of the records that ended, and of those in Error."""
    return [
        graph(
            workflow.name,
            [
                metrics.of_workflow(name, service, workflow, statistic="Sum", minutes=5)
                for name in (names.FINISHED, names.ERRORED)
            ],
            width=4,
        )
        for service in SERVICES
        for workflow in service.workflows
    ]


def ages(metrics: Metrics) -> Sequence[cloudwatch.IWidget]:
    """Return the ages of the oldest records, queued and processing."""
    return [
        graph("Oldest queued, seconds", each_workflow(metrics, names.OLDEST_QUEUED_SECONDS, "Maximum"), width=12),
        graph(
            "Oldest processing, seconds", each_workflow(metrics, names.OLDEST_PROCESSING_SECONDS, "Maximum"), width=12
        ),
    ]


def log_table(title: str, query: str, log_groups: Sequence[logs.ILogGroup], *, width: int = 24) -> cloudwatch.IWidget:
    """Return the result of the saved query ``query`` as a table, which costs nothing until it is shown."""
    return cloudwatch.LogQueryWidget(
        title=title,
        log_group_names=[group.log_group_name for group in log_groups],
        query_string=query_without_comments(query),
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=width,
        height=8,
    )


def queue_graphs(queues: Mapping[str, Queues]) -> Sequence[cloudwatch.IWidget]:
    """Return waiting messages, messages in flight and dead letters, by service."""

    def each(make: Callable[[sqs.Queue, sqs.Queue], cloudwatch.Metric]) -> list[cloudwatch.IMetric]:
        return [make(both.work, both.dead).with_(label=name) for name, both in queues.items()]

    period = FIVE_MINUTES
    return [
        graph(
            "Messages waiting", each(lambda work, _: work.metric_approximate_number_of_messages_visible(period=period))
        ),
        graph("In flight", each(lambda work, _: work.metric_approximate_number_of_messages_not_visible(period=period))),
        graph("Oldest message", each(lambda work, _: work.metric_approximate_age_of_oldest_message(period=period))),
        graph("Dead letters", each(lambda _, dead: dead.metric_approximate_number_of_messages_visible(period=period))),
    ]


def of_functions(functions: Mapping[str, lambda_.Function]) -> Sequence[cloudwatch.IWidget]:
    """Return durations, errors and throttles of the functions."""
    named = functions.items()
    return [
        graph("p99, ms", [one.metric_duration(statistic="p99", label=name) for name, one in named], width=8),
        graph("Errors", [one.metric_errors(label=name) for name, one in named], width=8),
        graph("Throttles", [one.metric_throttles(label=name) for name, one in named], width=8),
    ]


def of_database(metrics: Metrics, cluster: rds.DatabaseCluster | None) -> Sequence[cloudwatch.IWidget]:
    """Return the connections, and of a database that the stack made also its capacity, deadlocks and latencies."""
    used = metrics.of_stage(names.CONNECTIONS_PERCENT, statistic="Maximum", minutes=5)
    if not cluster:
        return [graph("Database connections, %", [used], width=24)]
    commits = cluster.metric("CommitLatency", statistic="Average")
    return [
        graph("Database connections, %", [used]),
        graph("Capacity in use, %", [cluster.metric_acu_utilization(statistic="Maximum")]),
        graph("Deadlocks per second", [cluster.metric_deadlocks(statistic="Maximum")]),
        graph("Commit latency, ms; ids", [commits], right=[cluster.metric("MaximumUsedTransactionIDs")]),
    ]


def cost(metrics: Metrics, functions: Mapping[str, lambda_.Function], plan: Plan) -> Sequence[cloudwatch.IWidget]:
    """Return what determines the bill: paid calls, invocations, and their duration."""
    named = functions.items()
    hour = Duration.hours(1)
    return [
        graph("Paid calls", each_workflow(metrics, names.PAID_CALLS, "Sum", where=plan.pays), width=8),
        graph("Invocations", [one.metric_invocations(period=hour, label=name) for name, one in named], width=8),
        graph(
            "Time, ms", [one.metric_duration(statistic="Sum", period=hour, label=name) for name, one in named], width=8
        ),
    ]


def each_workflow(
    metrics: Metrics, name: str, statistic: str, *, where: Callable[[Workflow], bool] = lambda _: True
) -> list[cloudwatch.IMetric]:
    """Return the metric ``name`` of every workflow for which ``where`` is true."""
    return [
        metrics.of_workflow(name, service, workflow, statistic=statistic, minutes=5).with_(label=workflow.name)
        for service in SERVICES
        for workflow in service.workflows
        if where(workflow)
    ]


def graph(
    title: str, left: Iterable[cloudwatch.IMetric], *, right: Iterable[cloudwatch.IMetric] = (), width: int = 6
) -> cloudwatch.GraphWidget:
    """Return a graph; the default width fits four in a row."""
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=width, height=6)
