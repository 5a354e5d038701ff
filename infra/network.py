"""Where in a VPC the functions run: in one of the stack's own, in one that exists, or (None) in none."""

from dataclasses import dataclass

from aws_cdk import Acknowledgment, Annotations, ArnFormat, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.options import ExistingNetwork, Network
from infra.own_network import OwnNetwork
from infra.plan import Plan


@dataclass(frozen=True)
class Inside:
    """A place in a VPC, and the security group of whoever runs there."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    group: ec2.SecurityGroup


def inside(scope: Construct, *, plan: Plan) -> Inside | None:
    """The place that the stage names; None when its functions run outside any VPC."""
    match plan.stage.network:
        case None:
            return None
        case ExistingNetwork() as existing:
            vpc: ec2.IVpc = ec2.Vpc.from_vpc_attributes(
                scope,
                "Vpc",
                vpc_id=existing.vpc_id,
                availability_zones=list(existing.zones),
                private_subnet_ids=list(existing.private_subnets),
            )
            Annotations.of(vpc).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId", "no route is added to it")
        case Network() as network:
            vpc = OwnNetwork(scope, "Network", network=network, plan=plan).vpc
    group = ec2.SecurityGroup(scope, "Functions", vpc=vpc, description="ScraperSky functions", allow_all_outbound=False)
    for port in sorted({80, 443, plan.stage.database_port}):
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "the web, AWS, the database")
    return Inside(vpc, ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS), group)


INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]
"""What Lambda does, acting as a function's role, for the network interfaces of a function in a VPC."""


def let_into_the_network(role: iam.Role, *, function_name: str) -> None:
    """Lets Lambda make and remove the interfaces of the function, and keeps the function's own code from doing so.

    AWS scopes these actions by nothing. But calls of the code carry the function's ARN, and Lambda's own do not (Lambda
    Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC", on security).
    """
    arn = Stack.of(role).format_arn(
        service="lambda", resource="function", resource_name=function_name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    role.add_to_policy(iam.PolicyStatement(actions=INTERFACES, resources=["*"]))
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=INTERFACES,
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": arn}},
        )
    )
    Validations.of(role).acknowledge(
        Acknowledgment(
            id="AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="Lambda makes the interfaces of a function in a VPC as the function's role, and none is there to be named",
        )
    )
