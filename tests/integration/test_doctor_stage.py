"""The doctor on a stage in an emulated AWS, and its database: each setting is broken once, found, and mended as it says."""

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
from scripts.commands.scrapersky.doctor.__main__ import look, look_at_stage, main
from scripts.commands.scrapersky.doctor.deployed import construct
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked
from scripts.commands.scrapersky.doctor.stage import Stage
from tests.conftest import numbers

TIMEOUT = 180
MAX_INSTANCES = 7
DEAD_LETTER = "DeadLetterFunction"
CLIENTS: dict[str, Any] = {}
"""Made once for all tests: making one takes longer than what it is asked."""


@dataclass(frozen=True)
class Deployed:
    """A stage with a healthy database; ``has`` is what the stack made, by its logical id."""

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
        """A queue's url; CloudFormation knows a queue by it."""
        return self.has[queue]

    def set_queue(self, queue: str, **attributes: str) -> None:
        """Sets attributes of a queue."""
        self.client("sqs").set_queue_attributes(QueueUrl=self.url(queue), Attributes=attributes)

    def set_mapping(self, mapping: str, **changes: Any) -> None:
        """Changes an event source mapping."""
        self.client("lambda").update_event_source_mapping(UUID=self.has[mapping], **changes)

    def findings(self, *, database: bool = False) -> list[Finding]:
        """What the doctor finds in the stage, and in its database if asked; it could look at everything."""
        told = list(look(self._stage, None) if database else look_at_stage(self._stage, []))
        assert [each for each in told if isinstance(each, Unchecked)] == []
        return [each for each in told if isinstance(each, Finding)]


def template(stage: str, secret: str) -> dict[str, Any]:
    """The stack as infra makes it, of what the doctor looks at."""
    resources = {DEAD_LETTER: function(f"scrapersky-{stage}-dead-letter", {})}
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
    """A service's function, queues, mappings and rule."""
    start = construct(service)
    variables = {"DATABASE_SECRET": secret, f"{service.env_prefix}_MAX_INSTANCES": str(MAX_INSTANCES)}
    arn = {name: {"Fn::GetAtt": [f"{start}{name}", "Arn"]} for name in ("Function", "Work", "Dead")}
    taken = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return {
        f"{start}Function": function(f"scrapersky-{stage}-{service.name}", variables),
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
                "FunctionName": {"Ref": f"{start}Function"},
                "ScalingConfig": {"MaximumConcurrency": MAX_INSTANCES},
                **taken,
            },
        },
        f"{start}Letters": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": arn["Dead"], "FunctionName": {"Ref": DEAD_LETTER}, **taken},
        },
        f"{start}Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "ScheduleExpression": "rate(1 minute)",
                "State": "ENABLED",
                "Targets": [{"Id": "function", "Arn": arn["Function"]}],
            },
        },
    }


def function(name: str, variables: dict[str, str]) -> dict[str, Any]:
    """A function that does nothing."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/nobody",
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
    """Takes away an event source mapping."""
    return lambda deployed: deployed.client("lambda").delete_event_source_mapping(UUID=deployed.has[mapping])


BROKEN: dict[str, tuple[str, Callable[[Deployed], object]]] = {
    "a message comes back too soon": (
        "visibility_short",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", VisibilityTimeout="200"),
    ),
    "no dead-letter queue": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", RedrivePolicy=""),
    ),
    "one hiccup is the end": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue(
            "DomainSchedulerWork",
            RedrivePolicy=json.dumps(
                {"deadLetterTargetArn": arn(deployed, "DomainSchedulerDead"), "maxReceiveCount": 1}
            ),
        ),
    ),
    "letters go to another queue": (
        "redrive_wrong",
        lambda deployed: deployed.set_queue(
            "DomainSchedulerWork",
            RedrivePolicy=json.dumps(
                {"deadLetterTargetArn": arn(deployed, "SitemapSchedulerDead"), "maxReceiveCount": 5}
            ),
        ),
    ),
    "letters expire first": (
        "retention_short",
        lambda deployed: deployed.set_queue("DomainSchedulerDead", MessageRetentionPeriod="86400"),
    ),
    "messages are on their way for long": (
        "dispatch_lease_short",
        lambda deployed: deployed.set_queue("DomainSchedulerWork", VisibilityTimeout="7200"),
    ),
    "the mapping is off": (
        "mapping_disabled",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", Enabled=False),
    ),
    "the mapping of letters is off": (
        "mapping_disabled",
        lambda deployed: deployed.set_mapping("DomainSchedulerLetters", Enabled=False),
    ),
    "no mapping": ("mapping_missing", no_mapping("DomainSchedulerMessages")),
    "no mapping of letters": ("mapping_missing", no_mapping("DomainSchedulerLetters")),
    "failures are not listened to": (
        "item_failures_ignored",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", FunctionResponseTypes=[]),
    ),
    "a filter deletes": (
        "filter_set",
        lambda deployed: deployed.set_mapping(
            "DomainSchedulerMessages", FilterCriteria={"Filters": [{"Pattern": '{"body": {"v": [2]}}'}]}
        ),
    ),
    "too many at once": (
        "concurrency_differs",
        lambda deployed: deployed.set_mapping("DomainSchedulerMessages", ScalingConfig={"MaximumConcurrency": 500}),
    ),
    "as many at once as there are": (
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
def test_what_is_broken_is_found_and_what_the_doctor_says_mends_it(deployed: Deployed, how: str) -> None:
    check, break_it = BROKEN[how]
    break_it(deployed)
    found = deployed.findings()
    assert [each.check for each in found] == [check]
    assert found[0].what.startswith("domain-scheduler: ")
    assert (found[0].how, len(found[0].mend)) == ("shell", 1)
    if found[0].mend[0].startswith("aws "):
        run(deployed, found[0].mend[0])
        assert deployed.findings() == []
    else:
        assert f"scripts/cdk deploy scrapersky-{deployed.stage}" in found[0].mend[0]


def test_letters_that_nobody_marks_are_told(deployed: Deployed) -> None:
    deployed.set_mapping("DomainSchedulerLetters", Enabled=False)
    deployed.client("sqs").send_message(QueueUrl=deployed.url("DomainSchedulerDead"), MessageBody="a letter")
    assert {each.check for each in deployed.findings()} == {"mapping_disabled", "letters_waiting"}


def test_the_database_is_found_by_the_stages_secret(
    deployed: Deployed, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute(text("DROP INDEX ix_domains_due"))
    assert main(["--stage", deployed.stage, "--endpoint", deployed.endpoint]) == 1
    told = capsys.readouterr().out
    assert "index_missing: domains has no index ix_domains_due" in told
    assert told.endswith(f"1 finding: the database and stage {deployed.stage}.\n")


def test_more_instances_than_connections_are_told(deployed: Deployed) -> None:
    for service in SERVICES:
        name = deployed.has[f"{construct(service)}Function"]
        variables = {
            "DATABASE_SECRET": f"scrapersky/{deployed.stage}/database",
            f"{service.env_prefix}_MAX_INSTANCES": "99",
        }
        deployed.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    assert {each.check for each in deployed.findings(database=True)} == {"concurrency_differs", "connections_short"}


def test_a_stage_that_is_not_there_is_told_and_ends_with_2(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "nowhere", "--endpoint", aws.endpoint]) == 2
    told = capsys.readouterr().out
    assert "the stack scrapersky-nowhere could not be read" in told
    assert "Nothing found, but not everything could be looked at" in told


def run(deployed: Deployed, command: str) -> None:
    """What the AWS command line does with ``command``, by boto3."""
    _, service, operation, *words = shlex.split(command)
    client = deployed.client(service)
    name = operation.replace("-", "_")
    shapes = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[name]).input_shape.members
    members = {member.lower(): member for member in shapes}
    given: dict[str, Any] = {}
    while words:
        member = members[words.pop(0).removeprefix("--").replace("-", "")]
        kind = shapes[member].type_name
        given[member] = True if kind == "boolean" else value(words.pop(0), kind)
    getattr(client, name)(**given)


def value(word: str, kind: str) -> Any:
    """One argument, as the AWS command line reads it for a parameter of ``kind``."""
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
