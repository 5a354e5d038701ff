"""``scrapersky logs`` on the logs of the local run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.logs.query import Query, names
from tests.e2e.conftest import Running

ALWAYS_FIND_LINES = {
    "cold-starts-and-memory", "outcomes", "record-trail", "slow-records", "throughput", "ticks"
}  # fmt: skip
"""Queries on what every run does. The others find errors, retries and crashes, which need not happen."""


def ask(running: Running, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Mapping[str, Any]]:
    """Return the rows that the command prints."""
    assert main(["logs", *arguments, "--endpoint", running.system.aws.endpoint, "--json"]) == 0
    return list(json.loads(capsys.readouterr().out))


def values(running: Running) -> dict[str, str]:
    """Return a value for each parameter of a query."""
    with running.engine.connect() as connection:
        record_id, request_id = connection.execute(
            text("SELECT record_id, request_id FROM attempts WHERE workflow = 'metadata' ORDER BY 1 LIMIT 1")
        ).one()
    return {"workflow": "metadata", "record_id": str(record_id), "correlation_id": str(request_id)}


@pytest.mark.parametrize("name", names())
def test_every_saved_query_runs_on_the_local_logs(
    running: Running, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    given = values(running)
    rows = ask(running, capsys, name, *(f"{one}={given[one]}" for one in Query.named(name).parameters))
    assert rows or name not in ALWAYS_FIND_LINES


def test_the_trail_of_a_record_has_its_attempts_as_the_database_has_them(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with running.engine.connect() as connection:
        record_id, attempts = connection.execute(
            text(
                "SELECT record_id, count(*) FROM attempts WHERE workflow = 'metadata'"
                " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
            )
        ).one()
    rows = ask(running, capsys, "record-trail", "workflow=metadata", f"record_id={record_id}")
    # Not what is before the first attempt, between two that a person requeued, or after the last.
    rows = [row for row in rows if row["outcome"] != "handed_off" and row["from_status"] != "Error"]
    assert len(rows) == 2 * attempts
    assert sum(row["to_status"] == "Processing" for row in rows) == attempts
    assert rows[-1]["to_status"] in {"Completed", "Error"}


def test_the_log_counts_the_errors_that_the_database_has(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    with running.engine.connect() as connection:
        counted = connection.execute(
            text(
                "SELECT error_code, count(*) FROM status_events"
                " WHERE workflow = 'metadata' AND to_status = 'Error' GROUP BY 1"
            )
        ).all()
    rows = ask(running, capsys, "errors-by-code")
    logged = {row["error_code"]: row["errors"] for row in rows if row["workflow"] == "metadata"}
    assert logged == {row[0]: row[1] for row in counted}


def test_the_log_shows_which_records_were_slow(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(running, capsys, "slow-records")
    assert rows[0]["worst"] >= rows[0]["p95"] >= rows[0]["p50"] > 0
    assert {row["workflow"] for row in rows} >= {"metadata", "submission", "discovery", "import"}


def test_ticks_and_platform_reports_are_found(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    ticks = ask(running, capsys, "ticks")
    assert "metadata" in ticks[0]["workflows"] or ticks[0]["service"] != "domain-scheduler"
    reports = ask(running, capsys, "cold-starts-and-memory")
    assert all(row["runs"] > 0 and row["p99"] > 0 for row in reports)
