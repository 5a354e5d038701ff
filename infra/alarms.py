"""All alarms. Each name, up to the colon, is a heading in ``docs/runbook.md``, which says what it means and what to do.

Thresholds are in ``infra/alarm_thresholds.py``. ``datapoints=(2, 3)`` means: 2 of the last 3 periods are above the threshold.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.metrics import Metrics
from infra.plan import Plan
from infra.queues import Queues
from scrapersky import metrics as names
from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.status.workflow import Workflow

FIVE_MINUTES = Duration.minutes(5)
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING
BREACHING = cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True)
class AlarmFactory:
    """Makes the alarms of one stage and collects them in ``alarms`` for the dashboard."""

    plan: Plan
    topic: sns.Topic
    alarms: list[cloudwatch.Alarm]

    @property
    def metrics(self) -> Metrics:
        """Return the metrics of the stage."""
        return Metrics(self.plan.stage.name)

    def minutes(self, service: Service, wanted: int = 5) -> int:
        """Return the period of an alarm on metrics of ticks: ``wanted``, or longer so that each period has a tick."""
        return max(wanted, self.plan.services[service.name].interval_minutes)

    def add(
        self,
        scope: Construct,
        id: str,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        above: float,
        datapoints: tuple[int, int],
        description: str,
        missing: cloudwatch.TreatMissingData = NOT_BREACHING,
    ) -> None:
        """Add an alarm that notifies the topic when it fires and when it ends.

        On a stage without metric math (the emulated AWS), alarms on metric math are left out.
        """
        stage = self.plan.stage
        if isinstance(metric, cloudwatch.MathExpression) and not stage.metric_math:
            return
        alarm = cloudwatch.Alarm(
            scope,
            id,
            alarm_name=f"{stage.stack} {name}",
            alarm_description=f"{description} See docs/runbook.md, \u201c{name.partition(':')[0]}\u201d.",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            datapoints_to_alarm=datapoints[0],
            evaluation_periods=datapoints[1],
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.alarms.append(alarm)


def add_alarms(
    scope: Construct,
    alarms: AlarmFactory,
    *,
    functions: Mapping[str, lambda_.Function],
    queues: Mapping[str, Queues],
    api: http.CfnApi,
) -> None:
    """Add all alarms of a stage: ``functions`` by name, ``queues`` by the service's name."""
    for service in SERVICES:
        for workflow in service.workflows:
            tick_alarms(Construct(scope, f"Workflow-{workflow.name}"), alarms, service, workflow)
            outcome_alarms(Construct(scope, f"Outcomes-{workflow.name}"), alarms, service, workflow)
        dead = queues[service.name].dead
        dead_letter_alarms(Construct(scope, f"DeadLetters-{service.name}"), alarms, service, dead)
    for name, function in functions.items():
        function_alarms(Construct(scope, f"Function-{name}"), alarms, name, function)
    invocation_alarms(Construct(scope, "Ticks"), alarms)
    api_alarms(Construct(scope, "Api"), alarms, api)


# fmt: off


def tick_alarms(scope: Construct, alarms: AlarmFactory, service: Service, workflow: Workflow) -> None:
    """Add the alarms on what each tick measures: oldest records, invariants, budget."""
    thresholds, name, minutes = alarms.plan.stage.alarm_thresholds, workflow.name, alarms.minutes(service)
    two_ticks = 2 * 60 * alarms.plan.services[service.name].interval_minutes
    longest_lease = alarms.plan.settings.dispatch_lease_seconds

    def metric(of: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        return alarms.metrics.of_workflow(of, service, workflow, statistic=statistic, minutes=minutes)

    # This one is also the heartbeat: if no tick reaches the workflow there is no value, which counts as breaching.
    alarms.add(
        scope, "Late", f"Queued too long: {name}", metric(names.OLDEST_QUEUED_SECONDS), missing=BREACHING,
        above=max(thresholds.oldest_queued_seconds, two_ticks), datapoints=(2, 3),
        description="The oldest due record has waited too long, or no tick ran.",
    )
    alarms.add(
        scope, "Stuck", f"Stuck Processing: {name}", metric(names.OLDEST_PROCESSING_SECONDS),
        above=longest_lease + thresholds.stuck_beyond_lease_seconds, datapoints=(2, 3),
        description="An attempt has been live for longer than any lease: recovery does not work.",
    )
    alarms.add(
        scope, "Broken", f"Invariant breached: {name}", metric(names.INVARIANT_BREACHES), above=0, datapoints=(1, 1),
        description="A record and its attempts contradict each other.",
    )
    if alarms.plan.pays(workflow):
        alarms.add(
            scope, "Spent", f"Budget spent: {name}", metric(names.BUDGET_SPENT, "Sum"), above=0, datapoints=(1, 1),
            description="The daily budget of paid calls is spent until midnight UTC.",
        )


def outcome_alarms(scope: Construct, alarms: AlarmFactory, service: Service, workflow: Workflow) -> None:
    """Add the alarms on how records end: too many errors, or no record ends at all."""
    thresholds, name = alarms.plan.stage.alarm_thresholds, workflow.name

    def math(expression: str, label: str, minutes: int, **using: tuple[str, str]) -> cloudwatch.MathExpression:
        metrics = {
            variable: alarms.metrics.of_workflow(of, service, workflow, statistic=statistic, minutes=minutes)
            for variable, (of, statistic) in using.items()
        }
        period = Duration.minutes(minutes)
        return cloudwatch.MathExpression(expression=expression, label=label, period=period, using_metrics=metrics)

    alarms.add(
        scope, "Failing", f"Error ratio: {name}", math(
            f"IF(FILL(failed, 0) >= {thresholds.error_minimum}, 100 * failed / (FILL(done, 0) + failed), 0)",
            "percent in Error", alarms.minutes(service, thresholds.ratio_minutes),
            done=(names.COMPLETED, "Sum"), failed=(names.ERRORED, "Sum"),
        ),
        above=thresholds.error_percent, datapoints=(2, 3), description="Too many of the finished records are in Error.",
    )
    # Records in flight count as input too: if nothing consumes the messages, nothing stays due and nothing is finished.
    alarms.add(
        scope, "Idle", f"No progress: {name}", math(
            "IF((waiting > 0 OR working > 0) AND (FILL(done, 0) + FILL(failed, 0) + FILL(again, 0)) == 0, 1, 0)",
            "input without output", alarms.minutes(service, thresholds.idle_minutes),
            waiting=(names.OLDEST_QUEUED_SECONDS, "Minimum"), working=(names.PROCESSING, "Minimum"),
            done=(names.COMPLETED, "Sum"), failed=(names.ERRORED, "Sum"), again=(names.RETRIED, "Sum"),
        ),
        above=0, datapoints=(2, 2), description="Records were due or in flight all the time, and none finished.",
    )


def dead_letter_alarms(scope: Construct, alarms: AlarmFactory, service: Service, queue: sqs.Queue) -> None:
    """Add the alarms on the dead letters of ``service``: that there are any, and that they stay in ``queue``.

    The queue's depth alone does not show that messages arrive, because the function dead-letter consumes them within
    seconds. So dead letters are counted when the function handles them; the depth shows that it does not.
    """
    for workflow in service.workflows:
        alarms.add(
            scope, f"Dead{workflow.name}", f"Dead-lettered: {workflow.name}",
            alarms.metrics.of_workflow(names.DEAD_LETTERED, service, workflow, statistic="Sum", minutes=5),
            above=0, datapoints=(1, 1), description="Messages could never be started; their records are in Error.",
        )
    alarms.add(
        scope, "NotDrained", f"Dead letters not drained: {service.name}",
        queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=FIVE_MINUTES),
        above=0, datapoints=(2, 3), description="The function dead-letter does not consume its queue.",
    )


def function_alarms(scope: Construct, alarms: AlarmFactory, name: str, function: lambda_.Function) -> None:
    """Add the alarms on one function: throttled, or killed at its timeout.

    An invocation that pulls runs for minutes by intention, so a long duration is no problem. Only the duration of one
    that was killed reaches the timeout.
    """
    timeout = function.timeout or Duration.seconds(3)  # Lambda's default
    alarms.add(
        scope, "Throttled", f"Throttled: {name}", function.metric_throttles(statistic="Sum", period=FIVE_MINUTES),
        above=0, datapoints=(2, 3), description="The account's concurrency is exhausted: ticks and messages wait.",
    )
    alarms.add(
        scope, "TimedOut", f"Timed out: {name}", function.metric_duration(statistic="Maximum", period=FIVE_MINUTES),
        above=timeout.to_milliseconds() - 1, datapoints=(1, 1),
        description="An invocation was killed at its timeout; its records are recovered as lost.",
    )


def invocation_alarms(scope: Construct, alarms: AlarmFactory) -> None:
    """Add the alarms on failures that the functions themselves report."""
    for service in SERVICES:
        failures = alarms.metrics.of_service(
            names.TICK_FAILED, service.name, statistic="Sum", minutes=alarms.minutes(service)
        )
        alarms.add(
            scope, f"Failed-{service.name}", f"Tick failed: {service.name}", failures, above=0, datapoints=(2, 3),
            description="A tick failed for at least one of its workflows.",
        )
    if alarms.plan.settings.history_days:
        # Every service deletes from the same tables, so one of them is enough.
        first = SERVICES[0]
        alarms.add(
            scope, "History", f"History not deleted: {first.name}",
            alarms.metrics.of_service(
                names.HISTORY_OVERDUE_DAYS, first.name, statistic="Minimum", minutes=alarms.minutes(first)
            ),
            above=alarms.plan.stage.alarm_thresholds.history_overdue_days, datapoints=(12, 12),
            description="History older than HISTORY_DAYS is deleted more slowly than it becomes old.",
        )
    alarms.add(
        scope, "Unattributable", "Unattributable dead letter: dead-letter",
        alarms.metrics.of_service(names.UNATTRIBUTABLE, "dead-letter", statistic="Sum", minutes=5),
        above=0, datapoints=(1, 1),
        description="A dead letter names no known attempt, or the database refuses to change its record.",
    )


def api_alarms(scope: Construct, alarms: AlarmFactory, api: http.CfnApi) -> None:
    """Add the alarm on the curation API. It has no ticks, so no other alarm would notice that its function fails."""
    errors = cloudwatch.Metric(
        namespace="AWS/ApiGateway", metric_name="5xx", dimensions_map={"ApiId": api.ref},
        statistic="Sum", period=FIVE_MINUTES,
    )
    alarms.add(
        scope, "Failing", "Curation API errors: api", errors, above=0, datapoints=(2, 3),
        description="The curation API answers with 5xx.",
    )
