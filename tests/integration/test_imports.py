"""What an entry point imports: no more than it needs. The set of modules is tested; `scripts/bench/imports` tells the time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.context import NoWeb
from scrapersky.runtime.registry import SERVICES, SUBMISSION
from scrapersky.status.claim import claim
from scripts.commands.bench.status_machine.ours_runtime import record

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [service.folder for service in SERVICES]
ENTERED = f"""
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
}
"""Packages that settings, messages, log lines and the database need."""


SUBMITTED = """
import json, sys
from domain_sitemap_submission.handler import handler
from tests.integration.lambda_context import LambdaContext
handler(json.loads(sys.argv[1]), LambdaContext())
print(json.dumps(sorted(sys.modules)))
"""


def modules(event: object, environment: dict[str, str], program: str = ENTERED) -> set[str]:
    """What a fresh process has imported after every service served ``event``, and dead-letter nothing."""
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
def test_an_entry_point_without_work_imports_no_job_no_web_client_no_parser_and_maps_no_table(
    event: object, environment: dict[str, str]
) -> None:
    imported = modules(event, environment)
    ours = {"scrapersky", "dead_letter", "tests", *FOLDERS}
    packages = {name.partition(".")[0] for name in imported if not name.startswith("_")}
    assert packages - ours - sys.stdlib_module_names <= NEEDED
    jobs = {f"{folder}.{file.stem}" for folder in FOLDERS for file in (ROOT / "functions" / folder).glob("*.py")}
    assert imported & jobs == {f"{folder}.handler" for folder in FOLDERS}
    assert {name for name in imported if name.startswith("scrapersky.web")} == set()
    assert {name for name in imported if name.startswith("scrapersky.migrations")} == set()
    mapping = {name for name in imported if name.startswith(("sqlalchemy.orm", "scrapersky.models."))}
    assert mapping == {"scrapersky.models.limits", "scrapersky.models.vocabulary"}


def test_a_job_that_asks_nobody_is_done_without_the_import_of_a_web_client(
    environment: dict[str, str], connection: Connection
) -> None:
    connection.execute(text("INSERT INTO domains (domain, sitemap_analysis_status) VALUES ('a.test', 'Queued')"))
    (held,) = claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    imported = modules({"Records": [record(SUBMISSION.name, held.attempt_id)]}, environment, SUBMITTED)
    status = connection.execute(text("SELECT sitemap_analysis_status FROM domains")).scalar_one()
    assert (status, imported & {"aiohttp", "scrapersky.web.client"}) == ("Completed", set())


def test_who_uses_a_web_client_that_the_registry_says_is_not_needed_is_told_so() -> None:
    with pytest.raises(RuntimeError, match="visits_no_website"):
        NoWeb().get("https://a.test/")
