"""The function housekeeping: applies the storage limits once a day."""

from aws_cdk import Duration
from constructs import Construct

from infra.background_service import Schedule
from infra.function import Functions

TIMEOUT_SECONDS = 900
"""Lambda's longest. What is left then is done on the next day, and the alarm reports a backlog of days."""


class Housekeeping(Construct):
    """The function and its daily rule. It reads the database's secret and nothing else."""

    def __init__(self, scope: Construct, id: str, *, functions: Functions) -> None:
        super().__init__(scope, id)
        self.function = functions.make(
            self,
            name="housekeeping",
            description="Removes what is kept for a limited time only",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={},
        )
        Schedule(self, "Daily", function=self.function.live, interval=Duration.days(1))
