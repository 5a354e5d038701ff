"""One stage's stack: wires the constructs, defines nothing itself."""

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.background_service import BackgroundService
from infra.checks import check
from infra.curation_api import CurationApi
from infra.dead_letter import DeadLetter
from infra.function import architecture
from infra.layers import bundle
from infra.migrations import Migrations
from infra.observability.observability import Observability
from infra.plan import Plan
from scrapersky.service.registry import SERVICES


class ScraperSkyStack(Stack):
    """The background services of ``plan``'s stage; ``dependencies`` is the built dependency layer, None for no layer."""

    def __init__(self, scope: Construct, *, plan: Plan, dependencies: Path | None) -> None:
        stage = plan.stage
        super().__init__(
            scope,
            stage.stack,
            description=f"ScraperSky's background services, stage {stage.name}",
            termination_protection=stage.termination_protection,
        )
        code = bundle(self, architecture=architecture(plan), dependencies=dependencies)
        database = secretsmanager.Secret.from_secret_name_v2(self, "Database", stage.database_secret)
        places = secretsmanager.Secret.from_secret_name_v2(self, "Places", stage.places_secret)

        migrations = Migrations(self, "Migrations", plan=plan, bundle=code, database=database)
        self.output("MigrateFunctionName", migrations.function.function_name)

        dead_letters, functions, queues = {}, {}, {}
        for service in SERVICES:
            id = "".join(word.capitalize() for word in service.name.split("-"))
            background = BackgroundService(
                self,
                id,
                service=service,
                plan=plan,
                bundle=code,
                secrets=[database, places] if service.uses_places else [database],
            )
            # New code, its schedule and its queue wait for the schema; when a migration fails, the old code goes on.
            background.function.node.add_dependency(migrations.schema)
            dead_letters[id] = background.queues.dead
            functions[service.name] = background.function
            queues[service.name] = (background.queues.work, background.queues.dead)
            self.output(f"{id}FunctionName", background.function.function_name)
            self.output(f"{id}QueueUrl", background.queues.work.queue_url)
            self.output(f"{id}DeadLetterQueueUrl", background.queues.dead.queue_url)

        letters = DeadLetter(self, "DeadLetter", plan=plan, bundle=code, database=database, queues=dead_letters)
        letters.function.node.add_dependency(migrations.schema)
        self.output("DeadLetterFunctionName", letters.function.function_name)
        functions["dead-letter"] = letters.function

        curation = CurationApi(
            self,
            "Api",
            plan=plan,
            bundle=code,
            database=database,
            services=[functions[service.name] for service in SERVICES],
        )
        curation.function.node.add_dependency(migrations.schema)
        self.output("ApiFunctionName", curation.function.function_name)
        self.output("ApiUrl", curation.api.attr_api_endpoint)

        functions["api"] = curation.function
        watching = Observability(self, "Observability", plan=plan, functions=functions, queues=queues)
        self.output("AlarmTopicArn", watching.topic.topic_arn)

        if stage.checked:
            check(self)

    def output(self, name: str, value: str) -> None:
        """An output of the stack, for operators and scripts."""
        CfnOutput(self, name, value=value)
