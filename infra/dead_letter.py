"""The function that marks Error what could not even be started."""

from collections.abc import Mapping

from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import function
from infra.layers import Bundle
from infra.plan import Plan
from infra.queues import take


class DeadLetter(Construct):
    """One function behind the dead-letter queues of all services: a letter is one short statement, however many fail."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: Plan,
        bundle: Bundle,
        database: secretsmanager.ISecret,
        queues: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, id)
        self.function = function(
            self,
            name="dead-letter",
            description="Marks records Error whose tickets ended in a dead-letter queue",
            plan=plan,
            bundle=bundle,
            timeout_seconds=plan.settings.function_timeout_seconds,
            environment={},
            secrets=[database],
        )
        for service, queue in queues.items():
            take(service, queue, by=self.function, batch_size=10, at_once=2)
