"""The alarms of one workflow's ticks: late, stuck, broken, out of money."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability.alarm import BREACHING, Bell
from infra.observability.metrics import Metrics
from scrapersky import metrics as metric_names
from scrapersky.runtime.registry import Service
from scrapersky.status.workflow import Workflow


class WorkflowAlarms(Construct):
    """What must wake somebody about what the ticks see of ``workflow``."""

    def __init__(self, scope: Construct, id: str, *, service: Service, workflow: Workflow, bell: Bell) -> None:
        super().__init__(scope, id)
        limits, name = bell.plan.stage.alarms, workflow.name
        metrics, minutes = Metrics(bell.plan.stage.name), bell.minutes(service)

        def metric(of: str, statistic: str = "Maximum") -> cloudwatch.Metric:
            return metrics.of_workflow(of, service, workflow, statistic=statistic, minutes=minutes)

        # The heartbeat: a tick that does not come, or does not reach this workflow, leaves no value.
        tick_seconds = 60 * bell.plan.services[service.name].interval_minutes
        bell.alarm(
            self, "Late", name=f"Queued too long: {name}", metric=metric(metric_names.OLDEST_QUEUED_SECONDS),
            above=max(limits.oldest_queued_seconds, 2 * tick_seconds), periods=2, of=3, missing=BREACHING,
            meaning="The oldest due record waits too long, or ticks do not come.",
        )  # fmt: skip
        stuck = bell.plan.settings.dispatch_lease_seconds + limits.stuck_beyond_lease_seconds
        bell.alarm(
            self, "Stuck", name=f"Stuck Processing: {name}", metric=metric(metric_names.OLDEST_PROCESSING_SECONDS),
            above=stuck, periods=2, of=3, meaning="An attempt is live for longer than any lease: recovery does not work.",
        )  # fmt: skip
        bell.alarm(
            self, "Broken", name=f"Invariant breached: {name}", metric=metric(metric_names.INVARIANT_BREACHES),
            above=0, periods=1, meaning="A record and its attempts contradict each other.",
        )  # fmt: skip
        if bell.plan.pays(service, workflow):
            bell.alarm(
                self, "Spent", name=f"Budget spent: {name}", metric=metric(metric_names.BUDGET_SPENT, "Sum"),
                above=0, periods=1, meaning="The day's paid calls are used up until midnight UTC.",
            )  # fmt: skip
