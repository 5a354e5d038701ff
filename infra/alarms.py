"""All alarms. Each name, up to the colon, is a heading in ``docs/runbook.md``, which says what it means and what to do.

The alarms of a service have no action: its composite alarm notifies, once for all of them, and stays silent while the
composite alarm *Database unreachable* is on. Alarms that belong to no service notify themselves.

Thresholds are in ``infra/alarm_thresholds.py``. ``datapoints=(2, 3)`` means: 2 of the last 3 periods are above the threshold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.function import Function
from infra.metrics import Metrics
from infra.plan import Plan
from infra.queues import Queues
from scrapersky import metrics as names
from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.status.workflow import Workflow

FIVE_MINUTES = Duration.minutes(5)
SUPPRESSION = Duration.minutes(5)
"""How long a service's alarm waits for *Database unreachable*, whose cause it may be, and stays silent after it."""
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING
BREACHING = cloudwatch.TreatMissingData.BREACHING
MORE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
LESS = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


@dataclass(frozen=True)
class AlarmFactory:
    """Makes the alarms of one stage. ``alarms`` are all that it made; ``members`` are those of each service, by name."""

    plan: Plan
    topic: sns.Topic
    alarms: list[cloudwatch.AlarmBase] = field(default_factory=list)
    members: dict[str, list[cloudwatch.AlarmBase]] = field(default_factory=dict)

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
        limit: float,
        datapoints: tuple[int, int],
        description: str,
        missing: cloudwatch.TreatMissingData = NOT_BREACHING,
        service: str | None = None,
        comparison: cloudwatch.ComparisonOperator = MORE,
    ) -> cloudwatch.AlarmBase | None:
        """Add an alarm: a member of the composite alarm of ``service``, or one that notifies.

        On a stage without composite alarms (the emulated AWS) each alarm notifies, and those on metric math are left out.
        """
        stage = self.plan.stage
        if isinstance(metric, cloudwatch.MathExpression) and not stage.composite_alarms:
            return None
        alarm = cloudwatch.Alarm(
            scope,
            id,
            alarm_name=f"{stage.stack} {name}",
            alarm_description=described(description, name),
            metric=metric,
            threshold=limit,
            comparison_operator=comparison,
            datapoints_to_alarm=datapoints[0],
            evaluation_periods=datapoints[1],
            treat_missing_data=missing,
        )
        if service and stage.composite_alarms:
            self.members.setdefault(service, []).append(alarm)
        else:
            self.notify(alarm)
        self.alarms.append(alarm)
        return alarm

    def notify(self, alarm: cloudwatch.AlarmBase) -> None:
        """Notify the topic when ``alarm`` fires and when it ends."""
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)

    def add_composite(
        self,
        scope: Construct,
        id: str,
        name: str,
        rule: cloudwatch.IAlarmRule,
        *,
        description: str,
        unless: cloudwatch.IAlarm | None = None,
    ) -> cloudwatch.CompositeAlarm:
        """Add a composite alarm that notifies, but not while ``unless`` is on."""
        period = SUPPRESSION if unless else None
        alarm = cloudwatch.CompositeAlarm(
            scope,
            id,
            composite_alarm_name=f"{self.plan.stage.stack} {name}",
            alarm_description=described(description, name),
            alarm_rule=rule,
            actions_suppressor=unless,
            actions_suppressor_wait_period=period,
            actions_suppressor_extension_period=period,
        )
        self.notify(alarm)
        self.alarms.append(alarm)
        return alarm


def described(description: str, name: str) -> str:
    """Return ``description`` with the place in the runbook."""
    return f"{description} See docs/runbook.md, \u201c{name.partition(':')[0]}\u201d."


def add_alarms(
    scope: Construct,
    alarms: AlarmFactory,
    *,
    functions: Mapping[str, Function],
    queues: Mapping[str, Queues],
    api: http.CfnApi,
    cluster: rds.DatabaseCluster | None,
) -> None:
    """Add all alarms of a stage: ``functions`` by name, ``queues`` by the service's name, ``cluster`` if it is ours."""
    failing = []
    for service in SERVICES:
        for workflow in service.workflows:
            tick_alarms(Construct(scope, f"Workflow-{workflow.name}"), alarms, service, workflow)
            outcome_alarms(Construct(scope, f"Outcomes-{workflow.name}"), alarms, service, workflow)
        queue_alarm(Construct(scope, f"Service-{service.name}"), alarms, service, queues[service.name])
    for name, function in functions.items():
        failing.append(error_alarm(Construct(scope, f"Function-{name}"), alarms, name, function))
    shared_alarms(Construct(scope, "Shared"), alarms)
    database_alarms(Construct(scope, "Database"), alarms, cluster)
    api_alarms(Construct(scope, "Api"), alarms, api)
    if alarms.plan.stage.composite_alarms:
        ticking = [one for one, name in zip(failing, functions, strict=True) if name in alarms.members]
        composite_alarms(Construct(scope, "Composite"), alarms, ticking)


# fmt: off


def tick_alarms(scope: Construct, alarms: AlarmFactory, service: Service, workflow: Workflow) -> None:
    """Add the alarms on what each tick measures: the oldest due record, and the budget."""
    thresholds, name, minutes = alarms.plan.stage.alarm_thresholds, workflow.name, alarms.minutes(service)
    two_ticks = 2 * 60 * alarms.plan.services[service.name].interval_minutes

    def metric(of: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        return alarms.metrics.of_workflow(of, service, workflow, statistic=statistic, minutes=minutes)

    # This one is also the heartbeat: if no tick reaches the workflow there is no value, which counts as breaching.
    alarms.add(
        scope, "Late", f"Queued too long: {name}", metric(names.OLDEST_QUEUED_SECONDS), missing=BREACHING,
        service=service.name,
        limit=max(thresholds.oldest_queued_seconds, two_ticks), datapoints=(2, 3),
        description="The oldest due record has waited too long, or no tick ran.",
    )
    if alarms.plan.pays(workflow):
        alarms.add(
            scope, "Spent", f"Budget spent: {name}", metric(names.BUDGET_SPENT, "Sum"),
            service=service.name, limit=0, datapoints=(1, 1),
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
            f"IF(FILL(failed, 0) >= {thresholds.error_minimum}, 100 * failed / finished, 0)",
            "percent in Error", alarms.minutes(service, thresholds.ratio_minutes),
            finished=(names.FINISHED, "Sum"), failed=(names.ERRORED, "Sum"),
        ),
        service=service.name, limit=thresholds.error_percent, datapoints=(2, 3),
        description="Too many of the finished records are in Error.",
    )
    # Records in flight count as input too: if nothing consumes the messages, nothing stays due and nothing is finished.
    alarms.add(
        scope, "Idle", f"No progress: {name}", math(
            "IF((waiting > 0 OR working > 0) AND FILL(finished, 0) == 0, 1, 0)",
            "input without output", alarms.minutes(service, thresholds.idle_minutes),
            waiting=(names.OLDEST_QUEUED_SECONDS, "Minimum"), working=(names.OLDEST_PROCESSING_SECONDS, "Minimum"),
            finished=(names.FINISHED, "Sum"),
        ),
        service=service.name, limit=0, datapoints=(2, 2),
        description="Records were due or in flight all the time, and none finished.",
    )


def queue_alarm(scope: Construct, alarms: AlarmFactory, service: Service, queues: Queues) -> None:
    """Add the alarm on dead letters that stay in the queue of one service."""
    alarms.add(
        scope, "NotDrained", f"Dead letters not drained: {service.name}",
        queues.dead.metric_approximate_number_of_messages_visible(statistic="Maximum", period=FIVE_MINUTES),
        service=service.name, limit=0, datapoints=(2, 3),
        description="The function dead-letter does not consume its queue.",
    )


def error_alarm(
    scope: Construct, alarms: AlarmFactory, name: str, function: Function
) -> cloudwatch.AlarmBase | None:
    """Add the alarm on failed invocations of one function: exceptions, timeouts, and a function that cannot start."""
    ticking = {service.name: alarms.minutes(service) for service in SERVICES}
    period = Duration.minutes(ticking.get(name, 5))
    return alarms.add(
        scope, "Errors", f"Function errors: {name}", function.metric_errors(statistic="Sum", period=period),
        service=name if name in ticking else None, limit=0, datapoints=(2, 3),
        description="Invocations fail: a tick could not serve a workflow, ran into its timeout, or could not start.",
    )


def shared_alarms(scope: Construct, alarms: AlarmFactory) -> None:
    """Add the alarms that belong to no service."""
    throttles = cloudwatch.Metric(
        namespace="AWS/Lambda", metric_name="Throttles", statistic="Sum", period=FIVE_MINUTES
    )
    alarms.add(
        scope, "Throttled", "Throttled: all functions of the account", throttles, limit=0, datapoints=(2, 3),
        description="The account's concurrency is exhausted: ticks and messages wait.",
    )
    # The depth of the queues does not show that messages arrive, because the function dead-letter consumes them within
    # seconds; so it counts them.
    for id, name, metric, description in (
        ("Broken", "Invariant breached", names.INVARIANT_BREACHES,
         "A record and its attempts contradict each other, or recovery does not work; the log names the workflow."),
        ("Dead", "Dead-lettered", names.DEAD_LETTERED,
         "Messages could never be started; their records, which the log names, are in Error."),
    ):
        alarms.add(
            scope, id, f"{name}: all services", alarms.metrics.of_stage(metric, statistic="Sum", minutes=5),
            limit=0, datapoints=(1, 1), description=description,
        )
    # Two days, because the rule's time of the day drifts. Without a value the function did not run.
    alarms.add(
        scope, "Housekeeping", "Storage limits not applied: housekeeping",
        alarms.metrics.of_stage(names.HOUSEKEEPING_OVERDUE_DAYS, statistic="Maximum", minutes=24 * 60),
        limit=alarms.plan.stage.alarm_thresholds.housekeeping_overdue_days, datapoints=(2, 2), missing=BREACHING,
        description="What must not be kept longer is still there, or the function housekeeping did not run.",
    )


def database_alarms(scope: Construct, alarms: AlarmFactory, cluster: rds.DatabaseCluster | None) -> None:
    """Add the alarms on the database: its connections, and if the stack made it, what CloudWatch knows of it."""
    limits = alarms.plan.stage.alarm_thresholds
    slowest = max(SERVICES, key=lambda service: alarms.plan.services[service.name].interval_minutes)
    found = [("Connections", limits.connections_percent, "of max_connections, in percent",
              alarms.metrics.of_stage(
                  names.CONNECTIONS_PERCENT, statistic="Maximum", minutes=alarms.minutes(slowest)))]
    if cluster:
        found += [
            ("Capacity", limits.capacity_percent, "of its largest capacity, in percent",
             cluster.metric_acu_utilization(statistic="Maximum", period=FIVE_MINUTES)),
            ("Deadlocks", 0, "deadlocks per second", cluster.metric_deadlocks(statistic="Maximum", period=FIVE_MINUTES)),
            ("FreeLocalStorage", limits.free_storage_bytes, "bytes of local storage left",
             cluster.metric("FreeLocalStorage", statistic="Minimum", period=FIVE_MINUTES)),
            ("TransactionIds", limits.transaction_ids, "transaction ids not vacuumed; writing stops at 2 billion",
             cluster.metric("MaximumUsedTransactionIDs", statistic="Maximum", period=FIVE_MINUTES)),
        ]
    if alarms.plan.settings.history_days:
        alarms.add(
            scope, "History", "History not deleted: all services",
            alarms.metrics.of_stage(
                names.HISTORY_OVERDUE_DAYS, statistic="Minimum", minutes=alarms.minutes(slowest)),
            limit=limits.history_overdue_days, datapoints=(12, 12),
            description="History older than HISTORY_DAYS is deleted more slowly than it becomes old.",
        )
    for name, limit, meaning, metric in found:
        less = name == "FreeLocalStorage"
        alarms.add(
            scope, name, f"Database: {name}", metric, limit=limit, datapoints=(2, 3), comparison=LESS if less else MORE,
            description=f"The database has {'less' if less else 'more'} than {limit:g} {meaning}.",
        )


def composite_alarms(scope: Construct, alarms: AlarmFactory, ticking: list[cloudwatch.AlarmBase | None]) -> None:
    """Add the alarms that notify: one on the database, by the failing ticks of every service, and one per service."""
    unreachable = alarms.add_composite(
        scope, "Unreachable", "Database unreachable: all services",
        cloudwatch.AlarmRule.all_of(*(one for one in ticking if one)),
        description="The ticks of all services fail. What they share is the database.",
    )
    for service, members in alarms.members.items():
        alarms.add_composite(
            scope, service, f"Service: {service}", cloudwatch.AlarmRule.any_of(*members),
            description="At least one of the service's alarms is on; the notification names them.", unless=unreachable,
        )


def api_alarms(scope: Construct, alarms: AlarmFactory, api: http.CfnApi) -> None:
    """Add the alarm on the curation API. It has no ticks, so no other alarm would notice that its function fails."""
    errors = cloudwatch.Metric(
        namespace="AWS/ApiGateway", metric_name="5xx", dimensions_map={"ApiId": api.ref},
        statistic="Sum", period=FIVE_MINUTES,
    )
    alarms.add(
        scope, "Failing", "Curation API errors: api", errors, limit=0, datapoints=(2, 3),
        description="The curation API answers with 5xx.",
    )
