"""The one place of function defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.database import Database
from infra.layers import RUNTIME, Bundle
from infra.network import Inside, let_into_the_network
from infra.plan import Plan, variables


@dataclass(frozen=True)
class Functions:
    """Makes the functions of a stack, which share their code, their database and their place in a network, if any."""

    plan: Plan
    bundle: Bundle
    database: Database
    place: Inside | None

    def make(
        self,
        scope: Construct,
        *,
        name: str,
        description: str,
        timeout_seconds: int,
        environment: Mapping[str, str],
        secrets: Sequence[secretsmanager.ISecret] = (),
    ) -> lambda_.Function:
        """The Lambda ``scrapersky-<stage>-<name>`` with handler ``<folder>.handler.handler``, its role and its log group.

        It may write its own log and read the database's secret and ``secrets``, and nothing else until it is granted.
        """
        stage = self.plan.stage
        log_group = logs.LogGroup(
            scope,
            "Logs",
            retention=stage.log_retention,
            removal_policy=stage.log_removal,
            # The saved queries look for one record or one tick among millions of lines.
            field_index_policies=[logs.FieldIndexPolicy(fields=["record_id", "correlation_id"])],
        )
        role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for secret in (self.database.secret, *secrets):
            secret.grant_read(role)
        return lambda_.Function(
            scope,
            "Function",
            function_name=f"{stage.stack}-{name}",
            description=description,
            runtime=RUNTIME,
            architecture=architecture(self.plan),
            code=self.bundle.code,
            layers=list(self.bundle.layers),
            handler=f"{name.replace('-', '_')}.handler.handler",
            memory_size=stage.memory_mb,
            timeout=Duration.seconds(timeout_seconds),
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            environment={
                **variables(self.plan.settings.model_copy(update={"function_timeout_seconds": timeout_seconds})),
                "STAGE": stage.name,
                "DATABASE_SECRET": self.database.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": "ScraperSky",
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
                **environment,
            },
            **self._in_the_network(role, f"{stage.stack}-{name}"),
        )

    def _in_the_network(self, role: iam.Role, function_name: str) -> dict[str, Any]:
        if not self.place:
            return {}
        let_into_the_network(role, function_name=function_name)
        return {"vpc": self.place.vpc, "vpc_subnets": self.place.subnets, "security_groups": [self.place.group]}


def architecture(plan: Plan) -> lambda_.Architecture:
    """The stage's processor."""
    return lambda_.Architecture.ARM_64 if plan.stage.architecture == "arm64" else lambda_.Architecture.X86_64
