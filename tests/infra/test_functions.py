"""Rules over all functions: what they run, what they are told, what they may do."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings, Settings, load
from tests.infra.template import Template, listed, target

NAMES = [*(service.name for service in SERVICES), "dead-letter", "migrate", "api"]
DOCUMENTED = {"QUEUE_URL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
"""Variables that a function reads beside its settings: its queue, and what Powertools reads itself."""


def test_there_is_one_function_per_service_and_three_that_serve_them_all(template: Template) -> None:
    assert sorted(template.function_names) == sorted(NAMES)


def test_every_function_runs_the_newest_python_on_arm64_with_our_layer_and_the_dependencies(deployed: Template) -> None:
    for function in deployed.of_type("AWS::Lambda::Function").values():
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
        assert [target(layer)[: len("Dep")] for layer in function["Layers"]] == ["Com", "Dep"]


def test_every_function_writes_json_into_a_log_group_of_its_own_that_forgets(template: Template) -> None:
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
def test_a_function_reads_the_very_settings_that_the_stage_was_planned_with(template: Template, name: str) -> None:
    planned = plan(STAGES[template.stack.removeprefix("scrapersky-")], {})
    environment = {name: value for name, value in template.environment(name).items() if isinstance(value, str)}
    timeout = {"function_timeout_seconds": template.function(name)["Timeout"]}
    places = {"places_secret": environment.get("PLACES_SECRET", "")}
    assert load(Settings, environment) == planned.settings.model_copy(update=timeout | places)
    for service in SERVICES:
        if service.name == name:
            own = load(ServiceSettings, environment, f"{service.env_prefix}_", service.defaults)
            assert own == planned.services[name]


def test_only_the_service_that_calls_places_knows_its_secret(template: Template) -> None:
    told = {name for name in NAMES if "PLACES_SECRET" in template.environment(name)}
    assert told == {service.name for service in SERVICES if service.uses_places}


def test_who_visits_websites_knows_and_may_read_the_proxys_key_where_a_proxy_is_used(
    template: Template, varied: Mapping[str, Template]
) -> None:
    visitors = {service.name for service in SERVICES if service.visits_websites}
    assert not [name for name in NAMES if "PROXY_SECRET" in template.environment(name)]
    behind = varied["network"]
    told = {
        name: behind.environment(name)["PROXY_SECRET"] for name in NAMES if "PROXY_SECRET" in behind.environment(name)
    }
    assert told == dict.fromkeys(visitors, "scrapersky/network/proxy")
    readers = {name for name in NAMES if "scrapersky/network/proxy-??????" in json.dumps(list(behind.statements(name)))}
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
    if name == "dead-letter":
        queues = template.of_type("AWS::SQS::Queue")
        wanted["sqs"] = {id for id, queue in queues.items() if "RedrivePolicy" not in queue}
    if name == "api":
        functions = template.of_type("AWS::Lambda::Function")
        services = {f"{template.stack}-{service.name}" for service in SERVICES}
        wanted["lambda"] = {id for id, one in functions.items() if one["FunctionName"] in services}
    for service in SERVICES:
        if service.name == name:
            wanted["sqs"] = {target(template.environment(name)["QUEUE_URL"])}
            if service.uses_places:
                wanted["secretsmanager"].add(f"{stage.places_secret}-??????")
    assert allowed == wanted


def test_a_service_may_send_take_hide_and_delete_messages(template: Template) -> None:
    for service in SERVICES:
        actions = {one for statement in template.statements(service.name) for one in listed(statement["Action"])}
        taking = {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        assert actions >= taking | {"sqs:SendMessage"}


def test_the_handler_of_every_function_is_in_the_asset_and_no_bytecode_is(template: Template) -> None:
    assets = json.loads((template.folder / f"{template.stack}.assets.json").read_text())["files"]
    folders = {id: template.folder / asset["source"]["path"] for id, asset in assets.items()}
    for function in template.of_type("AWS::Lambda::Function").values():
        code: Path = folders[function["Code"]["S3Key"].partition(".")[0]]
        module, _, attribute = str(function["Handler"]).rpartition(".")
        assert f"{attribute} = " in _source(code, module) or f"def {attribute}(" in _source(code, module)
    for folder in folders.values():
        assert not [path for path in folder.rglob("*") if path.suffix == ".pyc" or path.name == "__pycache__"]


def _access_log(template: Template) -> str:
    """The log group of the requests to the API, which is no function's."""
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    return target(stage["AccessLogSettings"]["DestinationArn"])


def _source(code: Path, module: str) -> str:
    return (code / f"{module.replace('.', '/')}.py").read_text()


def _name_of(resource: object) -> str:
    """The logical id a policy's resource points at, or the name at the end of an ARN put together from parts."""
    if isinstance(resource, dict) and "Fn::Join" in resource:
        return str(resource["Fn::Join"][1][-1]).removeprefix(":secret:")
    return target(resource)
