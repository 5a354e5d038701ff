"""One background service: schedule → function → queue → the same function."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.function import Functions
from infra.plan import variables
from infra.queues import Queues, take
from infra.schedule import Schedule
from scrapersky.runtime.registry import Service


class BackgroundService(Construct):
    """Everything in the account that belongs to ``service``, which may read ``secrets`` beside the database's."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        service: Service,
        functions: Functions,
        secrets: Sequence[secretsmanager.ISecret],
    ) -> None:
        super().__init__(scope, id)
        plan = functions.plan
        settings = plan.services[service.name]
        self.queues = Queues(self, "Queue", plan=plan)
        self.function = functions.make(
            self,
            name=service.name,
            description=f"Works on {', '.join(workflow.name for workflow in service.workflows)}",
            timeout_seconds=plan.settings.function_timeout_seconds,
            environment={
                "QUEUE_URL": self.queues.work.queue_url,
                **({"PLACES_SECRET": plan.stage.places_secret} if service.uses_places else {}),
                **({"PROXY_SECRET": plan.stage.proxy_secret} if service.visits_websites and plan.uses_proxy else {}),
                **variables(settings, prefix=f"{service.env_prefix}_", all_of_them=True),
            },
            secrets=secrets,
        )
        self.queues.work.grant_send_messages(self.function)
        take(
            "Messages",
            self.queues.work,
            by=self.function,
            batch_size=settings.messages_per_invocation,
            at_once=settings.max_instances,
        )
        Schedule(self, "Tick", function=self.function, every=Duration.minutes(settings.interval_minutes))
