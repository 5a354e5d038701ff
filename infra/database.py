"""The database: any Postgres by its secret, or Aurora of the stack's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from infra.network import Inside
from infra.own_database import OwnDatabase
from infra.plan import Plan


@dataclass(frozen=True)
class Database:
    """How functions reach the database: by ``secret``, whose value names host, port, user, password and database.

    ``name`` is what DATABASE_SECRET holds. The migrations wait for ``ready``.
    """

    secret: secretsmanager.ISecret
    name: str
    ready: Sequence[IDependable]


def database(scope: Construct, *, plan: Plan, place: Inside | None) -> Database:
    """The database of the stage; one of the stack's own stands in ``place``."""
    stage = plan.stage
    if not stage.database:
        secret = secretsmanager.Secret.from_secret_name_v2(scope, "Database", stage.database_secret)
        return Database(secret, stage.database_secret, [])
    assert place, "refused by infra/plan.py"
    made = OwnDatabase(scope, "Database", aurora=stage.database, plan=plan, place=place)
    return Database(made.secret, made.secret.secret_arn, [made])
