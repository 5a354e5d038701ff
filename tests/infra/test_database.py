"""The database: any Postgres by its secret, or Aurora created by the stack."""

import json
from collections.abc import Mapping

import pytest

from tests.infra.conftest import VARIED
from tests.infra.template import Properties, Template, listed, target

CREATED = [name for name, stage in VARIED.items() if stage.database]
BY_SECRET = [name for name, stage in VARIED.items() if not stage.database]


def cluster(template: Template) -> Properties:
    """Return the database cluster of ``template``."""
    (one,) = template.of_type("AWS::RDS::DBCluster").values()
    return one


def policies(template: Template, kind: str) -> set[str]:
    """Return the deletion policies of resources of the type ``kind``."""
    return {str(one["DeletionPolicy"]) for one in template.resources.values() if one["Type"] == kind}


@pytest.mark.parametrize("name", BY_SECRET)
def test_a_database_by_secret_is_referenced_and_has_no_resources(varied: Mapping[str, Template], name: str) -> None:
    kinds = {one["Type"] for one in varied[name].resources.values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::RDS::", "AWS::SecretsManager::"))]
    for function in varied[name].function_names:
        assert varied[name].environment(function)["DATABASE_SECRET"] == VARIED[name].database_secret


@pytest.mark.parametrize("name", CREATED)
def test_a_created_database_is_encrypted_backed_up_logged_and_tls_only(
    varied: Mapping[str, Template], name: str
) -> None:
    made = cluster(varied[name])
    assert made["StorageEncrypted"] is True
    assert made["BackupRetentionPeriod"] == 7
    assert made["EnableCloudwatchLogsExports"] == ["postgresql"]
    (parameters,) = varied[name].of_type("AWS::RDS::DBClusterParameterGroup").values()
    assert parameters["Parameters"] == {"rds.force_ssl": "1"}
    for instance in varied[name].of_type("AWS::RDS::DBInstance").values():
        assert instance["PubliclyAccessible"] is False
        assert (
            instance["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"
        )  # its root certificates are in the common layer


def test_a_retained_database_is_protected_and_outlives_the_stack_with_its_password(
    varied: Mapping[str, Template],
) -> None:
    kept, thrown_away = varied["aurora"], varied["thrown-away"]
    assert cluster(kept)["DeletionProtection"] is True
    assert cluster(thrown_away)["DeletionProtection"] is False
    for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::SecretsManager::Secret"):
        assert policies(kept, kind) == {"Retain"}
        assert policies(thrown_away, kind) == {"Delete"}


def test_capacity_follows_the_stage_and_auto_pause_needs_a_minimum_of_zero(
    varied: Mapping[str, Template],
) -> None:
    assert cluster(varied["aurora"])["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 4}
    assert cluster(varied["thrown-away"])["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": 0,
        "MaxCapacity": 4,
        "SecondsUntilAutoPause": 600,
    }
    assert len(varied["aurora"].of_type("AWS::RDS::DBInstance")) == 2
    assert len(varied["thrown-away"].of_type("AWS::RDS::DBInstance")) == 1


@pytest.mark.parametrize("name", CREATED)
def test_only_the_functions_and_the_password_rotation_may_connect_to_it(
    varied: Mapping[str, Template], name: str
) -> None:
    template = varied[name]
    (group,) = (target(one) for one in cluster(template)["VpcSecurityGroupIds"])
    clients = {
        target(one["SourceSecurityGroupId"])
        for one in template.of_type("AWS::EC2::SecurityGroupIngress").values()
        if target(one["GroupId"]) == group
    }
    functions = {
        target(one["VpcConfig"]["SecurityGroupIds"][0]) for one in template.of_type("AWS::Lambda::Function").values()
    }
    (rotation,) = template.of_type("AWS::Serverless::Application").values()
    assert clients == {*functions, target(rotation["Parameters"]["vpcSecurityGroupIds"])}
    assert "SecurityGroupIngress" not in template.of_type("AWS::EC2::SecurityGroup")[group]


@pytest.mark.parametrize("name", CREATED)
def test_its_password_is_generated_and_rotated_and_every_function_may_read_it(
    varied: Mapping[str, Template], name: str
) -> None:
    template = varied[name]
    (attachment,) = template.of_type("AWS::SecretsManager::SecretTargetAttachment")  # adds host, port and database
    (rotation,) = template.of_type("AWS::SecretsManager::RotationSchedule").values()
    assert target(rotation["SecretId"]) == attachment
    assert rotation["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}
    assert rotation["RotateImmediatelyOnUpdate"] is False  # otherwise it changes while the first migrations log in
    (secret,) = template.of_type("AWS::SecretsManager::Secret")
    assert "{{resolve" in json.dumps(cluster(template)["MasterUserPassword"])
    assert secret in json.dumps(cluster(template)["MasterUserPassword"])
    for function in template.function_names:
        assert target(template.environment(function)["DATABASE_SECRET"]) == attachment
        reading = [one for one in template.statements(function) if "secretsmanager:GetSecretValue" in one["Action"]]
        readable = {target(one) for it in reading for one in listed(it["Resource"]) if one.keys() <= {"Ref"}}
        assert readable == {attachment}


@pytest.mark.parametrize("name", CREATED)
def test_the_migrations_wait_for_the_database(varied: Mapping[str, Template], name: str) -> None:
    template = varied[name]
    (schema,) = template.of_type("Custom::DatabaseSchema")
    assert set(template.of_type("AWS::RDS::DBInstance")) <= template.waits_for(schema)
    assert set(template.of_type("AWS::SecretsManager::SecretTargetAttachment")) <= template.waits_for(schema)
    assert set(template.of_type("AWS::EC2::SecurityGroupIngress")) <= template.waits_for(schema)
