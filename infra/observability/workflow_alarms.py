"""The alarms of one workflow: late, stuck, failing, idle, broken, out of money."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability.alarm import BREACHING, Bell
from infra.observability.metrics import Metrics
from scrapersky import observability as seen
from scrapersky.service.registry import Service
from scrapersky.status.workflow import Workflow


class WorkflowAlarms(Construct):
    """What must wake somebody about ``workflow``."""

    def __init__(self, scope: Construct, id: str, *, service: Service, workflow: Workflow, bell: Bell) -> None:
        super().__init__(scope, id)
        limits, name = bell.plan.stage.alarms, workflow.name
        tick = bell.plan.services[service.name].interval_minutes

        def metric(of: str, statistic: str = "Sum", minutes: int = 5) -> cloudwatch.Metric:
            return Metrics(bell.plan.stage.name).of_workflow(
                of, service, workflow, statistic=statistic, minutes=minutes
            )

        # The heartbeat: a tick that does not come, or does not reach this workflow, leaves no value.
        bell.alarm(
            self, "Late", name=f"Queued too long: {name}", metric=metric(seen.OLDEST_QUEUED_SECONDS, "Maximum", max(5, tick)),
            above=limits.oldest_queued_seconds, periods=2, of=3, missing=BREACHING,
            meaning="The oldest due record waits too long, or ticks do not come.",
        )  # fmt: skip
        stuck = bell.plan.settings.dispatch_lease_seconds + limits.stuck_beyond_lease_seconds
        bell.alarm(
            self, "Stuck", name=f"Stuck Processing: {name}", metric=metric(seen.OLDEST_PROCESSING_SECONDS, "Maximum"),
            above=stuck, periods=2, of=3, meaning="An attempt is live for longer than any lease: recovery does not work.",
        )  # fmt: skip
        bell.alarm(
            self, "Broken", name=f"Invariant breached: {name}", metric=metric(seen.INVARIANT_BREACHES, "Maximum"),
            above=0, periods=1, meaning="A record and its attempts contradict each other.",
        )  # fmt: skip
        if service.uses_places:
            bell.alarm(
                self, "Spent", name=f"Budget spent: {name}", metric=metric(seen.BUDGET_SPENT),
                above=0, periods=1, meaning="The day's paid calls are used up; the workflow is paused until midnight UTC.",
            )  # fmt: skip
        done, failed = (
            metric(seen.COMPLETED, minutes=limits.ratio_minutes),
            metric(seen.ERRORED, minutes=limits.ratio_minutes),
        )
        bell.alarm(
            self, "Failing", name=f"Error ratio: {name}", above=limits.error_percent, periods=2, of=3,
            metric=_math(
                f"IF(FILL(failed, 0) >= {limits.error_minimum}, 100 * failed / (FILL(done, 0) + failed), 0)",
                "percent in Error", limits.ratio_minutes, done=done, failed=failed,
            ),
            meaning="Too many of the records that ended did so in Error.",
        )  # fmt: skip
        waiting = metric(seen.OLDEST_QUEUED_SECONDS, "Minimum", limits.idle_minutes)
        out = {of: metric(of, minutes=limits.idle_minutes) for of in (seen.COMPLETED, seen.ERRORED, seen.RETRIED)}
        bell.alarm(
            self, "Idle", name=f"Nothing comes out: {name}", above=0, periods=2,
            metric=_math(
                f"IF(waiting > 0 AND {' + '.join(f'FILL({of.lower()}, 0)' for of in out)} == 0, 1, 0)",
                "input without output", limits.idle_minutes, waiting=waiting, **{of.lower(): one for of, one in out.items()},
            ),
            meaning="Records were due the whole time, and none ended.",
        )  # fmt: skip


def _math(expression: str, label: str, minutes: int, **metrics: cloudwatch.IMetric) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, label=label, using_metrics=metrics, period=Duration.minutes(minutes)
    )
