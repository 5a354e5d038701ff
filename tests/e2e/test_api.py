"""The curation API behind API Gateway, called as a client on this machine calls it."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin

import pytest

from scripts.commands.run.system import STACK
from tests.e2e.conftest import Running
from tests.integration.documents import ROOT, examples

pytestmark = pytest.mark.timeout(900)


def call(running: Running, method: str, path: str, body: Any = None, *, signed: bool = True) -> tuple[int, Any]:
    """Send one request; return the status and the JSON of the answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": "local"} if signed else {})}
    request = urllib.request.Request(
        running.system.api_url + path,
        data=json.dumps(body).encode() if body is not None else None,
        method=method,
        headers=headers,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_the_domains_of_the_pipeline_are_listed(running: Running) -> None:
    status, listing = call(running, "GET", "/domains?limit=2&status=Completed")
    assert status == 200
    assert {item["status"] for item in listing["items"]} == {"Completed"}
    assert listing["next"]


def test_a_decision_without_ids_or_filter_is_rejected(running: Running) -> None:
    status, problem = call(running, "POST", "/pages/curation", {"curation_status": "Archived"})
    assert status == 422
    assert "exactly one of ids and filter is needed" in problem["detail"]


def test_a_trigger_reaches_the_service_through_the_api(running: Running) -> None:
    status, answer = call(running, "POST", "/dev-tools/status", {"workflow": "import"})
    assert status == 200
    assert answer["workflows"]["import"]["invariant_breaches"] == []


def test_a_request_without_a_signature_is_rejected(running: Running) -> None:
    assert call(running, "GET", "/domains", signed=False)[0] == 403


def test_the_function_of_the_how_to_guide_signs_its_calls(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"API_URL": running.system.api_url, **running.system.aws.environment}.items():
        monkeypatch.setenv(name, value)
    (guide,) = (one for one in examples(ROOT / "docs" / "how-to" / "call-the-api.md") if one.kind == "python")
    found: dict[str, Any] = {}
    exec(guide.body.partition("added = ")[0], found)
    assert len(found["call"]("GET", "/domains?limit=2&status=Completed")["items"]) == 2


def test_the_server_of_the_openapi_document_and_the_stacks_output_are_the_url_that_answers(running: Running) -> None:
    api = running.system.api_url
    status, document = call(running, "GET", "/openapi.json")
    assert status == 200
    assert urljoin(f"{api}/openapi.json", document["servers"][0]["url"]) == f"{api}/"
    (stack,) = running.system.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert {one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "ApiUrl"} == {api}
