"""The dashboard's rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from infra.observability.metrics import Metrics
from infra.plan import Plan
from infra.queues import Queues
from scrapersky import metrics as metric_names
from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.status.workflow import Workflow

FIVE = Duration.minutes(5)
MOST_ALARMS = 100
"""In one widget, by CloudWatch's own limit; four more services would be beyond it."""
OUT = (
    metric_names.COMPLETED,
    metric_names.ERRORED,
    metric_names.RETRIED,
    metric_names.SNOOZED,
    metric_names.LOST,
    metric_names.UNDELIVERED,
)


def alarms(all_of_them: Sequence[cloudwatch.IAlarm]) -> Sequence[cloudwatch.IWidget]:
    """What rings, and what does not."""
    return [
        cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=all_of_them[first : first + MOST_ALARMS], width=24, height=6
        )
        for first in range(0, len(all_of_them), MOST_ALARMS)
    ]


def funnel(metrics: Metrics) -> Sequence[cloudwatch.IWidget]:
    """Per workflow what went in (claimed) and what came out."""
    return [
        graph(
            workflow.name,
            [
                metrics.of_workflow(name, service, workflow, statistic="Sum", minutes=5)
                for name in (metric_names.CLAIMED, *OUT)
            ],
            width=4,
        )
        for service in SERVICES
        for workflow in service.workflows
    ]


def ages(metrics: Metrics) -> Sequence[cloudwatch.IWidget]:
    """How long the oldest waits, and how much waits and is worked on."""
    return [
        graph("Oldest queued, seconds", each_workflow(metrics, metric_names.OLDEST_QUEUED_SECONDS, "Maximum")),
        graph("Oldest processing, seconds", each_workflow(metrics, metric_names.OLDEST_PROCESSING_SECONDS, "Maximum")),
        graph("Queued", each_workflow(metrics, metric_names.QUEUED, "Maximum")),
        graph("Processing", each_workflow(metrics, metric_names.PROCESSING, "Maximum")),
    ]


def queues(of_services: Mapping[str, Queues]) -> Sequence[cloudwatch.IWidget]:
    """Messages waiting, messages in flight, and dead letters, by service."""

    def each(make: Callable[[sqs.Queue, sqs.Queue], cloudwatch.Metric]) -> list[cloudwatch.IMetric]:
        return [make(both.work, both.dead).with_(label=name) for name, both in of_services.items()]

    return [
        graph(
            "Messages waiting", each(lambda work, _: work.metric_approximate_number_of_messages_visible(period=FIVE))
        ),
        graph("In flight", each(lambda work, _: work.metric_approximate_number_of_messages_not_visible(period=FIVE))),
        graph("Oldest message", each(lambda work, _: work.metric_approximate_age_of_oldest_message(period=FIVE))),
        graph("Dead letters", each(lambda _, dead: dead.metric_approximate_number_of_messages_visible(period=FIVE))),
    ]


def durations(metrics: Metrics, functions: Mapping[str, lambda_.Function]) -> Sequence[cloudwatch.IWidget]:
    """Time per record and per invocation, and what is wrong with invocations."""
    named = functions.items()
    stale = [metrics.of_service(metric_names.STALE, name, statistic="Sum", minutes=5) for name, _ in named]
    return [
        graph("Record p50, ms", each_workflow(metrics, metric_names.RECORD_MILLISECONDS, "p50")),
        graph("Record p99, ms", each_workflow(metrics, metric_names.RECORD_MILLISECONDS, "p99")),
        graph("Invocation p99, ms", [one.metric_duration(statistic="p99", label=name) for name, one in named]),
        graph("Throttles; stale", [one.metric_throttles(label=name) for name, one in named], right=stale),
    ]


def cost(metrics: Metrics, functions: Mapping[str, lambda_.Function], plan: Plan) -> Sequence[cloudwatch.IWidget]:
    """What the bill follows: paid calls, invocations, their time."""
    named = functions.items()
    hour = Duration.hours(1)
    return [
        graph("Paid calls", each_workflow(metrics, metric_names.PAID_CALLS, "Sum", of=plan.pays), width=8),
        graph("Invocations", [one.metric_invocations(period=hour, label=name) for name, one in named], width=8),
        graph(
            "Time, ms", [one.metric_duration(statistic="Sum", period=hour, label=name) for name, one in named], width=8
        ),
    ]


def each_workflow(
    metrics: Metrics, name: str, statistic: str, *, of: Callable[[Service, Workflow], bool] = lambda *_: True
) -> list[cloudwatch.IMetric]:
    """``name`` of every workflow, or of those ``of`` says."""
    return [
        metrics.of_workflow(name, service, workflow, statistic=statistic, minutes=5).with_(label=workflow.name)
        for service in SERVICES
        for workflow in service.workflows
        if of(service, workflow)
    ]


def graph(
    title: str, left: Iterable[cloudwatch.IMetric], *, right: Iterable[cloudwatch.IMetric] = (), width: int = 6
) -> cloudwatch.GraphWidget:
    """A graph of a row of four, unless it is narrower."""
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=width, height=6)
