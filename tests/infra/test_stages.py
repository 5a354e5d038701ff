"""The differences between stages, and what the operator may override when deploying."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match

from infra.app import main, synth
from infra.cdk import of_named_stages
from infra.config import DEV, PROD, STAGES
from infra.plan import NEVER_DEPLOYED, plan
from infra.stack import ScraperSkyStack
from infra.stage import Aurora, Network
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import SettingsError
from tests.infra.conftest import EXISTING, OVERRIDES
from tests.infra.template import Template

STAGE_IN_ID = re.compile(r"(?<=AllowEventRule)\w+|(?<=CurrentVersion)\w+")
"""Parts of logical ids that differ between stages: the stack's name, and the hash of a version's content."""
LOG_RETENTION = re.compile(r'"(RetentionInDays|UpdateReplacePolicy|DeletionPolicy)": ("\w+"|\d+),? ?')


def test_dev_and_prod_differ_only_in_names_and_log_retention(templates: Mapping[str, Template]) -> None:
    assert _without_names(templates["dev"]) == _without_names(templates["prod"])


def test_local_lacks_only_the_layer_and_what_the_emulator_does_not_support(
    templates: Mapping[str, Template],
) -> None:
    shapes = {}
    for name in ("dev", "local"):
        shapes[name] = {STAGE_IN_ID.sub("", id): one["Type"] for id, one in templates[name].resources.items()}
    missing = [shapes["dev"][id] for id in shapes["dev"].keys() - shapes["local"].keys()]
    assert set(missing) == {"AWS::Lambda::LayerVersion", "AWS::Logs::QueryDefinition"} | {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
    }
    assert missing.count("AWS::Lambda::LayerVersion") == 1
    for alarm in templates["local"].of_type("AWS::CloudWatch::Alarm").values():
        assert "Metrics" not in alarm  # only alarms on metric math are left out
    assert shapes["local"].items() <= shapes["dev"].items()


def test_prod_is_protected_and_keeps_its_logs(templates: Mapping[str, Template]) -> None:
    manifest = json.loads((templates["prod"].folder / "manifest.json").read_text())["artifacts"]
    assert manifest["scrapersky-prod"]["properties"]["terminationProtection"] is True
    for id in templates["prod"].of_type("AWS::Logs::LogGroup"):
        assert templates["prod"].resources[id]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_synth_looks_nothing_up_in_an_account(template: Template) -> None:
    manifest = json.loads((template.folder / "manifest.json").read_text())
    assert "missing" not in manifest
    assert manifest["artifacts"][template.stack]["environment"] == "aws://unknown-account/unknown-region"


def test_an_operators_setting_reaches_the_rule_the_mapping_and_the_function(overridden: Template) -> None:
    rules = [rule["ScheduleExpression"] for rule in overridden.of_type("AWS::Events::Rule").values()]
    assert sorted(rules) == ["rate(1 day)", *["rate(1 minute)"] * (len(SERVICES) - 1), "rate(5 minutes)"]
    mappings = overridden.of_type("AWS::Lambda::EventSourceMapping").values()
    assert 7 in [one["ScalingConfig"]["MaximumConcurrency"] for one in mappings]
    assert overridden.environment("sitemap-scheduler")["SITEMAP_SCHEDULER_RECORDS_AT_ONCE"] == "3"
    for service in SERVICES:
        assert overridden.function(service.name)["Timeout"] == 300
        assert overridden.environment(service.name)["RETRY_BASE_SECONDS"] == "45.0"
    assert {queue["VisibilityTimeout"] for queue in overridden.of_type("AWS::SQS::Queue").values()} == {1_800}
    assert overridden.environment("domain-scheduler")["DOMAIN_SCHEDULER_INTERVAL_MINUTES"] == "5"


def test_the_operators_own_database_loopback_internet_and_stage_are_never_deployed(overridden: Template) -> None:
    for name in overridden.function_names:
        environment = overridden.environment(name)
        assert not {variable.upper() for variable in NEVER_DEPLOYED} & environment.keys()
        assert environment["STAGE"] == "dev"
        assert environment["DATABASE_SECRET"] == "scrapersky/dev/database"
    assert OVERRIDES["DATABASE_URL"] not in json.dumps(overridden.body)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DOMAIN_SCHEDULER_INTERVAL_MINUTES", "0"),
        ("DOMAIN_SITEMAP_SCHEDULER_MAX_INSTANCES", "1"),
        ("SITEMAP_IMPORT_SCHEDULER_BATCH_SIZE", "many"),
        ("FUNCTION_TIMEOUT_SECONDS", "901"),
        ("HANDOFF_DISCOVERY_TO_IMPORT", "perhaps"),
        ("EMAIL_CHECK_DNS_SECONDS", "6"),
    ],
)
def test_an_invalid_setting_fails_the_plan_of_every_stage_with_its_name_and_value(variable: str, value: str) -> None:
    for stage in STAGES.values():
        with pytest.raises(SettingsError, match=f"{variable}='{value}'"):
            plan(stage, {variable: value})


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("RECORD_DEADLINE_SECONDS", "180", "must be less than FUNCTION_TIMEOUT_SECONDS=180"),
        ("REDELIVERY_MIN_SECONDS", "61", "must not be more than REDELIVERY_MAX_SECONDS=60"),
        ("DISPATCH_LEASE_SECONDS", "5400", "must be more than 5400, the seconds that 5 receives"),
    ],
)
def test_settings_that_contradict_each_other_fail_the_plan(variable: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable}={value}.*{problem}"):
        plan(DEV, {variable: value})


def test_the_waits_between_redeliveries_count_for_the_dispatch_lease_and_double() -> None:
    with pytest.raises(SettingsError, match=r"must be more than 19080, .* and REDELIVERY_MAX_SECONDS=600"):
        plan(DEV, {"REDELIVERY_MAX_SECONDS": "600"})


def test_the_default_stages_have_room_for_three_more_services_of_two_instances() -> None:
    further = 9 - len(SERVICES)
    assert plan(DEV, {}).connections + further * (2 + 3) <= DEV.database_connections


def test_more_instances_than_database_connections_fail_the_plan() -> None:
    workers = sum(service.defaults.max_instances + 3 for service in SERVICES)
    connections = workers + 4 + 10 + 2
    assert plan(DEV, {}).connections == connections
    assert plan(replace(DEV, reserved_concurrency=False), {}).connections == connections - 4 + 2 * len(SERVICES)
    with pytest.raises(
        SettingsError,
        match=f"stage dev may open {connections + 40} connections at the same time, but the database has 100",
    ):
        plan(DEV, {"DOMAIN_SCHEDULER_MAX_INSTANCES": "50"})
    larger = replace(DEV, network=Network(), database=Aurora(max_acu=1))
    in_flight = {"DOMAIN_SCHEDULER_MAX_IN_FLIGHT": "10000"}
    assert plan(larger, {"DOMAIN_SCHEDULER_MAX_INSTANCES": "50", **in_flight})
    with pytest.raises(SettingsError, match="the database has 180"):
        plan(larger, {"DOMAIN_SCHEDULER_MAX_INSTANCES": "150", **in_flight})


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"MAX_IN_FLIGHT": "549"}, "MAX_IN_FLIGHT=549 must be at least 550: MAX_INSTANCES=10 x RECORDS_AT_ONCE=50"),
        ({"RECORDS_AT_ONCE": "96"}, "MAX_IN_FLIGHT=1000 must be at least 1010"),
        ({"PULL_MINIMUM_SECONDS": "180"}, "PULL_MINIMUM_SECONDS=180.0 must be less than FUNCTION_TIMEOUT_SECONDS=180"),
    ],
)
def test_settings_of_a_service_that_contradict_each_other_fail_the_plan(
    variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=f"domain-scheduler: {problem}"):
        plan(DEV, {f"DOMAIN_SCHEDULER_{name}": value for name, value in variables.items()})


def test_as_many_records_in_flight_as_all_invocations_and_one_tick_need_are_enough() -> None:
    assert plan(DEV, {"DOMAIN_SCHEDULER_MAX_IN_FLIGHT": "550"})
    assert plan(DEV, {"DOMAIN_SCHEDULER_PULL_MINIMUM_SECONDS": "180", "DOMAIN_SCHEDULER_PULL": "false"})


def test_more_than_two_zones_need_a_pinned_account_and_region(tmp_path: Path, placeholder: Path) -> None:
    stage = replace(DEV, network=Network(zones=3))
    pinned = replace(stage, name="pinned", account="123456789012", region="eu-west-1")
    found = {}
    for one in (stage, pinned, replace(DEV, name="plain")):
        stack = ScraperSkyStack(App(outdir=str(tmp_path / one.name)), plan=plan(one, {}), dependencies=placeholder)
        errors = Annotations.from_stack(stack).find_error("*", Match.string_like_regexp("would get 2 zones"))
        found[one.name] = len(errors)
    assert found == {"dev": 1, "pinned": 0, "plain": 0}


def test_a_protected_stage_without_a_network_is_warned_about_what_that_means(tmp_path: Path, placeholder: Path) -> None:
    found = {}
    for one in (DEV, PROD, replace(PROD, name="inside", network=EXISTING)):
        stack = ScraperSkyStack(App(outdir=str(tmp_path / one.name)), plan=plan(one, {}), dependencies=placeholder)
        warnings = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("the whole internet"))
        found[one.name] = len(warnings)
    assert found == {"dev": 0, "prod": 1, "inside": 0}


@pytest.mark.parametrize(
    ("agent", "errors"),
    [
        ("", 1),
        ("ShopBot/2.0 (+https://scrapersky.com/bot)", 1),
        ("ShopBot/2.0", 1),
        ("ShopBot/2.0 (+https://shop.example/robot)", 0),
    ],
)
def test_a_production_stage_without_a_contact_url_of_its_own_is_an_error_of_that_stage_only(
    tmp_path: Path, placeholder: Path, agent: str, errors: int
) -> None:
    found = {}
    for one in (DEV, PROD):
        planned = plan(one, {"WEB_USER_AGENT": agent})
        stack = ScraperSkyStack(App(outdir=str(tmp_path / one.name)), plan=planned, dependencies=placeholder)
        problem = Match.string_like_regexp("introduces itself as .*WEB_USER_AGENT")
        found[one.name] = len(Annotations.from_stack(stack).find_error("*", problem))
    assert found == {"dev": 0, "prod": errors}


@pytest.mark.parametrize(
    ("arguments", "added"),
    [
        (["deploy", "scrapersky-dev", "--require-approval", "never"], ["--context", "stages=dev"]),
        (["diff", "scrapersky-local", "scrapersky-prod"], ["--context", "stages=prod,local"]),
        (["synth"], []),
        (["deploy", "--toolkit-stack-name", "scrapersky-toolkit", "--all"], []),
        (["deploy", "scrapersky-dev", "-c", "stages=dev,prod"], []),
        (["deploy", "scrapersky-dev", "--context=stages=dev,prod"], []),
    ],
    ids=" ".join,
)
def test_the_command_synthesizes_only_the_stacks_that_it_names(arguments: list[str], added: list[str]) -> None:
    assert of_named_stages(arguments) == arguments + added


def test_a_pinned_stage_is_deployed_to_its_account_and_region_only(varied: Mapping[str, Template]) -> None:
    manifest = json.loads((varied["protected"].folder / "manifest.json").read_text())["artifacts"]
    assert manifest["scrapersky-protected"]["environment"] == "aws://123456789012/eu-west-1"


def test_options_of_a_stage_reach_the_functions(varied: Mapping[str, Template], deployed: Template) -> None:
    for function in varied["protected"].of_type("AWS::Lambda::Function").values():
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"
    for function in deployed.of_type("AWS::Lambda::Function").values():
        assert "TracingConfig" not in function
        assert function["LoggingConfig"]["ApplicationLogLevel"] == "INFO"


def test_stacks_are_tagged_for_cost_allocation(deployed: Template) -> None:
    manifest = json.loads((deployed.folder / "manifest.json").read_text())["artifacts"]
    stage = deployed.stack.removeprefix("scrapersky-")
    assert manifest[deployed.stack]["properties"]["tags"] == {"project": "scrapersky", "stage": stage}


def test_an_invalid_setting_is_reported_before_the_layer_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.app.build", lambda _: pytest.fail("built the layer, which takes minutes"))
    with pytest.raises(SettingsError, match="FUNCTION_TIMEOUT_SECONDS='soon'"):
        synth(["dev"], environment={"FUNCTION_TIMEOUT_SECONDS": "soon"})


def test_an_invalid_setting_ends_the_synth_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITEMAP_SCHEDULER_INTERVAL_MINUTES", "never")
    with pytest.raises(SystemExit, match="SITEMAP_SCHEDULER_INTERVAL_MINUTES='never'"):
        main(["local"], tmp_path)


def test_an_unknown_stage_ends_the_synth_with_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="unknown stage 'production'; valid stages: dev, prod, local"):
        main(["production"], tmp_path)


def test_an_unacknowledged_finding_of_cdk_nag_fails_the_synth(tmp_path: Path, placeholder: Path) -> None:
    app = App(outdir=str(tmp_path))
    sqs.Queue(ScraperSkyStack(app, plan=plan(DEV, {}), dependencies=placeholder), "Open")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert "AwsSolutions-SQS4" in (tmp_path / "validation-report.json").read_text()


def _without_names(template: Template) -> str:
    stage = template.stack.removeprefix("scrapersky-")
    text = json.dumps(template.body, sort_keys=True)
    text = STAGE_IN_ID.sub("", text)
    for name in (template.stack, f"scrapersky/{stage}/", f'"STAGE": "{stage}"', f"stage {stage}", *_dimensions(stage)):
        assert name in text
        text = text.replace(name, "<stage>")
    return LOG_RETENTION.sub("", text)


def _dimensions(stage: str) -> tuple[str, str]:
    """Return how alarms and the dashboard write the dimension of ``stage``."""
    return f'"Name": "stage", "Value": "{stage}"', rf"\"stage\",\"{stage}\""
