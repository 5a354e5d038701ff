"""Everything once more: what was found is found again, and nothing is added."""

import io

import pytest
from rich.console import Console
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.requeue import MAX_REQUEUED, requeue
from scripts.commands.run.run import Options, drain
from tests.e2e.conftest import DRAINED_WITHIN_SECONDS, Running

FOUND = {
    "businesses": "SELECT place_id, business_name FROM local_businesses",
    "domains": "SELECT domain, title, email_addresses, phone_numbers FROM domains",
    "files": "SELECT url, url_count FROM sitemap_files",
    "pages": "SELECT url, page_type, title, imprint::text FROM pages",
    "contacts": "SELECT domain_id, kind, value, category, gone_at FROM contacts",
    "sources": "SELECT contact_id, page_id, url, found_in, context, missed FROM contact_sources",
}


def found(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return what the database holds of the websites, in a fixed order."""
    return {
        name: sorted((tuple(row) for row in connection.execute(text(query))), key=repr) for name, query in FOUND.items()
    }


@pytest.mark.timeout(900)
def test_a_second_run_of_every_workflow_adds_nothing(running: Running) -> None:
    with running.engine.begin() as connection:
        before, moved = found(connection), 0
        for workflow in WORKFLOWS.values():
            completed = f"SELECT id FROM {workflow.table} WHERE {workflow.field} = 'Completed' LIMIT {MAX_REQUEUED}"
            ids = list(connection.execute(text(completed)).scalars())
            moved += len(requeue(connection, workflow, ids=ids, actor="test", reason="again", limit=MAX_REQUEUED))
        assert moved > 50
    console = Console(file=io.StringIO())
    quiet, _ = drain(running.system, running.engine, Options(timeout=DRAINED_WITHIN_SECONDS), console, title="again")
    assert quiet
    with running.engine.connect() as connection:
        after = found(connection)
    for name, rows in before.items():
        assert after[name] == rows, name
