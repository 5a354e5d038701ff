"""The curation API's manual triggers, passed on to the real service behind an endpoint that implements Lambda's Invoke."""

from collections.abc import Iterator

import pytest

from tests.integration.api import Api
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving


@pytest.fixture
def operator(api: Api, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Return the API with domain-scheduler as the only reachable service."""
    handlers = {"scrapersky-test-domain-scheduler": lambda event: harness.service.handler(event, LambdaContext())}
    with serving(handlers) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint)
        yield api


def test_the_service_that_owns_the_workflow_answers_a_trigger(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = operator.post("/dev-tools/run", {"workflow": "metadata", "ids": [record_id]})
    assert answer.status == 200
    assert answer.json["workflows"]["metadata"]["claimed"] == 1
    timeline = operator.post("/dev-tools/explain", {"workflow": "metadata", "id": record_id}).json
    assert timeline["now"]["status"] == "Processing"


def test_every_action_of_a_service_has_its_own_post_route(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    by = {"workflow": "metadata", "reason": "a test"}
    assert operator.post("/dev-tools/status", {"workflow": "metadata"}).json["workflows"]["metadata"]["counts"]
    assert operator.post("/dev-tools/cancel", {**by, "ids": [record_id]}).json["ended"] == [record_id]
    assert operator.post("/dev-tools/requeue", {**by, "ids": [record_id]}).json["ids"] == [record_id]
    assert operator.post("/dev-tools/pause", by).json["workflows"]["metadata"]["paused"] is True
    assert operator.post("/dev-tools/resume", by).json["workflows"]["metadata"]["was_paused"] is True
    operator.post("/dev-tools/run", {"workflow": "metadata"})
    assert operator.post("/dev-tools/abandon", {**by, "ids": [record_id]}).json["ended"] == [record_id]


def test_the_audit_trail_names_the_principal_who_cannot_choose_another_actor(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    operator.caller = f"arn:aws:sts::000000000000:assumed-role/{'r' * 64}/{'ada' * 20}"
    for action, named in (("cancel", {"ids": [record_id]}), ("requeue", {"ids": [record_id]}), ("pause", {})):
        by = {"workflow": "metadata", "reason": "a test", **named}
        refused = operator.post(f"/dev-tools/{action}", by | {"actor": "root"})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "actor")
        assert operator.post(f"/dev-tools/{action}", by).status == 200
    timeline = operator.post("/dev-tools/explain", {"workflow": "metadata", "id": record_id}).json
    assert [event["actor"] for event in timeline["events"][-2:]] == [f"api:{operator.caller}"] * 2
    found = operator.post("/dev-tools/status", {"workflow": "metadata"}).json["workflows"]["metadata"]
    assert found["paused_by"] == f"api:{operator.caller}"


def test_process_starts_the_work_and_does_not_wait_for_it(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = operator.post("/dev-tools/process", {"workflow": "metadata", "id": record_id})
    assert (answer.status, answer.json) == (202, {"started": True, "workflow": "metadata", "record": record_id})
    assert harness.worked_on == ["a.test"]


def test_the_error_for_an_unknown_workflow_lists_the_valid_ones(operator: Api) -> None:
    answer = operator.post("/dev-tools/run", {"workflow": "imports"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "workflow")
    assert "metadata, discovery" in answer.json["detail"]


def test_a_run_without_a_workflow_is_rejected(operator: Api) -> None:
    assert operator.post("/dev-tools/run", {}).status == 422


def test_a_refusal_by_the_service_is_a_409_that_names_the_field(operator: Api) -> None:
    answer = operator.post("/dev-tools/explain", {"workflow": "metadata", "id": 999})
    assert (answer.status, answer.json["errors"][0]["field"]) == (409, "record")


def test_an_unreachable_service_is_a_502(operator: Api) -> None:
    answer = operator.post("/dev-tools/status", {"workflow": "import"})
    assert answer.status == 502
    assert "scrapersky-test-sitemap-import-scheduler:live could not be invoked" in answer.json["detail"]


def test_a_request_authorised_as_curation_is_refused(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    for action, body in (
        ("run", '{"workflow": "metadata"}'),
        ("status", "{}"),
        ("process", f'{{"workflow": "metadata", "id": {record_id}}}'),
    ):
        headers = {"content-type": "application/json"}
        answer = operator.send("POST", f"/dev-tools/{action}", body, headers=headers, route_key="POST /{proxy+}")
        assert (answer.status, answer.content_type) == (403, "application/problem+json")
    assert harness.row(record_id)["status"] == "Queued"
    assert harness.worked_on == []
