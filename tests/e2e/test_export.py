"""An export through the deployed API: requested, written by the service to the bucket, and downloaded by its url."""

import io
import json
import urllib.request

from rich.console import Console
from sqlalchemy import text

from scripts.commands.run.run import Options, drain
from tests.e2e.conftest import DRAINED_WITHIN_SECONDS, Running
from tests.e2e.test_api import call


def test_an_export_is_written_to_the_bucket_and_downloaded_by_its_url(running: Running) -> None:
    status, added = call(running, "POST", "/exports", {"resource": "contacts", "format": "ndjson"})
    assert (status, added["url"]) == (201, None)
    console = Console(file=io.StringIO())
    quiet, _ = drain(running.system, running.engine, Options(timeout=DRAINED_WITHIN_SECONDS), console, title="export")
    assert quiet
    status, found = call(running, "GET", f"/exports/{added['id']}")
    assert (status, found["status"], found["why"]) == (200, "Completed", None)
    with urllib.request.urlopen(found["url"]) as answer:
        rows = [json.loads(line) for line in answer]
    with running.engine.connect() as connection:
        contacts = connection.execute(text("SELECT id FROM contacts ORDER BY id")).scalars().all()
    assert contacts
    assert [row["id"] for row in rows] == contacts
