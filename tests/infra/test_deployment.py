"""The life of a stack: the pinned CDK CLI bootstraps, fails, creates, leaves alone, changes and destroys it in an emulated AWS.

Each step is a fixture that needs the one before and keeps what was seen; the tests look at what stood then.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from infra.api_routes import ROUTES
from infra.api_stage import LOGGED
from infra.app import synth
from infra.cli import CLI
from infra.config import LOCAL
from infra.dependencies import ROOT
from infra.node_modules import NotInstalled, pinned, require
from infra.plan import plan
from scrapersky import metrics
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.run import databases
from scripts.commands.run.deployment import put_secret
from scripts.commands.run.emulator import ACCOUNT, REGION, Aws
from scripts.commands.run.postgres import Postgres
from tests.infra.template import Template

SETTINGS = plan(LOCAL, {})
STEP_SECONDS = 600
pytestmark = pytest.mark.timeout(1_200)  # a loaded machine takes five times a quiet one's minute


@dataclass(frozen=True)
class Account:
    """An emulated AWS account, a private home for the CLI, and two databases: one that cannot be migrated, one that can."""

    aws: Aws
    folder: Path
    impossible: str
    database_url: str

    def cdk(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs ``scripts/cdk`` as an operator would, with ``settings`` in the shell. Its words are in ``stdout``."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        nowhere = str(self.folder / "nowhere")
        theirs = {
            "CDK_HOME": str(self.folder / "cdk"),  # the CLI remembers which key belongs to which account
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
        }
        return subprocess.run(
            [str(ROOT / "scripts" / "cdk"), *arguments, "--ci", "--no-notices"],
            cwd=ROOT,
            env={**mine, **self.aws.environment, **theirs, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )

    def deploy(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Deploys the stack of stage local."""
        return self.cdk("deploy", LOCAL.stack, *arguments, "--require-approval", "never", **settings)

    def rates(self) -> dict[str, str]:
        """The schedule of each ticked function, by its service's name."""
        events = self.aws.client("events")
        found = {}
        for rule in events.list_rules()["Rules"]:
            (ticked,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            found[ticked["Arn"].rpartition(":")[2].removeprefix(f"{LOCAL.stack}-")] = rule["ScheduleExpression"]
        return found

    def functions(self) -> dict[str, Any]:
        """Every function of the stack by its short name."""
        listed = self.aws.client("lambda").list_functions(MaxItems=100)["Functions"]
        return {one["FunctionName"].removeprefix(f"{LOCAL.stack}-"): one for one in listed}

    def queues(self) -> dict[str, Mapping[str, str]]:
        """The attributes of every queue by its ARN."""
        sqs = self.aws.client("sqs")
        urls = sqs.list_queues().get("QueueUrls", [])
        attributes = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] | {"url": url} for url in urls
        ]
        return {one["QueueArn"]: one for one in attributes}


@dataclass(frozen=True)
class Step:
    """What one run of the CLI said, and the rates afterwards."""

    returncode: int
    said: str
    rates: Mapping[str, str]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Account]:
    """A bootstrapped account with the stage's secrets."""
    try:
        require(CLI)
    except NotInstalled as trouble:
        pytest.skip(f"the CDK CLI {pinned(CLI)} is not in node_modules and cannot be installed: {trouble}")
    folder = tmp_path_factory.mktemp("deployment")
    impossible = postgres.create_database("impossible")
    engine = create_engine(impossible)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE domains (somebody_elses text)"))
    engine.dispose()
    with Aws.start(folder / "aws", {}) as aws:
        made = Account(aws, folder, impossible, postgres.create_database("deployed"))
        put_secret(aws, LOCAL.places_secret, "a key")
        put_secret(aws, LOCAL.database_secret, databases.address(impossible))
        bootstrapped = made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        assert bootstrapped.returncode == 0, bootstrapped.stdout
        yield made


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The synthesized stack."""
    return str(synth(["local"], environment={}, out=tmp_path_factory.mktemp("local")))


@pytest.fixture(scope="module")
def failed(account: Account, assembly: str) -> Step:
    """The first deployment, over a database in which a table of ours is somebody else's."""
    ran = account.deploy("--app", assembly)
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def created(account: Account, assembly: str, failed: Step) -> Step:
    """The deployment after the operator named the right database."""
    secret = account.aws.client("secretsmanager")
    secret.put_secret_value(
        SecretId=LOCAL.database_secret, SecretString=json.dumps(databases.address(account.database_url))
    )
    ran = account.deploy("--app", assembly)
    assert ran.returncode == 0, ran.stdout
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def unchanged(account: Account, assembly: str, created: Step) -> Step:
    """The same deployment again."""
    ran = account.deploy("--app", assembly)
    return Step(ran.returncode, ran.stdout, account.rates())


@pytest.fixture(scope="module")
def stood(account: Account, unchanged: Step) -> Account:
    """The account while the stack stands."""
    return account


@pytest.fixture(scope="module")
def changed(account: Account, unchanged: Step) -> Step:
    """A deployment by the command of the README, with another setting in the shell; the CLI synthesizes by itself."""
    out = str(account.folder / "out")
    arguments = ("--context", "stages=local", "--output", out)
    ran = account.deploy(*arguments, DOMAIN_SCHEDULER_INTERVAL_MINUTES="5", DOMAIN_SCHEDULER_MAX_INSTANCES="4")
    return Step(ran.returncode, ran.stdout, account.rates())


def test_a_failed_migration_fails_the_deployment_and_nothing_ticks(failed: Step) -> None:
    assert failed.returncode != 0
    assert 'relation "domains" already exists' in failed.said
    assert failed.rates == {}


def test_every_function_stands_with_its_handler_layer_and_settings(stood: Account, assembly: str) -> None:
    functions = stood.functions()
    assert functions.keys() == set(Template(Path(assembly), LOCAL.stack).function_names)
    for name, function in functions.items():
        assert function["Handler"] == f"{name.replace('-', '_')}.handler.handler"
        assert function["Runtime"] == "python3.14"
        assert len(function["Layers"]) == 1
        assert function["Environment"]["Variables"]["STAGE"] == "local"
    for service in SERVICES:
        variables = functions[service.name]["Environment"]["Variables"]
        assert variables["QUEUE_URL"] in {queue["url"] for queue in stood.queues().values()}
        assert variables["DATABASE_SECRET"] == LOCAL.database_secret
        assert functions[service.name]["Timeout"] == SETTINGS.settings.function_timeout_seconds


def test_every_rule_ticks_its_function_at_the_services_rate(created: Step) -> None:
    assert created.rates == {service.name: "rate(1 minute)" for service in SERVICES}


def test_every_queue_redrives_into_a_dead_letter_queue_that_stands(stood: Account) -> None:
    queues = stood.queues()
    assert len(queues) == 2 * len(SERVICES)
    redrives = [one["RedrivePolicy"] for one in queues.values() if one.get("RedrivePolicy")]
    assert len(redrives) == len(SERVICES)
    for redrive in redrives:
        (arn,) = re.findall(r'"deadLetterTargetArn": ?"([^"]+)"', redrive)
        assert not queues[arn].get("RedrivePolicy")
        assert re.search(rf'"maxReceiveCount": ?"?{LOCAL.max_receive_count}\b', redrive)


def test_every_mapping_is_enabled_and_bounded_and_reports_failed_messages(stood: Account) -> None:
    mappings = stood.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert {one["EventSourceArn"] for one in mappings} == stood.queues().keys()
    for mapping in mappings:
        assert mapping["State"] == "Enabled"
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        name = mapping["FunctionArn"].rpartition(":")[2].removeprefix(f"{LOCAL.stack}-")
        at_once = SETTINGS.services[name].max_instances if name in SETTINGS.services else 2
        assert mapping["ScalingConfig"]["MaximumConcurrency"] == at_once


def test_every_functions_log_group_stands_and_forgets(stood: Account) -> None:
    groups = stood.aws.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    for function in stood.functions().values():
        assert kept[function["LoggingConfig"]["LogGroup"]] == 1


def test_every_route_of_the_api_asks_who_calls_and_leads_to_its_function(stood: Account) -> None:
    gateway = stood.aws.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    assert (api["Name"], api["ProtocolType"]) == (f"{LOCAL.stack}-curation", "HTTP")
    (integration,) = gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    assert integration["IntegrationUri"] == stood.functions()["api"]["FunctionArn"]
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    routes = gateway.get_routes(ApiId=api["ApiId"])["Items"]
    assert {route["RouteKey"] for route in routes} == {key for key, _ in ROUTES.values()}
    assert {route["AuthorizationType"] for route in routes} == {LOCAL.authorization}
    assert {route["Target"] for route in routes} == {f"integrations/{integration['IntegrationId']}"}


def test_the_apis_stage_logs_who_asked_for_what_in_a_group_that_stands(stood: Account) -> None:
    gateway = stood.aws.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    (stage,) = gateway.get_stages(ApiId=api["ApiId"])["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    groups = {one["arn"].removesuffix(":*") for one in stood.aws.client("logs").describe_log_groups()["logGroups"]}
    assert stage["AccessLogSettings"]["DestinationArn"].removesuffix(":*") in groups
    assert json.loads(stage["AccessLogSettings"]["Format"]).keys() == {"caller", *LOGGED}


def test_the_alarms_and_the_dashboard_stand(stood: Account) -> None:
    cloudwatch = stood.aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]
    heartbeats = [one for one in alarms if one["MetricName"] == metrics.OLDEST_QUEUED_SECONDS]
    assert len(heartbeats) == len(WORKFLOWS)
    assert {one["TreatMissingData"] for one in heartbeats} == {"breaching"}
    (topic,) = stood.aws.client("sns").list_topics()["Topics"]
    assert all(one["AlarmActions"] == [topic["TopicArn"]] for one in alarms)
    assert cloudwatch.list_dashboards()["DashboardEntries"][0]["DashboardName"] == LOCAL.stack


def test_the_schema_was_made_by_the_deployment(stood: Account) -> None:
    engine = create_engine(stood.database_url)
    assert {"domains", "attempts", "status_events"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_the_same_deployment_again_changes_nothing(unchanged: Step, created: Step) -> None:
    assert unchanged.returncode == 0
    assert "(no changes)" in unchanged.said
    assert unchanged.rates == created.rates


def test_a_setting_in_the_operators_shell_changes_the_rate_the_concurrency_and_the_function(
    account: Account, changed: Step, created: Step
) -> None:
    assert changed.returncode == 0, changed.said
    assert changed.rates == {**created.rates, "domain-scheduler": "rate(5 minutes)"}
    variables = account.functions()["domain-scheduler"]["Environment"]["Variables"]
    assert variables["DOMAIN_SCHEDULER_INTERVAL_MINUTES"] == "5"
    mappings = account.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert 4 in [one["ScalingConfig"]["MaximumConcurrency"] for one in mappings]


def test_the_template_that_the_cli_writes_tells_sam_local_where_code_and_layers_lie(
    account: Account, changed: Step
) -> None:
    out = account.folder / "out"
    resources = json.loads((out / f"{LOCAL.stack}.template.json").read_text())["Resources"].values()
    kinds = {"AWS::Lambda::Function", "AWS::Lambda::LayerVersion"}
    for resource in (one for one in resources if one["Type"] in kinds):
        assert (out / resource["Metadata"]["aws:asset:path"]).is_dir()


def test_destroying_leaves_nothing_but_the_data(account: Account, changed: Step) -> None:
    gone = account.cdk("destroy", LOCAL.stack, "--app", str(account.folder / "out"), "--force")
    assert gone.returncode == 0, gone.stdout
    assert account.functions() == {}
    assert account.queues() == {}
    assert account.rates() == {}
    assert account.aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    engine = create_engine(account.database_url)
    assert "domains" in inspect(engine).get_table_names()
    engine.dispose()
