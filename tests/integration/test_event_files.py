"""The event files for ``sam local`` work with the real handlers, a real Postgres, SQS by moto and no internet."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import METADATA, SERVICES, WORKFLOWS
from scrapersky.status.claim import claim
from scripts.commands.run.internet.server import Internet
from tests.integration.lambda_context import LambdaContext
from tests.records import make

pytestmark = pytest.mark.usefixtures("invariants_hold")

FUNCTIONS = Path(__file__).parents[2] / "functions"
FOLDERS = [service.folder for service in SERVICES]


def event(folder: str, name: str) -> Any:
    """Return the content of the event file."""
    return json.loads((FUNCTIONS / folder / "events" / f"{name}.json").read_text())


def batch(folder: str, connection: Connection) -> Any:
    """Return ``batch.json`` with the id of the only attempt, as a person sets it."""
    attempt_id = connection.execute(text("SELECT attempt_id FROM attempts")).scalar_one()
    given = event(folder, "batch")
    given["Records"][0]["body"] = given["Records"][0]["body"].replace('"attempt_id":1}', f'"attempt_id":{attempt_id}}}')
    given["Records"][0]["messageAttributes"]["attempt_id"]["stringValue"] = str(attempt_id)
    return given


@pytest.fixture
def aws(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set a function's environment, with a queue and an internet without hosts."""
    with Internet.start({}, tmp_path) as nowhere, mock_aws():
        queue_url = boto3.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
        for name, value in {**environment, "QUEUE_URL": queue_url, "WEB_LOOPBACK_INTERNET": str(nowhere.file)}.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.parametrize("folder", FOLDERS)
def test_tick_batch_and_manual_event_are_served(folder: str, connection: Connection, aws: None) -> None:
    make(connection, WORKFLOWS[event(folder, "manual")["workflow"]], "Queued")
    function = importlib.reload(importlib.import_module(f"{folder}.handler"))
    ticked = function.handler(event(folder, "tick"), LambdaContext())
    assert sum(workflow["claimed"] for workflow in ticked["workflows"].values()) == 1
    assert function.handler(batch(folder, connection), LambdaContext()) == {"batchItemFailures": []}
    assert connection.execute(text("SELECT finished_at IS NOT NULL FROM attempts")).scalar_one()
    manual = event(folder, "manual")
    assert list(function.handler(manual, LambdaContext())["workflows"]) == [manual["workflow"]]
    function.service.runtime.database.engine.dispose()


def test_a_dead_letter_sets_its_record_to_error(connection: Connection, aws: None) -> None:
    make(connection, METADATA, "Queued")
    claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600)
    function = importlib.reload(importlib.import_module("dead_letter.handler"))
    assert function.handler(batch("dead_letter", connection), LambdaContext()) == {"batchItemFailures": []}
    assert connection.execute(text("SELECT status, error_code FROM domains")).one() == ("Error", "dead_letter")
    function.database.engine.dispose()


def test_a_manual_migration_returns_the_revision(aws: None) -> None:
    function = importlib.reload(importlib.import_module("migrate.handler"))
    assert function.handler(event("migrate", "manual"), LambdaContext())["revision"]
