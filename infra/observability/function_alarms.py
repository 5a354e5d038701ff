"""The alarms of one function: throttled, near its timeout."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.observability.alarm import Bell


class FunctionAlarms(Construct):
    """What must wake somebody about ``function``, called ``name``."""

    def __init__(self, scope: Construct, id: str, *, name: str, function: lambda_.Function, bell: Bell) -> None:
        super().__init__(scope, id)
        five = Duration.minutes(5)
        timeout = function.timeout or Duration.seconds(3)  # Lambda's own default
        bell.alarm(
            self, "Throttled", name=f"Throttled: {name}", above=0, periods=2, of=3,
            metric=function.metric_throttles(statistic="Sum", period=five),
            meaning="The account's concurrency is used up: ticks and messages wait.",
        )  # fmt: skip
        bell.alarm(
            self, "Slow", name=f"Near its timeout: {name}", periods=2, of=3,
            metric=function.metric_duration(statistic="p99", period=five),
            above=timeout.to_milliseconds() * bell.plan.stage.alarms.timeout_percent / 100,
            meaning="Invocations take almost all the time they have; the next ones will be killed.",
        )  # fmt: skip
