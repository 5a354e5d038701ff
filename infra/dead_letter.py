"""The function dead-letter: sets records to Error whose messages could never be started."""

from collections.abc import Mapping

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Functions
from infra.plan import DEAD_LETTER_CONCURRENCY
from infra.queues import consume


class DeadLetter(Construct):
    """One function for the dead-letter ``queues`` of all services (by the service's construct id)."""

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
            description="Sets records to Error when their messages reach a dead-letter queue",
            timeout_seconds=functions.plan.settings.function_timeout_seconds,
            environment={},
        )
        for service, queue in queues.items():
            consume(service, queue, function=self.function, max_concurrency=DEAD_LETTER_CONCURRENCY)
