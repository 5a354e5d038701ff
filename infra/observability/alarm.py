"""The one place of alarm defaults."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.plan import Plan
from scrapersky.runtime.registry import Service

SHORTEST_MINUTES = 5
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING
BREACHING = cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True)
class Bell:
    """Makes alarms of one stage, and keeps a list of them for the dashboard."""

    plan: Plan
    topic: sns.Topic
    alarms: list[cloudwatch.Alarm]

    def minutes(self, service: Service, wanted: int = SHORTEST_MINUTES) -> int:
        """The period of an alarm about ``service``: long enough for a tick in each, or it would look at nothing."""
        return max(wanted, self.plan.services[service.name].interval_minutes)

    def alarm(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        meaning: str,
        metric: cloudwatch.IMetric,
        above: float,
        periods: int,
        of: int | None = None,
        missing: cloudwatch.TreatMissingData = NOT_BREACHING,
    ) -> None:
        """An alarm when ``metric`` is above a value in ``periods`` of the last ``of`` periods (default: all of them).

        ``name`` is the heading in docs/runbook.md, then a colon and whose it is. An emulated AWS that cannot compute
        with metrics gets no such alarm.
        """
        stage = self.plan.stage
        if isinstance(metric, cloudwatch.MathExpression) and not stage.metric_math:
            return
        alarm = cloudwatch.Alarm(
            scope,
            id,
            alarm_name=f"{stage.stack} {name}",
            alarm_description=f"{meaning} See docs/runbook.md, \u201c{name.partition(':')[0]}\u201d.",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            datapoints_to_alarm=periods,
            evaluation_periods=of or periods,
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.alarms.append(alarm)
