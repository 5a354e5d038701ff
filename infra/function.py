"""Defaults of every Lambda function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.database import Database
from infra.layers import RUNTIME, Bundle
from infra.network import Vpc, allow_network_interfaces
from infra.plan import Plan, environment_variables
from scrapersky.runtime.registry import LIVE


class Function(lambda_.Function):
    """A Lambda function whose deployments publish versions. Everything invokes the alias ``live`` of one of them.

    CloudFormation changes code and layers of a function by two calls, and moves the alias after both: no invocation runs
    new code on an old layer. Old versions are kept, so that a rollback only moves the alias.
    """

    def __init__(self, scope: Construct, **properties: Any) -> None:
        kept = lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN)
        super().__init__(scope, "Function", current_version_options=kept, **properties)
        self.live = lambda_.Alias(self, "Live", alias_name=LIVE, version=self.current_version)


@dataclass(frozen=True)
class Functions:
    """Makes the functions of a stack, which share their code, database and VPC (None: outside any VPC)."""

    plan: Plan
    bundle: Bundle
    database: Database
    vpc: Vpc | None

    def make(
        self,
        scope: Construct,
        *,
        name: str,
        description: str,
        timeout_seconds: int,
        environment: Mapping[str, str],
        secrets: Sequence[secretsmanager.ISecret] = (),
        reserved: int | None = None,
    ) -> Function:
        """Return the Lambda ``scrapersky-<stage>-<name>`` with handler ``<folder>.handler.handler``, its role and log group.

        It may write its own log and read the database's secret and ``secrets``. Everything else must be granted.
        """
        function_name = f"{self.plan.stage.stack}-{name}"
        log_group = self._log_group(scope)
        role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for secret in (self.database.secret, *secrets):
            secret.grant_read(role)
        return Function(
            scope,
            function_name=function_name,
            description=description,
            runtime=RUNTIME,
            architecture=architecture(self.plan),
            code=self.bundle.code,
            layers=list(self.bundle.layers),
            handler=f"{name.replace('-', '_')}.handler.handler",
            memory_size=self.plan.stage.memory_mb,
            timeout=Duration.seconds(timeout_seconds),
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel[self.plan.stage.log_level],
            system_log_level_v2=lambda_.SystemLogLevel.INFO,  # the queries need the platform's reports
            tracing=self._tracing(role),
            reserved_concurrent_executions=reserved,
            environment={**self._shared_environment(name, timeout_seconds), **environment},
            **self._vpc_properties(role, function_name),
        )

    def _tracing(self, role: iam.Role) -> lambda_.Tracing:
        if not self.plan.stage.tracing:
            return lambda_.Tracing.DISABLED
        Validations.of(role).acknowledge(
            Acknowledgment(id="AwsSolutions::AwsSolutions-IAM5[Resource::*]", reason="X-Ray has no resources to name")
        )
        return lambda_.Tracing.ACTIVE

    def _log_group(self, scope: Construct) -> logs.LogGroup:
        return logs.LogGroup(
            scope,
            "Logs",
            retention=self.plan.stage.log_retention,
            removal_policy=self.plan.stage.log_removal,
            # Saved queries look for one record or one tick among millions of lines.
            field_index_policies=[logs.FieldIndexPolicy(fields=["record_id", "correlation_id", "function_request_id"])],
        )

    def _shared_environment(self, name: str, timeout_seconds: int) -> dict[str, str]:
        stage = self.plan.stage
        return {
            **environment_variables(
                self.plan.settings.model_copy(update={"function_timeout_seconds": timeout_seconds})
            ),
            "STAGE": stage.name,
            "DATABASE_SECRET": self.database.name,
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": "ScraperSky",
        }

    def _vpc_properties(self, role: iam.Role, function_name: str) -> dict[str, Any]:
        if not self.vpc:
            return {}
        allow_network_interfaces(role, function_name=function_name)
        return {"vpc": self.vpc.vpc, "vpc_subnets": self.vpc.subnets, "security_groups": [self.vpc.functions_group]}


def architecture(plan: Plan) -> lambda_.Architecture:
    """Return the processor architecture of the stage."""
    return lambda_.Architecture.ARM_64 if plan.stage.architecture == "arm64" else lambda_.Architecture.X86_64
