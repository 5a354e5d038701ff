"""The schedule of a service's ticks."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class Schedule(Construct):
    """An EventBridge rate rule that ticks ``function`` ``every`` so often.

    A tick that cannot be delivered within a minute is dropped: the next one does its work, and a heap of old ticks
    would only stand in line for the same records.
    """

    def __init__(self, scope: Construct, id: str, *, function: lambda_.Function, every: Duration) -> None:
        super().__init__(scope, id)
        function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        self.rule = events.Rule(
            self,
            "Rule",
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(function, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )
