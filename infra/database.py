"""The database: any Postgres, through its secret, or Aurora PostgreSQL Serverless v2 created by the stack."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from infra.network import Vpc
from infra.plan import Plan
from infra.stage import Aurora

NAME = "scrapersky"
APP_ROLE = "scrapersky_app"
"""The role of the functions, which migrations create."""
ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_18_4)
"""The major version that the tests run on, and the newest that the CDK's own validation knows."""


@dataclass(frozen=True)
class Database:
    """How functions reach the database: by ``secret``, which holds host, port, database name, and their role's login.

    The migrations log in by ``owner``. ``name`` and ``owner_name`` are the values of DATABASE_SECRET and
    DATABASE_OWNER_SECRET. The migrations wait for ``ready``. ``cluster`` is the database if the stack creates it.
    """

    secret: secretsmanager.ISecret
    name: str
    owner: secretsmanager.ISecret
    owner_name: str
    ready: Sequence[IDependable] = ()
    cluster: rds.DatabaseCluster | None = None


def find_database(scope: Construct, *, plan: Plan, vpc: Vpc | None) -> Database:
    """Return the database of the stage. If the stack creates it, it is placed in ``vpc``."""
    stage = plan.stage
    if not stage.database:
        secret = secretsmanager.Secret.from_secret_name_v2(scope, "Database", stage.database_secret)
        owner = secretsmanager.Secret.from_secret_name_v2(scope, "DatabaseOwner", stage.database_owner_secret)
        return Database(secret, stage.database_secret, owner, stage.database_owner_secret)
    assert vpc, "infra/plan.py rejects a database without a network"
    created = AuroraDatabase(scope, "Database", aurora=stage.database, vpc=vpc)
    secret, owner = created.app, created.owner
    return Database(secret, secret.secret_arn, owner, owner.secret_arn, [created], created.cluster)


class AuroraDatabase(Construct):
    """Aurora PostgreSQL Serverless v2: encrypted, backed up, TLS only, reachable only from the functions.

    RDS makes and rotates the owner's password, with which only the migrations log in. The functions' password is made here,
    and each migration gives it to their role.
    """

    def __init__(self, scope: Construct, id: str, *, aurora: Aurora, vpc: Vpc) -> None:
        super().__init__(scope, id)
        port = ec2.Port.tcp(aurora.port)
        group = ec2.SecurityGroup(
            self, "Group", vpc=vpc.vpc, description="ScraperSky database", allow_all_outbound=False
        )
        group.add_ingress_rule(vpc.functions_group, port, "the functions")
        # Made here, so that what waits for the database also waits for the way to it.
        ec2.CfnSecurityGroupEgress(
            self,
            "Egress",
            group_id=vpc.functions_group.security_group_id,
            destination_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=aurora.port,
            to_port=aurora.port,
            description="the database",
        )
        self.cluster = self._cluster(aurora, vpc, group)
        if not aurora.deletion_protection:
            Validations.of(self.cluster).acknowledge(
                Acknowledgment(
                    id="AwsSolutions::AwsSolutions-RDS10", reason="a failed creation must be able to delete the cluster"
                )
            )
        for child in self.cluster.node.find_all():
            if isinstance(child, rds.CfnDBInstance) and aurora.removal is not RemovalPolicy.SNAPSHOT:
                child.apply_removal_policy(aurora.removal)
        made = self.cluster.node.default_child
        assert isinstance(made, rds.CfnDBCluster)
        self.owner = secretsmanager.Secret.from_secret_complete_arn(
            self, "Owner", made.attr_master_user_secret_secret_arn
        )
        self.app = self._app_secret(aurora)

    def _cluster(self, aurora: Aurora, vpc: Vpc, group: ec2.SecurityGroup) -> rds.DatabaseCluster:
        return rds.DatabaseCluster(
            self,
            "Cluster",
            engine=ENGINE,
            credentials=rds.Credentials.from_username(NAME),
            manage_master_user_password=True,
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

    def _app_secret(self, aurora: Aurora) -> secretsmanager.Secret:
        """Return the secret of the functions' role. A database that outlives its stack keeps it."""
        address = {
            "host": self.cluster.cluster_endpoint.hostname,
            "port": aurora.port,
            "dbname": NAME,
            "username": APP_ROLE,
        }
        secret = secretsmanager.Secret(
            self,
            "App",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=Stack.of(self).to_json_string(address),
                generate_string_key="password",
                password_length=40,
                exclude_punctuation=True,
            ),
            removal_policy=RemovalPolicy.DESTROY if aurora.removal is RemovalPolicy.SNAPSHOT else aurora.removal,
        )
        Validations.of(secret).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-SMG4",
                reason="a migration sets the role's password, so a new value takes effect by invoking the function migrate",
            )
        )
        return secret


def _instance(id: str, *, scale_with_writer: bool | None = None) -> rds.IClusterInstance:
    return rds.ClusterInstance.serverless_v2(
        id, ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1, scale_with_writer=scale_with_writer
    )
