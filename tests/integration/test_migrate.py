"""The migrate function answers in CloudFormation's protocol, and reports failures."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from scripts.commands.run.postgres import Postgres
from tests.integration.conftest import numbers
from tests.integration.lambda_context import LambdaContext
from tests.loopback_server import QuietHandler, listening


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A url that receives answers as CloudFormation does, and the answers."""
    received: list[dict[str, Any]] = []

    class Listener(QuietHandler):
        def do_PUT(self) -> None:
            received.append(json.loads(self.body()))
            self.answer(200, {}, b"")

    with listening(Listener) as url:
        yield f"{url}/answer", received


def request(url: str, kind: str) -> dict[str, Any]:
    """Return a custom resource request of ``kind``."""
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Schema",
    }


def call(
    monkeypatch: pytest.MonkeyPatch, database_url: str, event: dict[str, Any], *, remaining_ms: int = 180_000
) -> dict[str, Any]:
    """Cold-start the function on ``database_url`` and invoke it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    module = importlib.reload(importlib.import_module("migrate.handler"))
    answer: dict[str, Any] = module.handler(event, LambdaContext(remaining_ms=remaining_ms))
    return answer


def test_a_deployment_migrates_an_empty_database_and_reports_success(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, cloudformation: tuple[str, list[dict[str, Any]]]
) -> None:
    url, received = cloudformation
    empty = postgres.create_database(f"empty_{next(numbers)}")
    call(monkeypatch, empty, request(url, "Create"))
    assert (received[0]["Status"], received[0]["PhysicalResourceId"]) == ("SUCCESS", "scrapersky-schema")
    assert received[0]["Data"]["revision"]
    with create_engine(empty, poolclass=NullPool).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 0


def test_a_failed_migration_fails_the_deployment_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, cloudformation: tuple[str, list[dict[str, Any]]]
) -> None:
    url, received = cloudformation
    call(monkeypatch, "postgresql+pg8000://ada:secret@127.0.0.1:1/none", request(url, "Update"))
    assert received[0]["Status"] == "FAILED"
    assert "migration failed" in received[0]["Reason"]
    assert "secret" not in received[0]["Reason"]


def test_deleting_the_stack_keeps_the_data(
    database_url: str, monkeypatch: pytest.MonkeyPatch, cloudformation: tuple[str, list[dict[str, Any]]]
) -> None:
    url, received = cloudformation
    call(monkeypatch, database_url, request(url, "Delete"))
    assert received[0]["Status"] == "SUCCESS"
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 0


def test_a_manual_invocation_migrates(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, database_url, {})["revision"]
