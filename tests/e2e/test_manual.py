"""Manual payloads, as an operator sends them: through boto3's Lambda client."""

import json
from typing import Any

import pytest

from scrapersky.runtime.registry import DOMAIN_SCHEDULER, EXPORT, LIVE, SERVICES, Service
from scrapersky.status.gauges import count_by_status
from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)


def invoke(running: Running, service: Service, payload: Any) -> dict[str, Any]:
    response = running.system.aws.client("lambda").invoke(
        FunctionName=f"{running.system.deployed(service).function}:{LIVE}", Payload=json.dumps(payload)
    )
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, answer
    return answer


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_status_counts_the_records_of_the_database(running: Running, service: Service) -> None:
    answer = invoke(running, service, {"action": "status"})
    for workflow in service.workflows:
        with running.engine.connect() as connection:
            counted = count_by_status(connection, workflow)
        one = answer["workflows"][workflow.name]
        assert one["counts"] == counted
        assert counted or workflow == EXPORT, "a local run exports nothing by itself"
        assert one["live_attempts"] == 0
        assert one["last_tick_at"] is not None
        assert one["invariant_breaches"] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_run_answers_the_number_of_claimed_records(running: Running, service: Service) -> None:
    answer = invoke(running, service, {"action": "run", "limit": 1})
    assert {name: one["claimed"] for name, one in answer["workflows"].items()} == {
        workflow.name: 0 for workflow in service.workflows
    }


def test_a_listed_record_is_explained_by_its_natural_key(running: Running) -> None:
    listed = invoke(running, DOMAIN_SCHEDULER, {"action": "list", "workflow": "metadata", "limit": 1})["records"][0]
    asked = {"action": "explain", "workflow": "metadata", "record": listed["record"]}
    timeline = invoke(running, DOMAIN_SCHEDULER, asked)
    assert (timeline["id"], timeline["now"]["status"]) == (listed["id"], listed["status"])


@pytest.mark.parametrize(
    ("payload", "field"), [({"action": "run", "limit": -1}, "limit"), ({}, "action"), ([1, 2], "payload")]
)
def test_an_invalid_payload_is_answered_with_its_field(running: Running, payload: Any, field: str) -> None:
    assert invoke(running, DOMAIN_SCHEDULER, payload)["error"]["field"] == field
