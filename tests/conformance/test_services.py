"""The checklist for a background service, as a test: every service of the registry, every one of its workflows.

A service that is added to the registry is checked here without another line. Its queue, dead-letter queue, schedule and
permissions are checked by the rules of ``tests/infra``, which also run over the registry.
"""

import ast
import importlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, RowMapping, text

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scrapersky.runtime.payloads import PAYLOAD
from scrapersky.runtime.registry import HAND_OFFS, SERVICES, WORKFLOWS, HandOff, Service, service_of
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation, Status
from scripts.commands import import_contracts
from tests.integration.lambda_context import LambdaContext
from tests.records import make

ROOT = Path(__file__).resolve().parents[2]
TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}
NOT_IN_A_JOB = ("boto3", "botocore", "scrapersky.database", "sqlalchemy.orm")

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
each_hand_off = pytest.mark.parametrize(
    "hand_off", HAND_OFFS, ids=lambda hand_off: f"{hand_off.source.name} to {hand_off.target.name}"
)
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=lambda workflow: workflow.name)


def job_of(workflow: Workflow) -> Any:
    """Return the job of ``workflow``, as the service's own handler resolves it."""
    handler = importlib.import_module(f"{service_of(workflow).folder}.handler")
    return handler.service.runtime.job_of(workflow)


@dataclass
class Running:
    """A service with one job for all its workflows, a queue, and one Queued record of ``workflow``."""

    service: BackgroundService
    workflow: Workflow
    connection: Connection
    queue_url: str
    record_id: int
    outcome: Outcome | None = None

    def work(self, outcome: Outcome | None) -> RowMapping:
        """Tick and deliver the messages to a job that returns ``outcome`` or, for None, raises; return the record's row."""
        self.outcome = outcome
        self.service.handler(dict(TICK), LambdaContext())
        messages = boto3.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )["Messages"]
        records = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": {},
            }
            for one in messages
        ]
        assert self.service.handler({"Records": records}, LambdaContext()) == {"batchItemFailures": []}
        return self.row()

    def row(self) -> RowMapping:
        """Return the record's row."""
        found = self.connection.execute(
            text(f"SELECT * FROM {self.workflow.table} WHERE id = :id"), {"id": self.record_id}
        )
        return found.mappings().one()


@pytest.fixture
def running(
    request: pytest.FixtureRequest, application_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    """The service that owns the test's workflow, or the source of its hand-off; all hand-offs are automatic."""
    values = request.node.callspec.params
    workflow = values["workflow"] if "workflow" in values else values["hand_off"].source
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    record_id = make(connection, workflow, "Queued")

    async def job(record: Any, ctx: Any) -> Outcome:
        if made.outcome is None:
            raise ZeroDivisionError("an unexpected error")
        return made.outcome

    with mock_aws():
        queue_url = boto3.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
        owner = service_of(workflow)
        jobs = dict.fromkeys(owner.workflows, job)
        policies = {one.setting: "auto" for one in HAND_OFFS if one.setting}
        environment = {"DATABASE_URL": application_url, "STAGE": "test", "QUEUE_URL": queue_url, **policies}
        # A workflow that hands off to itself would pull what it has just made, until its invocation ends.
        environment[f"{owner.env_prefix}_PULL"] = "false"
        made = Running(BackgroundService(owner, jobs, environment), workflow, connection, queue_url, record_id)
        yield made
        made.service.runtime.database.engine.dispose()


@each_workflow
def test_the_job_is_async_and_takes_a_record_and_a_context(workflow: Workflow) -> None:
    job = job_of(workflow)
    assert inspect.iscoroutinefunction(job), f"{job.__qualname__} is not async"
    assert [name.lstrip("_") for name in inspect.signature(job).parameters] == ["record", "ctx"]


@each_workflow
def test_the_job_opens_no_session_and_calls_no_aws_service(workflow: Workflow) -> None:
    module = inspect.getmodule(job_of(workflow))
    assert module is not None
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for name in names:
            assert not name.startswith(NOT_IN_A_JOB), f"{module.__name__} imports {name}"


@each_workflow
def test_a_queued_record_is_claimed_worked_on_logged_and_counted(
    running: Running, workflow: Workflow, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert running.work(Done("done"))[workflow.field] == Status.COMPLETED
    lines = [vars(record) for record in caplog.records if record.getMessage() == "transition"]
    moves = [(line["from_status"], line["to_status"]) for line in lines if line["workflow"] == workflow.name]
    assert moves == [("Queued", "Processing"), ("Processing", "Completed")]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = {name for line in metrics if line.get("workflow") == workflow.name for name in line}
    assert counted >= {"Finished", "OldestQueuedSeconds", "OldestProcessingSeconds"}


@each_workflow
def test_a_failed_record_is_in_error_with_its_code_and_reason(running: Running, workflow: Workflow) -> None:
    row = running.work(Fail("parked", "the domain is for sale"))
    assert row[workflow.field] == Status.ERROR
    assert row[workflow.companion("error_code")] == "parked"
    assert row[workflow.companion("error")] == "the domain is for sale"


@pytest.mark.parametrize("outcome", [Retry("timeout", "it was slow"), None], ids=["retry", "unknown exception"])
@each_workflow
def test_a_transient_error_is_retried_later(running: Running, workflow: Workflow, outcome: Outcome | None) -> None:
    row = running.work(outcome)
    assert row[workflow.field] == Status.QUEUED
    assert row[workflow.companion("failures")] == 1
    now = running.connection.execute(text("SELECT now()")).scalar_one()
    assert row[workflow.companion("due_at")] > now


@each_hand_off
def test_a_declared_hand_off_queues_the_record_that_its_source_makes(running: Running, hand_off: HandOff) -> None:
    target = hand_off.target
    record_id = make(running.connection, target, "New", key="made")
    assert running.work(Done("done", write=lambda _: {target.table: [record_id]}))[hand_off.source.field] == "Completed"
    made = text(f"SELECT {target.field} FROM {target.table} WHERE id = :id")
    assert running.connection.execute(made, {"id": record_id}).scalar_one() == Status.QUEUED


@each_workflow
def test_the_registry_names_the_models_table_and_existing_columns(workflow: Workflow) -> None:
    table = workflow.model.__table__
    assert workflow.table == workflow.model.__tablename__
    companions = {workflow.companion(name) for name in ("due_at", "failures", "error_code", "error")}
    assert {workflow.field, *companions, workflow.host or "id"} <= set(table.columns.keys())


@each_service
def test_the_services_settings_are_documented(service: Service) -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert f"`{service.env_prefix}`" in page
    assert f"- {service.name}: " in page


@each_service
def test_the_architecture_page_lists_the_service_with_its_workflows_and_fields(service: Service) -> None:
    page = (ROOT / "docs" / "reference" / "BACKGROUND_SERVICES_ARCHITECTURE.md").read_text()
    assert service.name in page
    for workflow in service.workflows:
        assert workflow.watched in page


@each_service
def test_the_service_has_a_description_of_at_least_thirty_words(service: Service) -> None:
    page = (ROOT / "docs" / "reference" / "BACKGROUND_SERVICES_ARCHITECTURE.md").read_text()
    _, _, rest = page.partition(f"\n### {service.name}\n")
    assert len(rest.partition("\n#")[0].split()) >= 30


@each_service
def test_the_import_contracts_hold_for_the_service(service: Service) -> None:
    text = import_contracts.PYPROJECT.read_text()
    assert import_contracts.filled(text) == text, "run python -m scripts.commands.import_contracts"
    assert text.count(f'"{service.folder}"') == 5


def test_every_word_of_the_vocabularies_is_documented() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    for word in (*Status, *Curation):
        assert word.value in pages, f"the docs do not mention {word.value!r}"


def test_every_manual_trigger_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "manual-triggers.md").read_text()
    for action in PAYLOAD.json_schema()["discriminator"]["mapping"]:
        assert f'"action": "{action}"' in page


@each_service
def test_the_service_has_tests_of_its_own(service: Service) -> None:
    folders = (ROOT / "tests" / "unit" / service.folder, ROOT / "tests" / "integration")
    naming = [
        file
        for folder in folders
        for file in folder.glob("test_*.py")
        if file.parent.name == service.folder or f"from {service.folder}" in file.read_text()
    ]
    assert naming, f"no test imports {service.folder}"
