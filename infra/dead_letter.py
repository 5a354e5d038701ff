"""The function that marks Error what could not even be started."""

from collections.abc import Mapping

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Functions
from infra.plan import LETTERS_AT_ONCE
from infra.queues import take


class DeadLetter(Construct):
    """One function behind the dead-letter queues of all services: a letter is one short statement, however many fail."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        functions: Functions,
        queues: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, id)
        self.function = functions.make(
            self,
            name="dead-letter",
            description="Marks records Error whose messages ended in a dead-letter queue",
            timeout_seconds=functions.plan.settings.function_timeout_seconds,
            environment={},
        )
        for service, queue in queues.items():
            take(service, queue, by=self.function, batch_size=10, at_once=LETTERS_AT_ONCE)
