"""The functions' network: no VPC, one that the stack creates, or an existing one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from infra.config import DEV
from infra.plan import plan
from infra.stage import Aurora
from scrapersky.settings import SettingsError
from tests.infra.conftest import EXISTING, VARIED
from tests.infra.template import Template, target

IN_A_VPC = list(VARIED)


def kinds(template: Template) -> set[str]:
    """Return every type of resource in ``template``."""
    return {str(one["Type"]) for one in template.resources.values()}


def test_a_stage_without_a_network_has_no_ec2_resource_and_no_function_in_a_vpc(deployed: Template) -> None:
    assert not [kind for kind in kinds(deployed) if kind.startswith(("AWS::EC2::", "AWS::RDS::"))]
    assert not [one for one in deployed.of_type("AWS::Lambda::Function").values() if "VpcConfig" in one]


@pytest.mark.parametrize("name", IN_A_VPC)
def test_in_a_vpc_functions_may_connect_to_web_and_database_and_accept_no_connection(
    varied: Mapping[str, Template], name: str
) -> None:
    groups = varied[name].of_type("AWS::EC2::SecurityGroup")
    for function in varied[name].of_type("AWS::Lambda::Function").values():
        (group,) = function["VpcConfig"]["SecurityGroupIds"]
        outward = groups[target(group)]["SecurityGroupEgress"]
        ports = {80, 443} if VARIED[name].database else {80, 443, 5432}
        assert {(one["FromPort"], one["ToPort"], one["IpProtocol"]) for one in outward} == {
            (port, port, "tcp") for port in ports
        }
        assert "SecurityGroupIngress" not in groups[target(group)]
        assert len(function["VpcConfig"]["SubnetIds"]) == 2


@pytest.mark.parametrize("name", IN_A_VPC)
def test_in_a_vpc_only_the_network_interface_actions_are_allowed_on_all_resources(
    varied: Mapping[str, Template], name: str
) -> None:
    for function in varied[name].function_names:
        wide, denied = (
            one for one in varied[name].statements(function) if "ec2:CreateNetworkInterface" in one["Action"]
        )
        assert wide["Effect"] == "Allow"
        actions = [action for action in wide["Action"] if not action.startswith("xray:")]
        assert all(action.startswith("ec2:") for action in actions)
        assert "ec2:CreateNetworkInterface" in wide["Action"]
        assert (denied["Effect"], denied["Action"]) == ("Deny", actions)  # to the function's own code
        ((key, arn),) = denied["Condition"]["ArnEquals"].items()
        assert key == "lambda:SourceFunctionArn"
        written = arn if isinstance(arn, str) else arn["Fn::Join"][1][-1]  # a pinned stage knows its account
        assert written.endswith(f":function:{varied[name].stack}-{function}")


def test_a_created_network_has_private_subnets_behind_nat_and_assigns_no_public_address(
    varied: Mapping[str, Template],
) -> None:
    subnets = varied["network"].of_type("AWS::EC2::Subnet")
    assert len(subnets) == 4
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets.values())
    assert len(varied["network"].of_type("AWS::EC2::NatGateway")) == 2
    assert len(varied["aurora"].of_type("AWS::EC2::NatGateway")) == 1
    (flow,) = varied["network"].of_type("AWS::EC2::FlowLog").values()
    assert flow["TrafficType"] == "REJECT"


def test_s3_has_a_gateway_endpoint_and_other_services_the_endpoints_of_the_stage(
    varied: Mapping[str, Template],
) -> None:
    def endpoints(name: str) -> set[tuple[str, str]]:
        found = varied[name].of_type("AWS::EC2::VPCEndpoint").values()
        return {(one["VpcEndpointType"], str(one["ServiceName"]).rpartition(".")[2].strip("'\"]}")) for one in found}

    assert endpoints("aurora") == {("Gateway", "s3")}
    assert endpoints("network") == {("Gateway", "s3"), ("Interface", "sqs"), ("Interface", "secretsmanager")}


@pytest.mark.parametrize("name", ["existing", "thrown-away"])
def test_an_existing_network_is_used_and_not_modified(varied: Mapping[str, Template], name: str) -> None:
    made = {kind for kind in kinds(varied[name]) if kind.startswith("AWS::EC2::")}
    assert made <= {"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"}
    for group in varied[name].of_type("AWS::EC2::SecurityGroup").values():
        assert group["VpcId"] == EXISTING.vpc_id
    for function in varied[name].of_type("AWS::Lambda::Function").values():
        assert function["VpcConfig"]["SubnetIds"] == list(EXISTING.private_subnets)


def test_aurora_without_a_network_is_rejected() -> None:
    with pytest.raises(SettingsError, match=r"stage dev: database=Aurora\(…\) needs a VPC: set network=Network\(…\)"):
        plan(replace(DEV, database=Aurora()), {})
