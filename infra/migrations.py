"""Runs the database's migrations as part of the deployment."""

import hashlib
from pathlib import Path

from aws_cdk import CustomResource, Duration
from constructs import Construct

from infra.dependencies import ROOT
from infra.function import Functions

FOLDER = ROOT / "layers" / "common" / "python" / "scrapersky" / "migrations"

MAY_BE_CALLED_AGAIN_MINUTES = 5


class Migrations(Construct):
    """The function ``migrate``, called by CloudFormation whenever a migration was added; a failure fails the deployment.

    The function answers CloudFormation itself, without CDK's provider framework and its extra functions. Whatever must
    not run before the schema is there depends on ``schema``.
    """

    def __init__(self, scope: Construct, id: str, *, functions: Functions) -> None:
        super().__init__(scope, id)
        minutes = functions.plan.stage.migration_timeout_minutes
        self.function = functions.make(
            self,
            name="migrate",
            description="Brings the database's schema up to date",
            timeout_seconds=60 * minutes,
            environment={},
        )
        # CloudFormation calls asynchronously. A call that died early is made again; one that ran until its timeout is not,
        # for by then CloudFormation has given up, and migrations would run while it rolls back.
        self.function.configure_async_invoke(
            retry_attempts=2, max_event_age=Duration.minutes(MAY_BE_CALLED_AGAIN_MINUTES)
        )
        self.schema = CustomResource(
            self,
            "Schema",
            service_token=self.function.function_arn,
            resource_type="Custom::DatabaseSchema",
            service_timeout=Duration.minutes(minutes + 1),
            properties={"Migrations": digest(FOLDER)},
        )
        self.schema.node.add_dependency(self.function, *functions.database.ready)


def digest(folder: Path) -> str:
    """A hash of the names and contents of the Python files under ``folder``."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hashed.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
