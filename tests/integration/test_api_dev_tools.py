"""The curation API's triggers: passed on to the real service, behind an endpoint that speaks Lambda's Invoke."""

from collections.abc import Iterator

import pytest

from tests.integration.api import Api
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving


@pytest.fixture
def operator(api: Api, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API, with domain-scheduler and no other service behind it."""
    handlers = {"scrapersky-test-domain-scheduler": lambda event: harness.service.handler(event, LambdaContext())}
    with serving(handlers) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint)
        yield api


def test_a_trigger_is_answered_by_the_service_that_owns_the_workflow(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = operator.post("/dev-tools/run", {"workflow": "metadata", "ids": [record_id]})
    assert answer.status == 200
    assert answer.json["workflows"]["metadata"]["claimed"] == 1
    timeline = operator.post("/dev-tools/explain", {"workflow": "metadata", "id": record_id}).json
    assert timeline["now"]["status"] == "Processing"


def test_every_action_of_a_service_is_a_post_of_its_own(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    by = {"workflow": "metadata", "reason": "a test", "actor": "ada"}
    assert operator.post("/dev-tools/status", {"workflow": "metadata"}).json["workflows"]["metadata"]["counts"]
    assert operator.post("/dev-tools/cancel", {**by, "ids": [record_id]}).json["ended"] == [record_id]
    assert operator.post("/dev-tools/requeue", {**by, "ids": [record_id]}).json["ids"] == [record_id]
    assert operator.post("/dev-tools/pause", by).json["workflows"]["metadata"]["paused"] is True
    assert operator.post("/dev-tools/resume", by).json["workflows"]["metadata"]["was_paused"] is True
    operator.post("/dev-tools/run", {"workflow": "metadata"})
    assert operator.post("/dev-tools/abandon", {**by, "ids": [record_id]}).json["ended"] == [record_id]


def test_work_that_may_take_long_is_started_and_not_waited_for(operator: Api, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = operator.post("/dev-tools/process", {"workflow": "metadata", "id": record_id})
    assert (answer.status, answer.json) == (202, {"started": True, "workflow": "metadata", "id": record_id})
    assert harness.worked_on == ["a.test"]


def test_an_unknown_workflow_is_a_problem_that_lists_them(operator: Api) -> None:
    answer = operator.post("/dev-tools/run", {"workflow": "imports"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "workflow")
    assert "metadata, discovery" in answer.json["detail"]


def test_a_run_of_everything_at_once_is_not_offered(operator: Api) -> None:
    assert operator.post("/dev-tools/run", {}).status == 422


def test_what_the_service_refuses_is_a_problem_that_names_the_field(operator: Api) -> None:
    answer = operator.post("/dev-tools/explain", {"workflow": "metadata", "id": 999})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "id")


def test_a_service_that_cannot_be_reached_is_a_bad_gateway(operator: Api) -> None:
    answer = operator.post("/dev-tools/status", {"workflow": "import"})
    assert answer.status == 502
    assert "scrapersky-test-sitemap-import-scheduler could not be invoked" in answer.json["detail"]


def test_the_authorisation_of_curation_is_not_enough(operator: Api, harness: Harness) -> None:
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
