"""Contact data is in the tables for it only: no log line, error or detail of an attempt has any."""

import re

from sqlalchemy import text

from scrapersky.runtime.registry import WORKFLOWS
from scripts.commands.scrapersky.logs.source import Logs
from tests.e2e.conftest import Running

ADDRESS = re.compile(r"[\w.%+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")


def test_no_log_line_error_or_detail_has_an_address_or_number_of_a_website(running: Running) -> None:
    aws = running.system.aws
    written = [str(line["@message"]) for line in Logs("local", aws.client("lambda"), aws.client("logs")).lines(86_400)]
    assert len(written) > 500
    with running.engine.connect() as connection:
        values = connection.execute(text("SELECT kind, value FROM contacts WHERE kind IN ('email', 'phone')")).all()
        details = connection.execute(text("SELECT detail::text FROM attempts WHERE detail IS NOT NULL")).scalars().all()
        assert len(details) > 50
        written += details
        for workflow in WORKFLOWS.values():
            written += connection.execute(
                text(f"SELECT {workflow.companion('error')} FROM {workflow.table} WHERE {workflow.field} = 'Error'")
            ).scalars()
        reasons = connection.execute(text("SELECT reason FROM status_events WHERE reason IS NOT NULL"))
        written += reasons.scalars()
    everything = "\n".join(filter(None, written))
    assert {kind for kind, _ in values} == {"email", "phone"}
    assert [value for _, value in values if value in everything] == []
    assert set(ADDRESS.findall(everything)) == set()
