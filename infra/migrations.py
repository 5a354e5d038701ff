"""Run the database migrations as part of each deployment."""

import hashlib
from pathlib import Path

from aws_cdk import CustomResource, Duration
from constructs import Construct

from infra import ROOT
from infra.function import Functions

FOLDER = ROOT / "layers" / "common" / "python" / "scrapersky" / "migrations"

MAX_EVENT_AGE_MINUTES = 5


class Migrations(Construct):
    """The function ``migrate``, invoked by CloudFormation when a migration was added. Its failure fails the deployment.

    The function answers CloudFormation itself, without CDK's provider framework and its additional functions. Resources
    that need the schema must depend on ``schema``.
    """

    def __init__(self, scope: Construct, id: str, *, functions: Functions) -> None:
        super().__init__(scope, id)
        minutes = functions.plan.stage.migration_timeout_minutes
        self.function = functions.make(
            self,
            name="migrate",
            description="Runs the database migrations",
            timeout_seconds=60 * minutes,
            environment={"DATABASE_OWNER_SECRET": functions.database.owner_name},
            secrets=[functions.database.owner],
        )
        # CloudFormation invokes asynchronously. Lambda retries an invocation that failed early, but not one that ran into
        # its timeout: by then CloudFormation has given up, and migrations would run during its rollback.
        self.function.live.configure_async_invoke(
            retry_attempts=2, max_event_age=Duration.minutes(MAX_EVENT_AGE_MINUTES)
        )
        self.schema = CustomResource(
            self,
            "Schema",
            service_token=self.function.live.function_arn,
            resource_type="Custom::DatabaseSchema",
            service_timeout=Duration.minutes(minutes + 1),
            properties={"Migrations": digest(FOLDER)},
        )
        self.schema.node.add_dependency(self.function, *functions.database.ready)


def digest(folder: Path) -> str:
    """Return a hash of the names and contents of the Python and SQL files under ``folder``."""
    hashed = hashlib.sha256()
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.sql"))):
        hashed.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
