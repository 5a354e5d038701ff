"""The database: any Postgres, through its secret, or Aurora PostgreSQL Serverless v2 created by the stack."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from infra.network import Vpc
from infra.plan import Plan
from infra.stage import Aurora

NAME = "scrapersky"
ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_18_4)
"""The major version that the tests run on, and the newest that the CDK's own validation knows."""


@dataclass(frozen=True)
class Database:
    """How functions reach the database: through ``secret``, which holds host, port, user, password and database name.

    ``name`` is the value of DATABASE_SECRET. The migrations wait for ``ready``.
    """

    secret: secretsmanager.ISecret
    name: str
    ready: Sequence[IDependable]


def find_database(scope: Construct, *, plan: Plan, vpc: Vpc | None) -> Database:
    """Return the database of the stage. If the stack creates it, it is placed in ``vpc``."""
    stage = plan.stage
    if not stage.database:
        secret = secretsmanager.Secret.from_secret_name_v2(scope, "Database", stage.database_secret)
        return Database(secret, stage.database_secret, [])
    assert vpc, "infra/plan.py rejects a database without a network"
    created = AuroraDatabase(scope, "Database", aurora=stage.database, vpc=vpc)
    return Database(created.secret, created.secret.secret_arn, [created])


class AuroraDatabase(Construct):
    """Aurora PostgreSQL Serverless v2: encrypted, backed up, TLS only, reachable only from the functions.

    Secrets Manager creates its password and rotates it with a function of AWS's; the functions then read it again.
    """

    def __init__(self, scope: Construct, id: str, *, aurora: Aurora, vpc: Vpc) -> None:
        super().__init__(scope, id)
        port = ec2.Port.tcp(aurora.port)
        group = self._security_group("Group", vpc, "ScraperSky database")
        rotation = self._security_group("Rotation", vpc, "rotation of the database password of ScraperSky")
        rotation.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Secrets Manager")
        rotation.add_egress_rule(group, port, "the database")
        group.add_ingress_rule(vpc.functions_group, port, "the functions")
        self.cluster = self._cluster(aurora, vpc, group)
        self.cluster.add_rotation_single_user(
            automatically_after=Duration.days(aurora.password_days),
            # The new password must not change while the first migrations log in.
            rotate_immediately_on_update=False,
            vpc_subnets=vpc.subnets,
            security_group=rotation,
        )
        if not aurora.deletion_protection:
            Validations.of(self.cluster).acknowledge(
                Acknowledgment(id="AwsSolutions::AwsSolutions-RDS10", reason="the stage's data is disposable")
            )
        assert self.cluster.secret
        self.secret = self.cluster.secret  # the password's, completed with host, port and database name

    def _cluster(self, aurora: Aurora, vpc: Vpc, group: ec2.SecurityGroup) -> rds.DatabaseCluster:
        return rds.DatabaseCluster(
            self,
            "Cluster",
            engine=ENGINE,
            credentials=rds.Credentials.from_secret(self._password(aurora)),
            default_database_name=NAME,
            port=aurora.port,
            vpc=vpc.vpc,
            vpc_subnets=vpc.subnets,
            security_groups=[group],
            writer=_instance("Writer"),
            readers=[_instance(f"Reader{number + 1}", scale_with_writer=True) for number in range(aurora.readers)],
            serverless_v2_min_capacity=aurora.min_acu,
            serverless_v2_max_capacity=aurora.max_acu,
            serverless_v2_auto_pause_duration=None if aurora.min_acu else Duration.minutes(aurora.pause_after_minutes),
            parameters={"rds.force_ssl": "1"},
            storage_encrypted=True,
            iam_authentication=True,
            backup=rds.BackupProps(retention=Duration.days(aurora.backup_days)),
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=aurora.deletion_protection,
            removal_policy=aurora.removal,
        )

    def _password(self, aurora: Aurora) -> rds.DatabaseSecret:
        password = rds.DatabaseSecret(self, "Password", username=NAME)
        # A database that outlives its stack must keep its password.
        password.apply_removal_policy(
            RemovalPolicy.RETAIN if aurora.removal is RemovalPolicy.RETAIN else RemovalPolicy.DESTROY
        )
        return password

    def _security_group(self, id: str, vpc: Vpc, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, id, vpc=vpc.vpc, description=description, allow_all_outbound=False)


def _instance(id: str, *, scale_with_writer: bool | None = None) -> rds.IClusterInstance:
    return rds.ClusterInstance.serverless_v2(
        id, ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1, scale_with_writer=scale_with_writer
    )
