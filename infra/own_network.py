"""A VPC of the stack's own."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.options import Network
from infra.plan import Plan


class OwnNetwork(Construct):
    """A VPC with a private subnet for the functions and the database, and a public one for NAT, in each zone.

    The functions crawl, so they need a way out: NAT. S3 is reached without it, for free; endpoints of other services
    are a matter of money (a gateway's traffic against an endpoint's hours), so a stage names those it wants.
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
            restrict_default_security_group=False,  # would bring a function of the CDK's; nothing is in that group
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        for service in network.endpoints:
            self._shorten_the_way_to(service, network.cidr)
        self._log_refusals(plan)

    def _shorten_the_way_to(self, service: str, cidr: str) -> None:
        """An endpoint for an AWS service, open to whoever is in the VPC: the functions, and the password's rotation."""
        group = ec2.SecurityGroup(
            self, f"To-{service}", vpc=self.vpc, description=f"endpoint of {service}", allow_all_outbound=False
        )
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "the VPC")
        self.vpc.add_interface_endpoint(
            service, service=ec2.InterfaceVpcEndpointAwsService(service), open=False, security_groups=[group]
        )

    def _log_refusals(self, plan: Plan) -> None:
        """What was refused on its way, and nothing else: a crawler's accepted traffic would fill a log for nobody."""
        log = logs.LogGroup(self, "Refused", retention=plan.stage.log_retention, removal_policy=plan.stage.log_removal)
        self.vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
