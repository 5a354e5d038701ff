"""Rules for all ticks, and for the migrations that run before the first."""

from collections.abc import Mapping
from pathlib import Path

from infra.config import STAGES
from infra.migrations import FOLDER, digest
from infra.plan import plan
from scrapersky.runtime.registry import SERVICES
from tests.infra.template import Template, target


def test_every_service_has_one_rule_with_its_own_rate(template: Template) -> None:
    rates = {}
    for rule in template.of_type("AWS::Events::Rule").values():
        (ticked,) = rule["Targets"]
        name = template.resources[template.live(ticked["Arn"])]["Properties"]["FunctionName"]
        rates[name.removeprefix(f"{template.stack}-")] = rule["ScheduleExpression"]
        assert rule["State"] == "ENABLED"
    settings = plan(STAGES[template.stack.removeprefix("scrapersky-")], {}).services
    ticks = {service.name: _rate(settings[service.name].interval_minutes) for service in SERVICES}
    assert rates == {**ticks, "housekeeping": "rate(1 day)"}


def test_rule_and_function_drop_an_undelivered_tick_within_a_minute(template: Template) -> None:
    for rule in template.of_type("AWS::Events::Rule").values():
        assert rule["Targets"][0]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    ticked = {template.live(rule["Targets"][0]["Arn"]) for rule in template.of_type("AWS::Events::Rule").values()}
    dropping = {
        target(one["FunctionName"])
        for one in template.of_type("AWS::Lambda::EventInvokeConfig").values()
        if (one["MaximumEventAgeInSeconds"], one["MaximumRetryAttempts"]) == (60, 0)
    }
    assert dropping == ticked


def test_only_its_own_rule_may_invoke_a_service(template: Template) -> None:
    rules = {target(rule["Targets"][0]["Arn"]): id for id, rule in template.of_type("AWS::Events::Rule").items()}
    permissions = template.of_type("AWS::Lambda::Permission").values()
    services = [one for one in permissions if target(one["FunctionName"]) in rules]
    assert {target(one["FunctionName"]): target(one["SourceArn"]) for one in services} == rules
    assert {one["Principal"] for one in services} == {"events.amazonaws.com"}


def test_rules_mappings_and_functions_wait_for_the_schema(template: Template) -> None:
    (schema,) = template.of_type("Custom::DatabaseSchema")
    migrate = template.live(template.of_type("Custom::DatabaseSchema")[schema]["ServiceToken"])
    waiting = [
        *template.of_type("AWS::Events::Rule"),
        *template.of_type("AWS::Lambda::EventSourceMapping"),
        *(id for id in template.of_type("AWS::Lambda::Function") if id != migrate),
    ]
    for id in waiting:
        assert schema in template.waits_for(id), f"{id} does not wait for the schema"


def test_migrate_has_its_permissions_and_layers_before_it_is_invoked(template: Template) -> None:
    (schema,) = template.of_type("Custom::DatabaseSchema")
    role = target(template.function("migrate")["Role"])
    ahead = template.waits_for(schema)
    policies = template.of_type("AWS::IAM::Policy")
    assert {id for id, policy in policies.items() if role in map(target, policy["Roles"])} <= ahead
    assert set(map(target, template.function("migrate")["Layers"])) <= ahead


def test_cloudformation_waits_longer_than_the_timeout_of_migrate(template: Template) -> None:
    (schema,) = template.of_type("Custom::DatabaseSchema").values()
    assert int(schema["ServiceTimeout"]) > template.function("migrate")["Timeout"]


def test_an_invocation_of_migrate_is_not_retried_after_cloudformation_gave_up(template: Template) -> None:
    (schema,) = template.of_type("Custom::DatabaseSchema")
    migrate = template.live(template.of_type("Custom::DatabaseSchema")[schema]["ServiceToken"])
    ((id, invoked),) = (
        (id, one)
        for id, one in template.of_type("AWS::Lambda::EventInvokeConfig").items()
        if target(one["FunctionName"]) == migrate
    )
    assert invoked["MaximumRetryAttempts"] > 0  # the response may have been lost
    assert invoked["MaximumEventAgeInSeconds"] < template.function("migrate")["Timeout"] or template.stack.endswith(
        "local"
    )
    assert id in template.waits_for(schema)


def test_only_a_new_migration_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_schema.py").write_text("one")
    before = digest(tmp_path)
    (tmp_path / "versions" / "0001_schema.cpython-314.pyc").write_bytes(b"bytecode")
    (tmp_path / "script.py.mako").write_text("a template for new ones")
    assert digest(tmp_path) == before
    for name in ("versions/0002_index.py", "guard.sql"):
        (tmp_path / name).write_text("two")
        assert digest(tmp_path) != before
        before = digest(tmp_path)


def test_the_schema_resource_has_the_digest_of_the_existing_migrations(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        (schema,) = template.of_type("Custom::DatabaseSchema").values()
        assert schema["Migrations"] == digest(FOLDER)


def _rate(minutes: int) -> str:
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"
