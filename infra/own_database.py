"""A database of the stack's own: Aurora PostgreSQL Serverless v2."""

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.network import Inside
from infra.options import Aurora
from infra.plan import Plan

NAME = "scrapersky"
ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_18_4)
"""The major version that the tests run on, and the newest that the CDK's own lint knows."""


class OwnDatabase(Construct):
    """Aurora PostgreSQL Serverless v2: encrypted, backed up, TLS only, reachable from the functions only.

    Its password is made by Secrets Manager and changed every so often, by a function of AWS's; ours read it again.
    """

    def __init__(self, scope: Construct, id: str, *, aurora: Aurora, plan: Plan, place: Inside) -> None:
        super().__init__(scope, id)
        port = ec2.Port.tcp(plan.stage.database_port)
        group = self._group("Group", place, "ScraperSky database")
        rotation = self._group("Rotation", place, "rotation of the database password of ScraperSky")
        rotation.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Secrets Manager")
        rotation.add_egress_rule(group, port, "the database")
        group.add_ingress_rule(place.group, port, "the functions")
        password = rds.DatabaseSecret(self, "Password", username=NAME)
        # A database that outlives its stack must not lose its password with it.
        password.apply_removal_policy(
            RemovalPolicy.RETAIN if aurora.removal is RemovalPolicy.RETAIN else RemovalPolicy.DESTROY
        )
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=ENGINE,
            credentials=rds.Credentials.from_secret(password),
            default_database_name=NAME,
            port=plan.stage.database_port,
            vpc=place.vpc,
            vpc_subnets=place.subnets,
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
        self.cluster.add_rotation_single_user(
            automatically_after=Duration.days(aurora.password_days),
            # A password that was made a minute ago need not be changed just while the first migrations log in.
            rotate_immediately_on_update=False,
            vpc_subnets=place.subnets,
            security_group=rotation,
        )
        if not aurora.deletion_protection:
            Validations.of(self.cluster).acknowledge(
                Acknowledgment(id="AwsSolutions::AwsSolutions-RDS10", reason="the stage's data may be thrown away")
            )
        assert self.cluster.secret
        self.secret = self.cluster.secret  # that of the password, and where the database stands

    def _group(self, id: str, place: Inside, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, id, vpc=place.vpc, description=description, allow_all_outbound=False)


def _instance(id: str, *, scale_with_writer: bool | None = None) -> rds.IClusterInstance:
    return rds.ClusterInstance.serverless_v2(
        id, ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1, scale_with_writer=scale_with_writer
    )
