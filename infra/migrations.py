"""Runs the database's migrations as part of the deployment."""

import hashlib
from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.dependencies import ROOT
from infra.function import function
from infra.layers import Bundle
from infra.plan import Plan

FOLDER = ROOT / "layers" / "common" / "python" / "scrapersky" / "migrations"


class Migrations(Construct):
    """The function ``migrate``, called by CloudFormation whenever a migration was added; a failure fails the deployment.

    The function answers CloudFormation itself, without CDK's provider framework and its extra functions. Whatever must
    not run before the schema is there depends on ``schema``.
    """

    def __init__(
        self, scope: Construct, id: str, *, plan: Plan, bundle: Bundle, database: secretsmanager.ISecret
    ) -> None:
        super().__init__(scope, id)
        minutes = plan.stage.migration_timeout_minutes
        self.function = function(
            self,
            name="migrate",
            description="Brings the database's schema up to date",
            plan=plan,
            bundle=bundle,
            timeout_seconds=60 * minutes,
            environment={},
            secrets=[database],
        )
        self.schema = CustomResource(
            self,
            "Schema",
            service_token=self.function.function_arn,
            resource_type="Custom::DatabaseSchema",
            service_timeout=Duration.minutes(minutes + 1),
            properties={"Migrations": digest(FOLDER)},
        )


def digest(folder: Path) -> str:
    """A hash of the names and contents of the Python files under ``folder``."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hashed.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
