"""A service with test jobs, SQS by moto and a real Postgres: the runtime without websites."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, RowMapping, text

from api.application import Application
from scrapersky.models import Domain
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.vocabulary import RecordId
from tests.integration.api import Api
from tests.integration.lambda_context import LambdaContext

numbers = count(1)

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}


@dataclass
class Harness:
    """domain-scheduler with a job that the test chooses, and the queue of its messages."""

    service: BackgroundService
    connection: Connection
    queue_url: str
    behaviour: dict[str, Callable[[Any], Outcome]] = field(default_factory=dict)
    worked_on: list[str] = field(default_factory=list)
    spends: str | None = None

    def add(self, *domains: str, status: str = "Queued") -> list[RecordId]:
        """Add domains; return their ids."""
        return [
            self.connection.execute(
                text(
                    "INSERT INTO domains (domain, status) VALUES (:domain, CAST(:status AS work_status)) RETURNING id"
                ),
                {"domain": domain, "status": status},
            ).scalar_one()
            for domain in domains
        ]

    def tick(self) -> dict[str, Any]:
        """Send the schedule's event once."""
        return self.service.handler(dict(SCHEDULED), LambdaContext())

    def receive(self) -> list[dict[str, Any]]:
        """Receive up to ten messages in the form of Lambda's event source mapping."""
        answer = boto3.client("sqs").receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [as_record(message) for message in answer.get("Messages", [])]

    def deliver(self, records: list[dict[str, Any]], **context: Any) -> list[str]:
        """Pass a batch to the handler; return the ids of the messages that must be redelivered."""
        answer = self.service.handler({"Records": records}, LambdaContext(**context))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def invoke(self, **payload: Any) -> dict[str, Any]:
        """Send a manual payload."""
        return self.service.handler(payload, LambdaContext())

    def row(self, record_id: int) -> RowMapping:
        """Return the domain's row."""
        return self.connection.execute(
            text("SELECT * FROM domains WHERE id = :id"), {"id": record_id}
        ).mappings().one()  # fmt: skip

    def drain(self) -> None:
        """Tick once and work on everything that was sent."""
        self.tick()
        while records := self.receive():
            assert self.deliver(records) == []


def as_record(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a received SQS message as a record of Lambda's event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
    }


def message(attempt_id: object, workflow: str = "metadata", **more: Any) -> dict[str, Any]:
    """Return a record whose body is this message, valid or not, without message attributes."""
    body = json.dumps({"v": 1, "workflow": workflow, "attempt_id": attempt_id, **more})
    return {
        "messageId": f"message-{attempt_id}",
        "receiptHandle": f"handle-{attempt_id}",
        "body": body,
        "attributes": {},
    }


@pytest.fixture
def environment(application_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The function's environment; a test may change it before it requests the harness."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    no_waiting = dict.fromkeys(("REDELIVERY_MIN_SECONDS", "REDELIVERY_MAX_SECONDS", "API_LISTING_WAIT_SECONDS"), "0")
    return {"DATABASE_URL": application_url, "STAGE": "test", **no_waiting}


@pytest.fixture
def harness(environment: dict[str, str], connection: Connection) -> Iterator[Harness]:
    """domain-scheduler on this test's database, with its own queue."""
    with mock_aws():
        queue_url = boto3.client("sqs").create_queue(QueueName="messages")["QueueUrl"]

        async def job(record: Domain, ctx: Any) -> Outcome:
            made.worked_on.append(record.domain)
            if made.spends:
                await ctx.spend(made.spends)
            return made.behaviour.get(record.domain, lambda _: Done("read"))(record)

        service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: job}, {**environment, "QUEUE_URL": queue_url})
        made = Harness(service, connection, queue_url)
        yield made
        service.runtime.database.engine.dispose()


@pytest.fixture
def api(environment: dict[str, str]) -> Iterator[Api]:
    """The curation API on this test's database, called by an IAM user."""
    application = Application(environment)
    yield Api(application)
    application.dependencies.database.engine.dispose()
