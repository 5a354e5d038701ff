"""``scripts/logs`` on the logs of the local run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from scripts.commands.scrapersky.logs.__main__ import main
from tests.e2e.conftest import Running


def ask(running: Running, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Mapping[str, Any]]:
    """The rows that the command prints."""
    assert main([*arguments, "--endpoint", running.system.aws.endpoint, "--json"]) == 0
    return list(json.loads(capsys.readouterr().out))


def test_the_log_tells_the_trail_of_a_record_as_the_database_does(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with running.engine.connect() as connection:
        record_id, attempts = connection.execute(
            text(
                "SELECT record_id, count(*) FROM attempts WHERE workflow = 'metadata' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
            )
        ).one()
    rows = ask(running, capsys, "record-trail", "workflow=metadata", f"record_id={record_id}")
    assert len(rows) == 2 * attempts
    assert {row["to_status"] for row in rows[::2]} == {"Processing"}
    assert rows[-1]["to_status"] in {"Completed", "Error"}


def test_the_log_counts_the_errors_that_the_database_holds(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with running.engine.connect() as connection:
        counted = connection.execute(
            text("SELECT error_code, count(*) FROM domains WHERE status = 'Error' GROUP BY 1")
        ).all()
    rows = ask(running, capsys, "errors-by-code")
    told = {row["error_code"]: row["errors"] for row in rows if row["workflow"] == "metadata"}
    assert told == {row[0]: row[1] for row in counted}


def test_the_log_tells_which_records_were_slow(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(running, capsys, "slow-records")
    assert rows[0]["worst"] >= rows[0]["p95"] >= rows[0]["p50"] > 0
    assert {row["workflow"] for row in rows} >= {"metadata", "submission", "discovery", "import"}
