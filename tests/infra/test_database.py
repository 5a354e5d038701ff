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
    owner = varied[name].environment("migrate")["DATABASE_OWNER_SECRET"]
    assert owner == f"scrapersky/{name}/database-owner"


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


def test_a_retained_database_outlives_the_stack_with_its_secret_but_not_a_failed_creation(
    varied: Mapping[str, Template],
) -> None:
    kept, thrown_away = varied["aurora"], varied["thrown-away"]
    assert cluster(kept)["DeletionProtection"] is False  # else the rollback of a failed creation could not delete it
    assert cluster(varied["protected"])["DeletionProtection"] is True
    for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::SecretsManager::Secret"):
        assert policies(kept, kind) == {"RetainExceptOnCreate"}
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
def test_only_the_functions_may_connect_to_it_and_they_to_no_other(varied: Mapping[str, Template], name: str) -> None:
    template = varied[name]
    (group,) = (target(one) for one in cluster(template)["VpcSecurityGroupIds"])
    (functions,) = {
        target(one["VpcConfig"]["SecurityGroupIds"][0]) for one in template.of_type("AWS::Lambda::Function").values()
    }
    (inward,) = template.of_type("AWS::EC2::SecurityGroupIngress").values()
    (outward,) = template.of_type("AWS::EC2::SecurityGroupEgress").values()
    assert (target(inward["GroupId"]), target(inward["SourceSecurityGroupId"])) == (group, functions)
    assert (target(outward["GroupId"]), target(outward["DestinationSecurityGroupId"])) == (functions, group)
    assert inward["FromPort"] == inward["ToPort"] == outward["FromPort"] == outward["ToPort"] == 5433
    assert "SecurityGroupIngress" not in template.of_type("AWS::EC2::SecurityGroup")[group]


@pytest.mark.parametrize("name", CREATED)
def test_rds_manages_the_owners_password_and_only_the_migrations_may_read_it(
    varied: Mapping[str, Template], name: str
) -> None:
    template = varied[name]
    assert cluster(template)["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in cluster(template)
    (app,) = template.of_type("AWS::SecretsManager::Secret")
    owner = json.dumps(template.environment("migrate")["DATABASE_OWNER_SECRET"])
    assert "MasterUserSecret.SecretArn" in owner
    for function in template.function_names:
        assert target(template.environment(function)["DATABASE_SECRET"]) == app
        reading = [one for one in template.statements(function) if "secretsmanager:GetSecretValue" in one["Action"]]
        readable = {json.dumps(resource) for it in reading for resource in listed(it["Resource"])}
        assert json.dumps({"Ref": app}) in readable
        assert (owner in readable) == (function == "migrate")


@pytest.mark.parametrize("name", CREATED)
def test_the_functions_secret_has_the_address_their_role_and_a_generated_password(
    varied: Mapping[str, Template], name: str
) -> None:
    (secret,) = varied[name].of_type("AWS::SecretsManager::Secret").values()
    made = secret["GenerateSecretString"]
    assert (made["GenerateStringKey"], made["PasswordLength"], made["ExcludePunctuation"]) == ("password", 40, True)
    text = json.dumps(made["SecretStringTemplate"])
    assert "Endpoint.Address" in text
    assert all(word in text for word in ("scrapersky_app", "5433", "dbname"))


@pytest.mark.parametrize("name", CREATED)
def test_the_migrations_wait_for_the_database(varied: Mapping[str, Template], name: str) -> None:
    template = varied[name]
    (schema,) = template.of_type("Custom::DatabaseSchema")
    for kind in ("AWS::RDS::DBInstance", "AWS::SecretsManager::Secret", "AWS::EC2::SecurityGroupIngress"):
        assert set(template.of_type(kind)) <= template.waits_for(schema)
    assert set(template.of_type("AWS::EC2::SecurityGroupEgress")) <= template.waits_for(schema)
