"""An entry point imports no more than it needs. This tests the set of modules; `scripts/bench/cold-start` measures the time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from scrapersky.models import Domain
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SITEMAP_SUBMISSION, SERVICES, SUBMISSION
from scrapersky.status.claim import claim
from scripts.commands.bench.status_machine.ours_runtime import record
from tests.integration.lambda_context import LambdaContext

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [service.folder for service in SERVICES]
SERVED = f"""
import importlib, json, sys
from tests.integration.lambda_context import LambdaContext
handlers = [importlib.import_module(name + ".handler") for name in {FOLDERS} + ["dead_letter"]]
for one in handlers:
    event = json.loads(sys.argv[1])
    one.handler({{"Records": []}} if one.__name__ == "dead_letter.handler" else event, LambdaContext())
print(json.dumps(sorted(sys.modules)))
"""
TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}

NEEDED = {
    *("aws_lambda_powertools", "jmespath", "botocore"),  # log lines and metrics; it asks botocore for its version
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("sqlalchemy", "cython_runtime", "pg8000", "scramp", "asn1crypto", "dateutil", "six"),
    *("can_ada", "publicsuffixlist"),  # hosts and URLs in manual payloads
}
"""Packages that settings, messages, log lines, the database and manual payloads need."""

LIGHT = {
    *("fetched", "reading", "reading.child", "reading.reader"),  # the parent's side of the child process
    *("hosts", "urls"),  # natural keys of manual payloads
}
"""Modules of ``scrapersky.web`` that cost every entry point a few milliseconds; the client and the parsers cost more."""

SUBMITTED = """
import json, sys
from domain_sitemap_submission.handler import handler
from tests.integration.lambda_context import LambdaContext
handler(json.loads(sys.argv[1]), LambdaContext())
print(json.dumps(sorted(sys.modules)))
"""


def modules(event: object, environment: dict[str, str], program: str = SERVED) -> set[str]:
    """Return what a fresh process has imported after every service served ``event``, and dead-letter an empty batch."""
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(event)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize("event", [TICK, {"action": "status"}], ids=["tick", "status"])
def test_a_tick_and_a_status_request_import_no_job_no_web_client_and_no_model(
    event: object, environment: dict[str, str]
) -> None:
    imported = modules(event, environment)
    own = {"scrapersky", "dead_letter", "tests", *FOLDERS}
    packages = {name.partition(".")[0] for name in imported if not name.startswith("_")}
    assert packages - own - sys.stdlib_module_names - {"sitecustomize"} <= NEEDED  # Debian's Python has one
    jobs = {f"{folder}.{file.stem}" for folder in FOLDERS for file in (ROOT / "functions" / folder).glob("*.py")}
    assert imported & jobs == {f"{folder}.handler" for folder in FOLDERS}
    assert {name for name in imported if name.startswith("scrapersky.web.")} <= {
        f"scrapersky.web.{name}" for name in LIGHT
    }
    assert {name for name in imported if name.startswith("scrapersky.migrations")} == set()
    assert {name for name in imported if name.startswith(("sqlalchemy.orm", "scrapersky.models"))} == set()


def test_a_job_without_web_completes_without_importing_a_web_client(
    environment: dict[str, str], connection: Connection
) -> None:
    connection.execute(text("INSERT INTO domains (domain, sitemap_analysis_status) VALUES ('a.test', 'Queued')"))
    (held,) = claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    imported = modules({"Records": [record(SUBMISSION.name, held.attempt_id)]}, environment, SUBMITTED)
    status = connection.execute(text("SELECT sitemap_analysis_status FROM domains")).scalar_one()
    assert (status, imported & {"aiohttp", "scrapersky.web.client"}) == ("Completed", set())


def test_a_job_that_is_registered_without_web_is_refused_a_web_client(
    environment: dict[str, str], connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def fetch(domain: Domain, ctx: JobContext) -> Outcome:
        await ctx.web.get(f"https://{domain.domain}/")
        return Done()

    connection.execute(text("INSERT INTO domains (domain, sitemap_analysis_status) VALUES ('a.test', 'Queued')"))
    (held,) = claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    service = BackgroundService(DOMAIN_SITEMAP_SUBMISSION, {SUBMISSION: fetch}, environment)
    service.handler({"Records": [record(SUBMISSION.name, held.attempt_id)]}, LambdaContext())
    assert "set uses_web or uses_places_api of its workflow in the registry" in caplog.text
    assert connection.execute(text("SELECT code FROM attempts")).scalar_one() == "unexpected"
    service.runtime.database.engine.dispose()
