"""Rules for all functions: code, environment, permissions."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.registry import EXPORT_SCHEDULER, SERVICES
from scrapersky.settings import ServiceSettings, Settings, load
from tests.infra.conftest import OPERATOR
from tests.infra.template import Template, listed, target

NAMES = [*(service.name for service in SERVICES), "dead-letter", "housekeeping", "migrate", "api"]
DOCUMENTED = {"QUEUE_URL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
"""Variables besides the settings: the queue, and those that Powertools reads itself."""


def test_there_is_one_function_per_service_and_four_shared_ones(template: Template) -> None:
    assert sorted(template.function_names) == sorted(NAMES)


def test_every_function_runs_python_3_14_on_arm64_with_both_layers(deployed: Template) -> None:
    for function in deployed.of_type("AWS::Lambda::Function").values():
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
        assert [target(layer)[: len("Dep")] for layer in function["Layers"]] == ["Com", "Dep"]


def test_every_function_logs_json_to_its_own_log_group_with_a_retention(template: Template) -> None:
    groups = template.of_type("AWS::Logs::LogGroup")
    used = []
    for function in template.of_type("AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        used.append(target(function["LoggingConfig"]["LogGroup"]))
    assert sorted([*used, _access_log(template)]) == sorted(groups)
    assert all(group["RetentionInDays"] > 0 for group in groups.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_a_function_is_a_setting_or_documented(template: Template, name: str) -> None:
    known = {field.upper() for field in Settings.model_fields} | DOCUMENTED
    for service in SERVICES:
        if service.name == name:
            known |= {f"{service.env_prefix}_{field}".upper() for field in ServiceSettings.model_fields}
    assert set(template.environment(name)) - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_function_reads_exactly_the_settings_of_the_plan(template: Template, name: str) -> None:
    planned = plan(STAGES[template.stack.removeprefix("scrapersky-")], OPERATOR)
    environment = {name: value for name, value in template.environment(name).items() if isinstance(value, str)}
    timeout = {"function_timeout_seconds": template.function(name)["Timeout"]}
    owner = {"database_owner_secret": environment.get("DATABASE_OWNER_SECRET", "")}
    places = {"places_secret": environment.get("PLACES_SECRET", "")}
    assert load(Settings, environment) == planned.settings.model_copy(update=timeout | places | owner)
    for service in SERVICES:
        if service.name == name:
            own = load(ServiceSettings, environment, f"{service.env_prefix}_", service.defaults)
            assert own == planned.services[name]


def test_only_services_that_use_places_have_its_secret(template: Template) -> None:
    having = {name for name in NAMES if "PLACES_SECRET" in template.environment(name)}
    assert having == {service.name for service in SERVICES if service.uses_places_api}


def test_services_that_use_the_web_may_read_the_proxys_key_if_a_proxy_is_used(
    template: Template, varied: Mapping[str, Template]
) -> None:
    visitors = {service.name for service in SERVICES if service.uses_web}
    assert not [name for name in NAMES if "PROXY_SECRET" in template.environment(name)]
    proxied = varied["network"]
    having = {
        name: proxied.environment(name)["PROXY_SECRET"] for name in NAMES if "PROXY_SECRET" in proxied.environment(name)
    }
    assert having == dict.fromkeys(visitors, "scrapersky/network/proxy")
    readers = {
        name for name in NAMES if "scrapersky/network/proxy-??????" in json.dumps(list(proxied.statements(name)))
    }
    assert readers == visitors


def test_no_policy_allows_an_action_by_wildcard(template: Template) -> None:
    for policy in template.of_type("AWS::IAM::Policy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert not any("*" in action for action in listed(statement["Action"]))
            assert "*" not in listed(statement["Resource"])


@pytest.mark.parametrize("name", NAMES)
def test_a_function_may_use_its_own_log_queue_and_secrets_and_nothing_else(template: Template, name: str) -> None:
    allowed: dict[str, set[str]] = defaultdict(set)
    for statement in template.statements(name):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            allowed[action.partition(":")[0]] |= {_name_of(resource) for resource in listed(statement["Resource"])}
    stage = STAGES[template.stack.removeprefix("scrapersky-")]
    wanted = {
        "logs": {target(template.function(name)["LoggingConfig"]["LogGroup"])},
        "secretsmanager": {f"{stage.database_secret}-??????"},
    }
    if name == "migrate":
        wanted["secretsmanager"].add(f"{stage.database_owner_secret}-??????")
    if name == "dead-letter":
        queues = template.of_type("AWS::SQS::Queue")
        wanted["sqs"] = {id for id, queue in queues.items() if "RedrivePolicy" not in queue}
    if name == "api":
        functions = template.of_type("AWS::Lambda::Function")
        services = {f"{template.stack}-{service.name}" for service in SERVICES}
        aliases = template.of_type("AWS::Lambda::Alias")
        wanted["lambda"] = {id for id in aliases if functions[template.live({"Ref": id})]["FunctionName"] in services}
    if name in ("api", EXPORT_SCHEDULER.name):
        wanted["s3"] = {"/*"}
    for service in SERVICES:
        if service.name == name:
            wanted["sqs"] = {target(template.environment(name)["QUEUE_URL"])}
            if service.uses_places_api:
                wanted["secretsmanager"].add(f"{stage.places_secret}-??????")
    assert allowed == wanted


def test_a_service_may_send_receive_extend_and_delete_messages(template: Template) -> None:
    for service in SERVICES:
        actions = {one for statement in template.statements(service.name) for one in listed(statement["Action"])}
        consuming = {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        assert actions >= consuming | {"sqs:SendMessage"}


def test_the_assets_contain_every_handler_and_no_bytecode(template: Template) -> None:
    assets = json.loads((template.folder / f"{template.stack}.assets.json").read_text())["files"]
    folders = {id: template.folder / asset["source"]["path"] for id, asset in assets.items()}
    for function in template.of_type("AWS::Lambda::Function").values():
        code: Path = folders[function["Code"]["S3Key"].partition(".")[0]]
        module, _, attribute = str(function["Handler"]).rpartition(".")
        assert f"{attribute} = " in _source(code, module) or f"def {attribute}(" in _source(code, module)
    for folder in folders.values():
        assert not [path for path in folder.rglob("*") if path.suffix == ".pyc" or path.name == "__pycache__"]


def _access_log(template: Template) -> str:
    """Return the log group of the API's access log, which belongs to no function."""
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    return target(stage["AccessLogSettings"]["DestinationArn"])


def _source(code: Path, module: str) -> str:
    return (code / f"{module.replace('.', '/')}.py").read_text()


def _name_of(resource: object) -> str:
    """Return the logical id that a policy's resource refers to, or the name at the end of a joined ARN."""
    if isinstance(resource, dict) and "Fn::Join" in resource:
        return str(resource["Fn::Join"][1][-1]).removeprefix(":secret:")
    return target(resource)
