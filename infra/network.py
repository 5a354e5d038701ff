"""The VPC of the functions: one that the stack creates, an existing one, or none."""

from dataclasses import dataclass

from aws_cdk import Acknowledgment, Annotations, ArnFormat, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.plan import Plan
from infra.stage import ExistingNetwork, Network


@dataclass(frozen=True)
class Vpc:
    """A VPC with the private subnets that functions and database use, and the security group of the functions."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    functions_group: ec2.SecurityGroup


def find_vpc(scope: Construct, *, plan: Plan) -> Vpc | None:
    """Return the VPC of the stage; None if its functions run outside any VPC."""
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
            if network.zones > 2 and not (plan.stage.account and plan.stage.region):
                Annotations.of(scope).add_error(
                    f"Network(zones={network.zones}) of stage {plan.stage.name} would get 2 zones: set the stage's account "
                    "and region, without which the CDK does not know the zones"
                )
            vpc = OwnVpc(scope, "Network", network=network, plan=plan).vpc
    group = ec2.SecurityGroup(scope, "Functions", vpc=vpc, description="ScraperSky functions", allow_all_outbound=False)
    # A database that the stack makes is reached through its own group (infra/database.py).
    for port in sorted({80, 443} | (set() if plan.stage.database else {plan.stage.secret_port})):
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "the web, AWS, the database")
    return Vpc(vpc, ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS), group)


class OwnVpc(Construct):
    """A VPC with a private subnet per zone for the functions and the database, and a public one for NAT.

    The functions crawl the internet, so they need NAT. S3 is reached without it, free of charge. Endpoints of other
    services cost more or less than their traffic through NAT, so the stage names the ones it wants.
    """

    def __init__(self, scope: Construct, id: str, *, network: Network, plan: Plan) -> None:
        super().__init__(scope, id)
        public = ec2.SubnetConfiguration(
            name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=26, map_public_ip_on_launch=False
        )
        private = ec2.SubnetConfiguration(
            name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=network.private_mask
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            max_azs=network.zones,
            nat_gateways=network.nat_gateways,
            subnet_configuration=[public, private],
            restrict_default_security_group=False,  # would add a CDK function, and nothing uses that group
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        for service in network.endpoints:
            self._add_endpoint(service, network.cidr)
        self._log_rejected_traffic(plan)

    def _add_endpoint(self, service: str, cidr: str) -> None:
        """Add an endpoint of an AWS service, open to the whole VPC."""
        group = ec2.SecurityGroup(
            self, f"To-{service}", vpc=self.vpc, description=f"endpoint of {service}", allow_all_outbound=False
        )
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "the VPC")
        self.vpc.add_interface_endpoint(
            service, service=ec2.InterfaceVpcEndpointAwsService(service), open=False, security_groups=[group]
        )

    def _log_rejected_traffic(self, plan: Plan) -> None:
        """Add a flow log of rejected traffic only; a crawler's accepted traffic would be expensive to keep."""
        log = logs.LogGroup(self, "Refused", retention=plan.stage.log_retention, removal_policy=plan.stage.log_removal)
        self.vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


INTERFACE_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]
"""What Lambda does with a function's role to manage the network interfaces of a function in a VPC."""


def allow_network_interfaces(role: iam.Role, *, function_name: str) -> None:
    """Allow Lambda to manage the function's network interfaces, and deny the same actions to the function's own code.

    AWS supports no resource-level permissions for these actions. But calls by the function's code carry the function's
    ARN, and Lambda's own calls do not (Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon
    VPC", on security).
    """
    arn = Stack.of(role).format_arn(
        service="lambda", resource="function", resource_name=function_name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    role.add_to_policy(iam.PolicyStatement(actions=INTERFACE_ACTIONS, resources=["*"]))
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=INTERFACE_ACTIONS,
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": arn}},
        )
    )
    Validations.of(role).acknowledge(
        Acknowledgment(
            id="AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="Lambda manages the network interfaces of a function in a VPC; AWS supports no resource-level permission",
        )
    )
