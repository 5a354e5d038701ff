"""Manual payloads, as an operator sends them: through boto3's Lambda client."""

import json
from typing import Any

import pytest

from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.status.gauges import count_by_status
from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)


def invoke(running: Running, service: Service, payload: dict[str, Any]) -> dict[str, Any]:
    answer = running.system.aws.client("lambda").invoke(
        FunctionName=running.system.deployed(service).function, Payload=json.dumps(payload)
    )
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_status_counts_what_the_database_holds(running: Running, service: Service) -> None:
    said = invoke(running, service, {"action": "status"})
    for workflow in service.workflows:
        with running.engine.connect() as connection:
            counted = count_by_status(connection, workflow)
        told = said["workflows"][workflow.name]
        assert told["counts"] == counted
        assert sum(counted.values()) > 0
        assert told["live_attempts"] == 0
        assert told["last_tick_at"] is not None
        assert told["invariant_breaches"] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_run_answers_what_it_claimed(running: Running, service: Service) -> None:
    said = invoke(running, service, {"action": "run", "limit": 1})
    assert {name: answer["claimed"] for name, answer in said["workflows"].items()} == {
        workflow.name: 0 for workflow in service.workflows
    }


def test_a_bad_payload_is_told_which_field_is_wrong_and_changes_nothing(running: Running) -> None:
    said = invoke(running, SERVICES[0], {"action": "run", "limit": -1})
    assert said["error"]["field"].endswith("limit")
