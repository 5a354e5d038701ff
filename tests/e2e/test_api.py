"""The curation API behind its HTTP API, as a client on this machine calls it."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)


def ask(running: Running, method: str, path: str, body: Any = None, *, signed: bool = True) -> tuple[int, Any]:
    """One request; returns the status and the JSON of the answer."""
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


def test_domains_that_the_pipeline_found_are_listed(running: Running) -> None:
    status, listing = ask(running, "GET", "/domains?limit=2&status=Completed")
    assert status == 200
    assert {item["status"] for item in listing["items"]} == {"Completed"}
    assert listing["next"]


def test_a_decision_without_a_filter_is_a_problem(running: Running) -> None:
    status, problem = ask(running, "POST", "/pages/curation", {"curation_status": "Archived"})
    assert status == 422
    assert "exactly one of ids and filter is needed" in problem["detail"]


def test_a_trigger_reaches_the_service_through_the_api(running: Running) -> None:
    status, told = ask(running, "POST", "/dev-tools/status", {"workflow": "import"})
    assert status == 200
    assert told["workflows"]["import"]["invariant_breaches"] == []


def test_a_request_without_a_signature_is_refused(running: Running) -> None:
    assert ask(running, "GET", "/domains", signed=False)[0] == 403
