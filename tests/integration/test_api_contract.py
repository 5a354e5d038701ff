"""The OpenAPI document states exactly what the API takes and answers: schemathesis finds no difference."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import SERVICES
from tests import api_server, lambda_endpoint
from tests.integration.api import ADA, Api
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.integration.test_command_line import invoked, nothing

CONFIG = Path(__file__).with_name("schemathesis.toml")
RECORDS = {
    "/places": {"place_id": "ChIJ1", "name": "Shop", "latitude": 48.1, "longitude": 11.5},
    "/local-businesses": {"place_id": "ChIJ1", "business_name": "Shop", "website_url": "https://shop.example/"},
    "/domains": {"domain": "shop.example", "curation_status": "Selected"},
    "/sitemaps": {"domain": "shop.example"},
    "/sitemap-files": {"domain": "shop.example", "url": "https://shop.example/sitemap.xml"},
    "/pages": {"domain": "shop.example", "url": "https://shop.example/contact"},
}


@pytest.fixture
def address(api: Api, harness: Harness, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API on loopback, with a record of each resource, in front of all services."""
    for path, row in RECORDS.items():
        assert api.post(path, row).status == 201
    own = {**environment, "QUEUE_URL": harness.queue_url}
    services = [BackgroundService(one, dict.fromkeys(one.workflows, nothing), own) for one in SERVICES]
    handlers = {f"scrapersky-test-{one.runtime.service.name}": invoked(one.handler) for one in services}
    with lambda_endpoint.serving(handlers) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint)
        with api_server.serving(lambda event: api.application.handler(event, LambdaContext()), ADA) as url:
            yield url
    for service in services:
        service.runtime.database.engine.dispose()


@pytest.mark.timeout(900)
def test_schemathesis_finds_no_difference_between_the_api_and_its_document(address: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/openapi.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
