"""One stage's stack: wires the constructs, defines nothing itself."""

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.background_service import BackgroundService
from infra.checks import check
from infra.curation_api import CurationApi
from infra.database import database
from infra.dead_letter import DeadLetter
from infra.function import Functions, architecture
from infra.layers import bundle
from infra.migrations import Migrations
from infra.network import inside
from infra.observability.observability import Observability
from infra.plan import Plan
from infra.queues import Queues
from scrapersky.runtime.registry import SERVICES, Service


class ScraperSkyStack(Stack):
    """The background services of ``plan``'s stage; ``dependencies`` is the built dependency layer, None for no layer."""

    def __init__(self, scope: Construct, *, plan: Plan, dependencies: Path | None) -> None:
        stage = plan.stage
        super().__init__(
            scope,
            stage.stack,
            description=f"ScraperSky's background services, stage {stage.name}",
            termination_protection=stage.termination_protection,
            tags={"project": "scrapersky", "stage": stage.name},  # by which the bill can be split
        )
        place = inside(self, plan=plan)
        self.makes = Functions(
            plan=plan,
            bundle=bundle(self, architecture=architecture(plan), dependencies=dependencies),
            database=database(self, plan=plan, place=place),
            place=place,
        )
        self.places = secretsmanager.Secret.from_secret_name_v2(self, "Places", stage.places_secret)
        self.proxy = secretsmanager.Secret.from_secret_name_v2(self, "Proxy", stage.proxy_secret)
        self.migrations = Migrations(self, "Migrations", functions=self.makes)
        self.output("MigrateFunctionName", self.migrations.function.function_name)

        self.functions: dict[str, lambda_.Function] = {}
        queues = {service.name: self._serve(service) for service in SERVICES}

        services = list(self.functions.values())
        dead = {_id(name): both.dead for name, both in queues.items()}
        letters = DeadLetter(self, "DeadLetter", functions=self.makes, queues=dead)
        self._add("dead-letter", letters.function)
        curation = CurationApi(self, "Api", functions=self.makes, services=services)
        self._add("api", curation.function)
        self.output("ApiUrl", curation.api.attr_api_endpoint)

        watching = Observability(
            self, "Observability", plan=plan, functions=self.functions, queues=queues, api=curation.api
        )
        self.output("AlarmTopicArn", watching.topic.topic_arn)
        if stage.checked:
            check(self)

    def _serve(self, service: Service) -> Queues:
        """Adds a background service and its outputs; returns its queues."""
        background = BackgroundService(
            self,
            _id(service.name),
            service=service,
            functions=self.makes,
            secrets=[
                *([self.places] if service.uses_places else []),
                *([self.proxy] if service.visits_websites and self.makes.plan.uses_proxy else []),
            ],
        )
        self._add(service.name, background.function)
        self.output(f"{_id(service.name)}QueueUrl", background.queues.work.queue_url)
        self.output(f"{_id(service.name)}DeadLetterQueueUrl", background.queues.dead.queue_url)
        return background.queues

    def _add(self, name: str, function: lambda_.Function) -> None:
        """New code, its schedule and its queue wait for the schema; when a migration fails, the old code goes on."""
        function.node.add_dependency(self.migrations.schema)
        self.functions[name] = function
        self.output(f"{_id(name)}FunctionName", function.function_name)

    def output(self, name: str, value: str) -> None:
        """An output of the stack, for operators and scripts."""
        CfnOutput(self, name, value=value)


def _id(name: str) -> str:
    """``domain-scheduler`` as CloudFormation names things: ``DomainScheduler``."""
    return "".join(word.capitalize() for word in name.split("-"))
