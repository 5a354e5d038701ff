"""``scrapersky doctor`` on a stage in an emulated AWS: each setting is broken once, found, and repaired by its command."""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.database import address_of_url
from scrapersky.runtime.registry import SERVICES, Service
from scripts.commands.run.emulator import Aws
from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.doctor.command import check, check_stage
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked
from scripts.commands.scrapersky.doctor.stage import Stage, construct
from tests.conftest import numbers

TIMEOUT = 180
MAX_INSTANCES = 7
DEAD_LETTER = "DeadLetterFunction"
CLIENTS: dict[str, Any] = {}
"""Shared by all tests: making a client takes longer than its requests."""


@dataclass(frozen=True)
class Deployed:
    """A stage with a healthy database; ``has`` maps the logical ids of the stack to its resources."""

    endpoint: str
    stage: str
    has: dict[str, str]

    def client(self, service: str) -> Any:
        """A client of the emulated AWS."""
        return self._stage.client(service)

    @property
    def _stage(self) -> Stage:
        return Stage(self.stage, self.endpoint, clients=CLIENTS)

    def url(self, queue: str) -> str:
        """Return a queue's url, which is its physical id."""
        return self.has[queue]

    def set_queue(self, queue: str, **attributes: str) -> None:
        """Sets attributes of a queue."""
        self.client("sqs").set_queue_attributes(QueueUrl=self.url(queue), Attributes=attributes)

    def set_mapping(self, mapping: str, **changes: Any) -> None:
        """Changes an event source mapping."""
        self.client("lambda").update_event_source_mapping(UUID=self.has[mapping], **changes)

    def findings(self, *, database: bool = False) -> list[Finding]:
        """Return the findings in the stage, and with ``database`` in its database; everything could be checked."""
        results = list(check(self._stage, None) if database else check_stage(self._stage, []))
        assert [one for one in results if isinstance(one, Unchecked)] == []
        return [one for one in results if isinstance(one, Finding)]


def template(stage: str, secret: str) -> dict[str, Any]:
    """Return the part of the stack that the doctor checks."""
    resources = function(DEAD_LETTER, f"scrapersky-{stage}-dead-letter", {})
    outputs = {"DeadLetterFunctionName": {"Value": {"Ref": DEAD_LETTER}}}
    for service in SERVICES:
        start = construct(service)
        resources |= of_service(service, stage, secret)
        outputs |= {
            f"{start}FunctionName": {"Value": {"Ref": f"{start}Function"}},
            f"{start}QueueUrl": {"Value": {"Ref": f"{start}Work"}},
            f"{start}DeadLetterQueueUrl": {"Value": {"Ref": f"{start}Dead"}},
        }
    return {"Resources": resources, "Outputs": outputs}


def of_service(service: Service, stage: str, secret: str) -> dict[str, Any]:
    """Return a service's function, queues, mappings and rule."""
    start = construct(service)
    variables = {"DATABASE_SECRET": secret, f"{service.env_prefix}_MAX_INSTANCES": str(MAX_INSTANCES)}
    arn = {name: {"Fn::GetAtt": [f"{start}{name}", "Arn"]} for name in ("Work", "Dead")}
    taken = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return {
        **function(f"{start}Function", f"scrapersky-{stage}-{service.name}", variables),
        f"{start}Dead": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1_209_600}},
        f"{start}Work": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 6 * TIMEOUT,
                "MessageRetentionPeriod": 345_600,
                "RedrivePolicy": {"deadLetterTargetArn": arn["Dead"], "maxReceiveCount": 5},
            },
        },
        f"{start}Messages": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": arn["Work"],
                "FunctionName": {"Ref": f"{start}FunctionLive"},
                "ScalingConfig": {"MaximumConcurrency": MAX_INSTANCES},
                **taken,
            },
        },
        f"{start}DeadLetters": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": arn["Dead"], "FunctionName": {"Ref": f"{DEAD_LETTER}Live"}, **taken},
        },
        f"{start}Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "ScheduleExpression": "rate(1 minute)",
                "State": "ENABLED",
                "Targets": [{"Id": "function", "Arn": {"Ref": f"{start}FunctionLive"}}],
            },
        },
    }


def function(id: str, name: str, variables: dict[str, str]) -> dict[str, Any]:
    """Return a function that does nothing, with the alias of its version."""
    properties = {"FunctionName": {"Ref": id}, "Name": "live"}
    version = {"FunctionVersion": {"Fn::GetAtt": [f"{id}Version", "Version"]}}
    return {
        id: _latest(name, variables),
        f"{id}Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": id}}},
        f"{id}Live": {"Type": "AWS::Lambda::Alias", "Properties": properties | version},
    }


def _latest(name: str, variables: dict[str, str]) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/none",
            "Code": {"ZipFile": "def handler(event, context):\n    return {}\n"},
            "Timeout": TIMEOUT,
            "Environment": {"Variables": variables},
        },
    }


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An emulated AWS."""
    with Aws.start(tmp_path_factory.mktemp("aws"), {}) as aws:
        yield aws


@pytest.fixture
def deployed(
    aws: Aws, database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployed]:
    """A healthy stage with a healthy database."""
    for name in ("AWS_ENDPOINT_URL", "DATABASE_URL", "SCRAPERSKY_STAGE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(
            text(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.engine.url.database} SET {name} = '60s'")
        )
    stage = f"t{next(numbers)}"
    secret = f"scrapersky/{stage}/database"
    clients = Stage(stage, aws.endpoint, clients=CLIENTS)
    clients.client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps(address_of_url(database_url)))
    stack, cloudformation = f"scrapersky-{stage}", clients.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template(stage, secret)))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    made = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    yield Deployed(aws.endpoint, stage, {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made})
    cloudformation.delete_stack(StackName=stack)


def no_mapping(mapping: str) -> Callable[[Deployed], object]:
    """Delete an event source mapping."""
    return lambda deployed: deployed.client("lambda").delete_event_source_mapping(UUID=deployed.has[mapping])


BROKEN: dict[str, tuple[str, Callable[[Deployed], object]]] = {
    "a short visibility timeout": (
        "visibility_short",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", VisibilityTimeout="200"),
    ),
    "no dead-letter queue": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", RedrivePolicy=""),
    ),
    "one delivery before the dead-letter queue": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue(
            "DomainSchedulerWork",
            RedrivePolicy=json.dumps(
                {"deadLetterTargetArn": arn(deployed, "DomainSchedulerDead"), "maxReceiveCount": 1}
            ),
        ),
    ),
    "dead letters go to another queue": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue(
            "DomainSchedulerWork",
            RedrivePolicy=json.dumps(
                {"deadLetterTargetArn": arn(deployed, "SitemapSchedulerDead"), "maxReceiveCount": 5}
            ),
        ),
    ),
    "dead letters expire before messages": (
        "retention_short",
        lambda deployed: deployed.set_queue("DomainSchedulerDead", MessageRetentionPeriod="86400"),
    ),
    "a dispatch lease shorter than the way to the dead-letter queue": (
        "dispatch_lease_short",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", VisibilityTimeout="7200"),
    ),
    "the mapping is disabled": (
        "mapping_disabled",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", Enabled=False),
    ),
    "the mapping of dead letters is disabled": (
        "mapping_disabled",
        lambda deployed: deployed.set_mapping("DomainSchedulerDeadLetters", Enabled=False),
    ),
    "no mapping": ("mapping_missing", no_mapping("DomainSchedulerMessages")),
    "no mapping of dead letters": ("mapping_missing", no_mapping("DomainSchedulerDeadLetters")),
    "item failures are ignored": (
        "item_failures_ignored",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", FunctionResponseTypes=[]),
    ),
    "a filter of messages": (
        "filter_set",
        lambda deployed: deployed.set_mapping(
            "DomainSchedulerMessages", FilterCriteria={"Filters": [{"Pattern": '{"body": {"v": [2]}}'}]}
        ),
    ),
    "a higher concurrency": (
        "concurrency_differs",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", ScalingConfig={"MaximumConcurrency": 500}),
    ),
    "no limit of concurrency": (
        "concurrency_differs",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", ScalingConfig={}),
    ),
    "batches of one": (
        "batch_size_differs",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", BatchSize=1),
    ),
    "reserved concurrency": (
        "reserved_concurrency",
        lambda deployed: deployed.client("lambda").put_function_concurrency(
            FunctionName=deployed.has["DomainSchedulerFunction"], ReservedConcurrentExecutions=5
        ),
    ),
    "a disabled rule": (
        "schedule_disabled",
        lambda deployed: deployed.client("events").disable_rule(Name=rule(deployed)),
    ),
    "a slower rule": (
        "schedule_differs",
        lambda deployed: deployed.client("events").put_rule(Name=rule(deployed), ScheduleExpression="rate(5 minutes)"),
    ),
    "no rule": (
        "schedule_missing",
        lambda deployed: deployed.client("events").remove_targets(Rule=rule(deployed), Ids=["function"]),
    ),
}


def arn(deployed: Deployed, queue: str) -> str:
    """A queue's ARN."""
    asked = deployed.client("sqs").get_queue_attributes(QueueUrl=deployed.url(queue), AttributeNames=["QueueArn"])
    return str(asked["Attributes"]["QueueArn"])


def rule(deployed: Deployed) -> str:
    """The name of the rule that ticks domain-scheduler."""
    return deployed.has["DomainSchedulerRule"]


def test_a_healthy_stage_has_no_findings(deployed: Deployed) -> None:
    assert deployed.findings(database=True) == []


@pytest.mark.parametrize("how", BROKEN)
def test_a_defect_is_found_and_the_repair_removes_it(deployed: Deployed, how: str) -> None:
    wanted, break_it = BROKEN[how]
    break_it(deployed)
    found = deployed.findings()
    assert [one.check for one in found] == [wanted]
    assert found[0].what.startswith("domain-scheduler: ")
    assert (found[0].how, len(found[0].repair)) == ("shell", 1)
    if found[0].repair[0].startswith("aws "):
        run(deployed, found[0].repair[0])
        assert deployed.findings() == []
    else:
        assert f"scripts/cdk deploy scrapersky-{deployed.stage}" in found[0].repair[0]


def test_unhandled_dead_letters_are_found(deployed: Deployed) -> None:
    deployed.set_mapping("DomainSchedulerDeadLetters", Enabled=False)
    deployed.client("sqs").send_message(QueueUrl=deployed.url("DomainSchedulerDead"), MessageBody="a dead letter")
    assert {one.check for one in deployed.findings()} == {"mapping_disabled", "dead_letters_waiting"}


def test_the_database_is_found_by_the_secret_of_the_stage(
    deployed: Deployed, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute(text("DROP INDEX ix_domains_due"))
    assert main(["doctor", "--stage", deployed.stage, "--endpoint", deployed.endpoint]) == 1
    out = capsys.readouterr().out
    assert "index_missing: there is no index ix_domains_due of domains" in out
    assert out.endswith(f"1 finding: the database and stage {deployed.stage}.\n")


def test_more_instances_than_connections_are_found(deployed: Deployed) -> None:
    for service in SERVICES:
        name = deployed.has[f"{construct(service)}Function"]
        variables = {
            "DATABASE_SECRET": f"scrapersky/{deployed.stage}/database",
            f"{service.env_prefix}_MAX_INSTANCES": "99",
        }
        client = deployed.client("lambda")
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        version = client.publish_version(FunctionName=name)["Version"]
        client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert {one.check for one in deployed.findings(database=True)} == {"concurrency_differs", "connections_short"}


def test_a_stage_that_is_not_deployed_ends_with_2(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--stage", "nowhere", "--endpoint", aws.endpoint]) == 2
    out = capsys.readouterr().out
    assert "could not read the stack scrapersky-nowhere" in out
    assert "No findings, but not everything could be checked" in out


def run(deployed: Deployed, command: str) -> None:
    """Do by boto3 what the AWS command line does with ``command``."""
    _, service, operation, *words = shlex.split(command)
    client = deployed.client(service)
    name = operation.replace("-", "_")
    shapes = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[name]).input_shape.members
    members = {member.lower(): member for member in shapes}
    values: dict[str, Any] = {}
    while words:
        member = members[words.pop(0).removeprefix("--").replace("-", "")]
        kind = shapes[member].type_name
        values[member] = True if kind == "boolean" else value(words.pop(0), kind)
    getattr(client, name)(**values)


def value(word: str, kind: str) -> Any:
    """Return one argument, as the AWS command line reads it for a parameter of ``kind``."""
    if kind == "integer":
        return int(word)
    if kind == "list":
        return [word]
    if kind in {"map", "structure"}:
        if word.startswith("{"):
            return json.loads(word)
        key, _, number = word.partition("=")
        return {key: int(number)}
    return word
