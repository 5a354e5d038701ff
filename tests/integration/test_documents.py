"""The examples in the documents work as documented."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SERVICES
from tests import api_server
from tests.integration.api import ADA, Api
from tests.integration.conftest import Harness
from tests.integration.documents import BLOCK, ROOT, Example, Stage, assert_matches, examples
from tests.integration.test_command_line import invoked, nothing
from tests.lambda_endpoint import serving

DOCUMENTS = [
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *(
        ROOT / "docs" / "reference" / f"{name}.md"
        for name in ("command-line", "manual-triggers", "curation-api", "audit")
    ),
]


@pytest.fixture
def stage(
    harness: Harness,
    api: Api,
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """A stage named dev with all services; domain-scheduler is the harness."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("DATABASE_URL", environment["DATABASE_URL"])
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    credentials = Credentials("test", "test", "token")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(credentials.token))
    services = [
        BackgroundService(service, dict.fromkeys(service.workflows, nothing), environment)
        for service in SERVICES
        if service is not DOMAIN_SCHEDULER
    ] + [harness.service]
    handlers = {f"scrapersky-dev-{one.runtime.service.name}": invoked(one.handler) for one in services}
    daily = importlib.reload(importlib.import_module("housekeeping.handler"))
    handlers["scrapersky-dev-housekeeping"] = invoked(daily.handler)
    handlers["scrapersky-dev-api"] = invoked(api.application.handler)
    api_handler = api_server.signed(invoked(api.application.handler), credentials, "eu-west-1")
    with serving(handlers) as endpoint, api_server.serving(api_handler, ADA) as url:
        monkeypatch.setenv("API_URL", url)
        yield Stage(harness, api, endpoint, handlers, environment["DATABASE_URL"], capsys)
    daily.database.engine.dispose()
    for service in services:
        service.runtime.database.engine.dispose()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_the_examples_of_a_document_work_as_documented(document: Path, stage: Stage) -> None:
    found = list(examples(document))
    assert [one for one in found if one.kind != "step"], f"{document.name} has no example"
    for example in found:
        stage.run(example, document.name)


@pytest.mark.parametrize(
    "example",
    [
        Example("console", "$ scripts/scrapersky explain metadata 1\nanything else\n", 1),
        Example("http", "GET /domains\n→ 404 …\n", 1),
        Example("python", "assert 1 + 1 == 3\n", 1),
        Example("ruby", "puts 1\n", 1),
    ],
    ids=lambda example: example.kind,
)
def test_an_example_with_another_result_fails(example: Example, stage: Stage) -> None:
    with pytest.raises(AssertionError):
        stage.run(example, "a page")


@pytest.mark.parametrize(
    "authorization", ["", "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=0"]
)
def test_a_request_without_a_valid_signature_does_not_reach_the_api(stage: Stage, authorization: str) -> None:
    headers = {"authorization": authorization, "x-amz-date": "20261128T000000Z", "x-amz-security-token": "token"}
    options = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    sent = f"$ curl --silent {options} $API_URL/domains\n"
    stage.run(Example("console", sent + '{"message":"Forbidden"}\n', 1), "a page")


def test_output_must_match_completely() -> None:
    assert_matches("queued 2 of 3\nids 4 5", "queued 2 …\n  ids 4 5", "here")
    with pytest.raises(AssertionError):
        assert_matches("queued 2 of 3\nids 4 5 6", "queued 2 …\n  ids 4 5", "here")


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")), ids=lambda document: document.stem)
def test_an_image_has_alternative_text_and_a_diagram_is_described_in_words(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert "![](" not in text, "an image without alternative text"
    for found in BLOCK.finditer(text):
        if found["kind"] == "mermaid":
            assert "in words" in text[found.end() : found.end() + 200], "a diagram without a description in words"
            assert "fill:" not in found["body"], "a diagram that depends on colour"
