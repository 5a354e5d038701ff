"""The stack of one stage: connects the constructs and defines no resource itself."""

from pathlib import Path

from aws_cdk import Annotations, CfnOutput, Environment, Stack, Validations
from aws_cdk import aws_secretsmanager as secretsmanager
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from infra.background_service import BackgroundService
from infra.console_access import ConsoleAccess
from infra.curation_api import CurationApi
from infra.database import find_database
from infra.dead_letter import DeadLetter
from infra.exports import ExportBucket
from infra.function import Function, Functions, architecture
from infra.housekeeping import Housekeeping
from infra.layers import bundle
from infra.migrations import Migrations
from infra.network import find_vpc
from infra.observability import Observability
from infra.plan import Plan
from infra.queues import Queues
from scrapersky.runtime.registry import EXPORT_SCHEDULER, SERVICES, Service


class ScraperSkyStack(Stack):
    """The background services of ``plan``'s stage. ``dependencies`` is the built dependency layer, None for no layer.

    cdk-nag's AwsSolutions rules fail the synth at any finding that is not acknowledged. dev and prod need no
    acknowledgement; a stage in a VPC and one with disposable data do (``infra/network.py``, ``infra/database.py``), next
    to the construct: ``Validations.of(construct).acknowledge(Acknowledgment(id="AwsSolutions::…", reason="…"))``.
    """

    def __init__(self, scope: Construct, *, plan: Plan, dependencies: Path | None) -> None:
        stage = plan.stage
        super().__init__(
            scope,
            stage.stack,
            description=f"ScraperSky's background services, stage {stage.name}",
            env=Environment(account=stage.account or None, region=stage.region or None),
            termination_protection=stage.termination_protection,
            tags={"project": "scrapersky", "stage": stage.name},  # for cost allocation
        )
        if stage.termination_protection and not stage.network:
            Annotations.of(self).add_warning_v2(
                "scrapersky:NoNetwork",
                f"the functions of stage {stage.name} run outside any VPC and have no fixed address, so its database must "
                "accept connections from the whole internet: docs/explanation/stages.md describes network=… and database=…",
            )
        if stage.termination_protection and not plan.names_its_operator:
            Annotations.of(self).add_error(
                f"the crawler of stage {stage.name} introduces itself as {plan.settings.web_user_agent!r}: set "
                "WEB_USER_AGENT, or web_user_agent of the stage in infra/config.py, to a User-Agent with a url of your "
                "own that says who you are (docs/reference/robot-page.md)"
            )
        vpc = find_vpc(self, plan=plan)
        self.factory = Functions(
            plan=plan,
            bundle=bundle(self, architecture=architecture(plan), dependencies=dependencies),
            database=find_database(self, plan=plan, vpc=vpc),
            vpc=vpc,
        )
        self.places = secretsmanager.Secret.from_secret_name_v2(self, "Places", stage.places_secret)
        self.proxy = secretsmanager.Secret.from_secret_name_v2(self, "Proxy", stage.proxy_secret)
        self.migrations = Migrations(self, "Migrations", functions=self.factory)
        self.output("MigrateFunctionName", self.migrations.function.function_name)

        self.functions: dict[str, Function] = {}
        queues = {service.name: self._add_service(service) for service in SERVICES}
        self._add_shared(queues)
        exports = ExportBucket(self, "Exports")
        exports.allow(self.functions[EXPORT_SCHEDULER.name], "s3:PutObject", "s3:AbortMultipartUpload")
        exports.allow(self.functions["api"], "s3:GetObject", "s3:DeleteObject")
        if stage.cdk_nag:
            Validations.of(self).add_plugins(AwsSolutionsChecks(self))

    def _add_service(self, service: Service) -> Queues:
        """Add a background service and its outputs; return its queues."""
        background = BackgroundService(
            self,
            _id(service.name),
            service=service,
            functions=self.factory,
            secrets=[
                *([self.places] if service.uses_places_api else []),
                *([self.proxy] if service.uses_web and self.factory.plan.uses_proxy else []),
            ],
        )
        self._add(service.name, background.function)
        self.output(f"{_id(service.name)}QueueUrl", background.queues.work.queue_url)
        self.output(f"{_id(service.name)}DeadLetterQueueUrl", background.queues.dead.queue_url)
        return background.queues

    def _add_shared(self, queues: dict[str, Queues]) -> None:
        """Add what serves all services, by the service's ``queues``: dead letters, the API, observability."""
        services = list(self.functions.values())
        dead = {_id(name): both.dead for name, both in queues.items()}
        dead_letter = DeadLetter(self, "DeadLetter", functions=self.factory, queues=dead)
        self._add("dead-letter", dead_letter.function)
        housekeeping = Housekeeping(self, "Housekeeping", functions=self.factory)
        self._add("housekeeping", housekeeping.function)
        curation = CurationApi(self, "Api", functions=self.factory, services=services)
        self._add("api", curation.function)
        self.output("ApiUrl", curation.api.attr_api_endpoint)
        self._add_console_access(curation)
        observability = Observability(
            self,
            "Observability",
            plan=self.factory.plan,
            functions=self.functions,
            queues=queues,
            api=curation.api,
            cluster=self.factory.database.cluster,
        )
        self.output("AlarmTopicArn", observability.topic.topic_arn)

    def _add_console_access(self, curation: CurationApi) -> None:
        """Add what ``scripts/scrapersky console`` and the people who use it need."""
        stage = self.factory.plan.stage
        if not stage.jwt_issuer:
            for name, policy in ConsoleAccess(self, "Console", api=curation.api).policies.items():
                self.output(f"Console{name}PolicyArn", policy.managed_policy_arn)
            return
        self.output("ApiIssuer", stage.jwt_issuer)
        self.output("ApiAudience", stage.jwt_audience[0])
        if stage.console_client_id:
            self.output("ConsoleClientId", stage.console_client_id)

    def _add(self, name: str, function: Function) -> None:
        """Register a function. It, its schedule and its mapping wait for the schema: a failed migration keeps the old code."""
        function.node.add_dependency(self.migrations.schema)
        self.functions[name] = function
        self.output(f"{_id(name)}FunctionName", function.function_name)

    def output(self, name: str, value: str) -> None:
        """Add an output of the stack, for operators and scripts."""
        CfnOutput(self, name, value=value)


def _id(name: str) -> str:
    """Return ``domain-scheduler`` as a construct id: ``DomainScheduler``."""
    return "".join(word.capitalize() for word in name.split("-"))
