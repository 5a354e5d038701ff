"""The lifecycle of a stack in an emulated AWS, by the pinned CDK CLI.

Steps: bootstrap, failed creation, creation, deployment without changes, deployment with changes, destruction.

Each step is a fixture that requires the previous one and keeps its results; the tests check these.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from infra import ROOT
from infra.app import synth
from infra.cdk import CLI
from infra.config import LOCAL
from infra.curation_api import ACCESS_LOG, ROUTES
from infra.node import NotInstalled, ensure_installed, pinned_version
from infra.plan import plan
from scrapersky import metrics
from scrapersky.migrations import known_revisions
from scrapersky.runtime.registry import LIVE, SERVICES, WORKFLOWS
from scripts.commands.run import databases
from scripts.commands.run.deployment import put_secret
from scripts.commands.run.emulator import ACCOUNT, REGION, Aws
from scripts.commands.run.postgres import Postgres
from scripts.commands.run.system import APP_ROLE
from tests.infra.template import Template

SETTINGS = plan(LOCAL, {})
STEP_SECONDS = 600
pytestmark = pytest.mark.timeout(1_200)  # one minute on an idle machine, five on a busy one


@dataclass(frozen=True)
class Account:
    """An emulated AWS account, a private home for the CLI, and two databases, one of which cannot be migrated."""

    aws: Aws
    folder: Path
    impossible: str
    database_url: str

    def cdk(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run ``scripts/cdk`` as an operator would, with ``settings`` in the environment. All output is in ``stdout``."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        nowhere = str(self.folder / "nowhere")
        own = {
            "CDK_HOME": str(self.folder / "cdk"),  # the CLI caches the account of each access key
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
        }
        return subprocess.run(
            [str(ROOT / "scripts" / "cdk"), *arguments, "--ci", "--no-notices"],
            cwd=ROOT,
            env={**inherited, **self.aws.environment, **own, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )

    def deploy(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Deploy the stack of stage local."""
        return self.cdk("deploy", LOCAL.stack, *arguments, "--require-approval", "never", **settings)

    def rates(self) -> dict[str, str]:
        """Return the schedule of each service, by the service's name."""
        events = self.aws.client("events")
        found = {}
        for rule in events.list_rules()["Rules"]:
            (ticked,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            function, _, alias = ticked["Arn"].partition(":function:")[2].partition(":")
            assert alias == LIVE
            found[function.removeprefix(f"{LOCAL.stack}-")] = rule["ScheduleExpression"]
        return found

    def functions(self) -> dict[str, Any]:
        """Return every function of the stack by its short name."""
        listed = self.aws.client("lambda").list_functions(MaxItems=100)["Functions"]
        return {one["FunctionName"].removeprefix(f"{LOCAL.stack}-"): one for one in listed}

    def queues(self) -> dict[str, Mapping[str, str]]:
        """Return the attributes of every queue by its ARN."""
        sqs = self.aws.client("sqs")
        urls = sqs.list_queues().get("QueueUrls", [])
        attributes = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] | {"url": url} for url in urls
        ]
        return {one["QueueArn"]: one for one in attributes}


@dataclass(frozen=True)
class Step:
    """The output of one run of the CLI, and the rates afterwards."""

    returncode: int
    output: str
    rates: Mapping[str, str]
    ended: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Account]:
    """Yield a bootstrapped account with the stage's secrets."""
    try:
        ensure_installed(CLI)
    except NotInstalled as error:
        pytest.skip(f"the CDK CLI {pinned_version(CLI)} is not in node_modules and cannot be installed: {error}")
    folder = tmp_path_factory.mktemp("deployment")
    impossible = postgres.create_database("impossible")
    engine = create_engine(impossible)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE domains (foreign_column text)"))
    engine.dispose()
    with Aws.start(folder / "aws", {}) as aws:
        made = Account(aws, folder, impossible, postgres.create_database("deployed"))
        put_secret(aws, LOCAL.places_secret, "a key")
        put_secret(aws, LOCAL.database_owner_secret, databases.address(impossible))
        put_secret(aws, LOCAL.database_secret, as_application(impossible))
        bootstrapped = made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        assert bootstrapped.returncode == 0, bootstrapped.stdout
        yield made


def as_application(url: str) -> dict[str, Any]:
    """Return the secret of the functions' role in the database of ``url``.

    Its password is the one that the role has in every test: a deployment sets it, and the role is one for the server.
    """
    return {**databases.address(url), "username": APP_ROLE}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of the synthesized stack."""
    return str(synth(["local"], environment={}, out=tmp_path_factory.mktemp("local")))


@pytest.fixture(scope="module")
def failed(account: Account, assembly: str) -> Step:
    """Deploy for the first time, to a database in which another application owns a table of the same name."""
    ran = account.deploy("--app", assembly)
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def created(account: Account, assembly: str, failed: Step) -> Step:
    """Deploy again after the operator corrected the database's secret."""
    secret = account.aws.client("secretsmanager")
    for name, address in (
        (LOCAL.database_owner_secret, databases.address(account.database_url)),
        (LOCAL.database_secret, as_application(account.database_url)),
    ):
        secret.put_secret_value(SecretId=name, SecretString=json.dumps(address))
    ran = account.deploy("--app", assembly)
    assert ran.returncode == 0, ran.stdout
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def unchanged(account: Account, assembly: str, created: Step) -> Step:
    """Repeat the same deployment."""
    ran = account.deploy("--app", assembly)
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def deployed_account(account: Account, unchanged: Step) -> Account:
    """Return the account while the stack is deployed."""
    return account


@pytest.fixture(scope="module")
def changed(account: Account, unchanged: Step) -> Step:
    """Deploy with the command of the README and another setting in the environment; the CLI synthesizes."""
    out = str(account.folder / "out")
    arguments = ("--context", "stages=local", "--output", out)
    ran = account.deploy(*arguments, DOMAIN_SCHEDULER_INTERVAL_MINUTES="5", DOMAIN_SCHEDULER_MAX_INSTANCES="4")
    return Step(ran.returncode, ran.stdout, account.rates())


def test_a_failed_migration_fails_the_deployment_and_creates_no_schedule(failed: Step) -> None:
    assert failed.returncode != 0
    assert 'relation "domains" already exists' in failed.output
    assert failed.rates == {}


def test_every_function_is_deployed_with_its_handler_layer_and_settings(
    deployed_account: Account, assembly: str
) -> None:
    functions = deployed_account.functions()
    assert functions.keys() == set(Template(Path(assembly), LOCAL.stack).function_names)
    for name, function in functions.items():
        assert function["Handler"] == f"{name.replace('-', '_')}.handler.handler"
        assert function["Runtime"] == "python3.14"
        assert len(function["Layers"]) == 1
        assert function["Environment"]["Variables"]["STAGE"] == "local"
    for service in SERVICES:
        variables = functions[service.name]["Environment"]["Variables"]
        assert variables["QUEUE_URL"] in {queue["url"] for queue in deployed_account.queues().values()}
        assert variables["DATABASE_SECRET"] == LOCAL.database_secret
        assert functions[service.name]["Timeout"] == SETTINGS.settings.function_timeout_seconds


def test_every_rule_has_its_services_rate(created: Step) -> None:
    assert created.rates == {service.name: "rate(1 minute)" for service in SERVICES} | {"housekeeping": "rate(1 day)"}


def test_every_work_queue_redrives_to_an_existing_dead_letter_queue(deployed_account: Account) -> None:
    queues = deployed_account.queues()
    assert len(queues) == 2 * len(SERVICES)
    redrives = [one["RedrivePolicy"] for one in queues.values() if one.get("RedrivePolicy")]
    assert len(redrives) == len(SERVICES)
    for redrive in redrives:
        (arn,) = re.findall(r'"deadLetterTargetArn": ?"([^"]+)"', redrive)
        assert not queues[arn].get("RedrivePolicy")
        assert re.search(rf'"maxReceiveCount": ?"?{LOCAL.max_receive_count}\b', redrive)


def test_every_mapping_is_enabled_and_bounded_and_reports_failed_messages(deployed_account: Account) -> None:
    mappings = deployed_account.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert {one["EventSourceArn"] for one in mappings} == deployed_account.queues().keys()
    for mapping in mappings:
        assert mapping["State"] == "Enabled"
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        function, _, alias = mapping["FunctionArn"].partition(":function:")[2].partition(":")
        name = function.removeprefix(f"{LOCAL.stack}-")
        assert alias == LIVE
        at_once = SETTINGS.services[name].max_instances if name in SETTINGS.services else 2
        assert mapping["ScalingConfig"]["MaximumConcurrency"] == at_once


def test_every_functions_log_group_exists_and_has_a_retention(deployed_account: Account) -> None:
    groups = deployed_account.aws.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    for function in deployed_account.functions().values():
        assert kept[function["LoggingConfig"]["LogGroup"]] == 1


def test_every_route_of_the_api_is_authorized_and_invokes_its_function(deployed_account: Account) -> None:
    gateway = deployed_account.aws.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    assert (api["Name"], api["ProtocolType"]) == (f"{LOCAL.stack}-curation", "HTTP")
    (integration,) = gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    assert integration["IntegrationUri"] == f"{deployed_account.functions()['api']['FunctionArn']}:{LIVE}"
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    routes = gateway.get_routes(ApiId=api["ApiId"])["Items"]
    assert {route["RouteKey"] for route in routes} == {key for key, _ in ROUTES.values()}
    assert {route["AuthorizationType"] for route in routes} == {LOCAL.authorization}
    assert {route["Target"] for route in routes} == {f"integrations/{integration['IntegrationId']}"}


def test_the_apis_access_log_group_exists_and_has_all_keys(deployed_account: Account) -> None:
    gateway = deployed_account.aws.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    (stage,) = gateway.get_stages(ApiId=api["ApiId"])["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    groups = {
        one["arn"].removesuffix(":*") for one in deployed_account.aws.client("logs").describe_log_groups()["logGroups"]
    }
    assert stage["AccessLogSettings"]["DestinationArn"].removesuffix(":*") in groups
    assert json.loads(stage["AccessLogSettings"]["Format"]).keys() == {"caller", *ACCESS_LOG}


def test_the_alarms_and_the_dashboard_exist(deployed_account: Account) -> None:
    cloudwatch = deployed_account.aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]
    heartbeats = [one for one in alarms if one["MetricName"] == metrics.OLDEST_QUEUED_SECONDS]
    assert len(heartbeats) == len(WORKFLOWS)
    assert {one["TreatMissingData"] for one in heartbeats} == {"breaching"}
    (topic,) = deployed_account.aws.client("sns").list_topics()["Topics"]
    assert all(one["AlarmActions"] == [topic["TopicArn"]] for one in alarms)
    assert cloudwatch.list_dashboards()["DashboardEntries"][0]["DashboardName"] == LOCAL.stack


def test_the_functions_work_as_a_role_that_owns_nothing(deployed_account: Account) -> None:
    client = deployed_account.aws.client("lambda")
    for service in SERVICES:
        answer = client.invoke(FunctionName=f"{LOCAL.stack}-{service.name}:{LIVE}", Payload='{"action": "status"}')
        assert json.loads(answer["Payload"].read())["workflows"].keys() == {one.name for one in service.workflows}
    engine = create_engine(deployed_account.database_url)
    with engine.connect() as connection:
        owners = set(connection.execute(text("SELECT tableowner FROM pg_tables WHERE schemaname = 'public'")).scalars())
    engine.dispose()
    assert owners
    assert APP_ROLE not in owners


def test_the_deployment_created_the_schema(deployed_account: Account) -> None:
    engine = create_engine(deployed_account.database_url)
    assert {"domains", "attempts", "status_events"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_the_migrations_of_a_checkout_run_against_the_database_of_a_stage(deployed_account: Account) -> None:
    path = os.pathsep.join(str(ROOT / folder) for folder in ("functions", "layers/common/python"))
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "migrate", "--stage", LOCAL.name],  # what scripts/migrate runs
        env={**deployed_account.aws.environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {"revision": max(known_revisions())}


def test_repeating_the_deployment_changes_nothing(unchanged: Step, created: Step) -> None:
    assert unchanged.returncode == 0
    assert "(no changes)" in unchanged.output
    assert unchanged.rates == created.rates


def test_a_setting_in_the_environment_changes_the_rate_the_concurrency_and_the_function(
    account: Account, changed: Step, created: Step
) -> None:
    assert changed.returncode == 0, changed.output
    assert changed.rates == {**created.rates, "domain-scheduler": "rate(5 minutes)"}
    variables = account.functions()["domain-scheduler"]["Environment"]["Variables"]
    assert variables["DOMAIN_SCHEDULER_INTERVAL_MINUTES"] == "5"
    mappings = account.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert 4 in [one["ScalingConfig"]["MaximumConcurrency"] for one in mappings]


def test_a_rollback_moves_the_aliases_to_the_versions_of_an_earlier_time(
    account: Account, changed: Step, created: Step
) -> None:
    client, function = account.aws.client("lambda"), f"{LOCAL.stack}-domain-scheduler"
    query = re.search(r'--query "(Versions.+?)"', (ROOT / "docs" / "runbook.md").read_text().replace("\\\n", ""))
    assert query

    def interval() -> str:
        live = client.get_function_configuration(FunctionName=function, Qualifier=LIVE)
        return str(live["Environment"]["Variables"]["DOMAIN_SCHEDULER_INTERVAL_MINUTES"])

    assert interval() == "5"
    versions = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    (earlier,) = versions.search(query[1].replace("\\$", "$").replace("$GOOD", created.ended))
    client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=earlier)
    assert interval() == "1"


def test_the_clis_template_has_the_asset_paths_that_sam_local_needs(account: Account, changed: Step) -> None:
    out = account.folder / "out"
    resources = json.loads((out / f"{LOCAL.stack}.template.json").read_text())["Resources"].values()
    kinds = {"AWS::Lambda::Function", "AWS::Lambda::LayerVersion"}
    for resource in (one for one in resources if one["Type"] in kinds):
        assert (out / resource["Metadata"]["aws:asset:path"]).is_dir()


def test_destroying_leaves_only_the_data(account: Account, changed: Step) -> None:
    gone = account.cdk("destroy", LOCAL.stack, "--app", str(account.folder / "out"), "--force")
    assert gone.returncode == 0, gone.stdout
    assert account.functions() == {}
    assert account.queues() == {}
    assert account.rates() == {}
    assert account.aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    engine = create_engine(account.database_url)
    assert "domains" in inspect(engine).get_table_names()
    engine.dispose()
