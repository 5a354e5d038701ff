"""One background service: schedule → function → queue → the same function."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.function import Functions
from infra.plan import Plan, environment_variables
from infra.queues import Queues, consume
from scrapersky.runtime.registry import Service


class BackgroundService(Construct):
    """All resources of ``service``. Its function may read ``secrets`` in addition to the database's."""

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
            description=f"Background service, workflows: {', '.join(workflow.name for workflow in service.workflows)}",
            timeout_seconds=plan.settings.function_timeout_seconds,
            environment={"QUEUE_URL": self.queues.work.queue_url, **_own_environment(service, plan)},
            secrets=secrets,
        )
        self.queues.work.grant_send_messages(self.function)
        consume(
            "Messages",
            self.queues.work,
            function=self.function,
            max_concurrency=settings.max_instances,
        )
        Schedule(self, "Tick", function=self.function.live, interval=Duration.minutes(settings.interval_minutes))


def _own_environment(service: Service, plan: Plan) -> dict[str, str]:
    """Return the names of the secrets that ``service`` uses, and all of its settings."""
    return {
        **({"PLACES_SECRET": plan.stage.places_secret} if service.uses_places_api else {}),
        **({"PROXY_SECRET": plan.stage.proxy_secret} if service.uses_web and plan.uses_proxy else {}),
        **environment_variables(plan.services[service.name], prefix=f"{service.env_prefix}_", include_defaults=True),
    }


class Schedule(Construct):
    """An EventBridge rate rule that invokes ``function`` with a tick once per ``interval``.

    A tick that cannot be delivered within a minute is dropped: the next one does the same work, and a backlog of old
    ticks would only compete for the same records.
    """

    def __init__(self, scope: Construct, id: str, *, function: lambda_.Alias, interval: Duration) -> None:
        super().__init__(scope, id)
        function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        self.rule = events.Rule(
            self,
            "Rule",
            schedule=events.Schedule.rate(interval),
            targets=[targets.LambdaFunction(function, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )
