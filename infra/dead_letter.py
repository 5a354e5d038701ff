"""The function dead-letter: sets records to Error whose messages could never be started."""

from collections.abc import Mapping

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Functions
from infra.queues import consume
from scrapersky.settings import DEAD_LETTER_CONCURRENCY, POLLED_CONCURRENCY


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
            # Not for a consumer of work: a message that is throttled too often would become a dead letter. These are.
            reserved=DEAD_LETTER_CONCURRENCY if functions.plan.stage.reserved_concurrency else None,
        )
        for service, queue in queues.items():
            consume(service, queue, function=self.function, max_concurrency=POLLED_CONCURRENCY)
