"""``scripts/logs``: saved queries with their values, and the common ones over lines at hand."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from scripts.commands.scrapersky.logs.__main__ import main
from scripts.commands.scrapersky.logs.query import Mistake, Query, names
from scripts.commands.scrapersky.logs.stage import Logs


def transition(record_id: int, attempt_id: int, start: str, end: str, **more: Any) -> str:
    """One canonical line as a function writes it."""
    keys = {"workflow": "metadata", "record_id": record_id, "attempt_id": attempt_id, "service": "domain-scheduler"}
    return json.dumps({"message": "transition", **keys, "from_status": start, "to_status": end, **more})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A function's log: platform lines, metrics, transitions of three records, not in order."""
    lines = [
        "START RequestId: 1 Version: $LATEST",
        json.dumps({"_aws": {}, "Claimed": [3.0]}),
        transition(7, 12, "Processing", "Completed", code="read", duration_ms=300),
        transition(7, 11, "Queued", "Processing"),
        transition(7, 11, "Processing", "Queued", code="timeout", outcome="retry", duration_ms=9_000),
        transition(7, 12, "Queued", "Processing"),
        transition(8, 13, "Processing", "Error", code="http_404", error_code="http_404", duration_ms=100),
        transition(9, 14, "Processing", "Error", code="http_404", error_code="http_404", duration_ms=200),
        transition(5, 15, "Processing", "Error", code="dns", error_code="dns", duration_ms=10),
    ]
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(lines))
    return file


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The rows that the command prints."""
    assert main([*arguments, "--json"]) == 0
    return list(json.loads(capsys.readouterr().out))


def test_the_trail_of_a_record_is_in_order_and_of_that_record_only(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ask(capsys, "record-trail", "workflow=metadata", "record_id=7", "--file", str(log))
    assert [(row["attempt_id"], row["to_status"], row["code"]) for row in rows] == [
        (11, "Processing", None),
        (11, "Queued", "timeout"),
        (12, "Processing", None),
        (12, "Completed", "read"),
    ]


def test_errors_are_counted_by_code_most_frequent_first(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "errors-by-code", "--file", str(log))
    assert [(row["error_code"], row["errors"], row["example"]) for row in rows] == [("http_404", 2, 9), ("dns", 1, 5)]


def test_slow_records_are_told_with_their_percentiles(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "slow-records", "--file", str(log))
    assert rows[0] == {"workflow": "metadata", "code": "timeout", "p50": 9000, "p95": 9000, "worst": 9000, "records": 1}
    assert {"code": "http_404", "p50": 150, "p95": 195}.items() <= rows[2].items()


def test_a_query_that_needs_insights_says_so_over_a_file(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["throughput", "--file", str(log)]) == 2
    assert "record-trail, errors-by-code, slow-records" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "one of claimed-never-finished, "),
        (["record-trail", "workflow=metadata"], "needs record_id=…"),
        (["ticks", "speed=9"], "no parameter speed"),
        (["correlation-trail", 'correlation_id=a" or "1" = "1'], "letters, digits"),
        (["ticks", "fast"], "'fast': name=value is right"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert complaint in capsys.readouterr().err


def test_values_stand_where_the_query_has_its_parameters() -> None:
    text = Query.named("record-trail").with_values({"workflow": "import", "record_id": "42"})
    assert 'workflow = "import" and record_id = 42' in text
    with pytest.raises(Mistake):
        Query.named("record-trail").with_values({})


def test_every_query_says_what_it_is_for() -> None:
    assert all(Query.named(name).purpose for name in names())


def test_a_stage_is_asked_over_the_log_groups_of_its_own_functions_until_the_answer_is_complete() -> None:
    keys = {"region_name": "eu-west-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    lambda_, logs = boto3.client("lambda", **keys), boto3.client("logs", **keys)  # type: ignore[call-overload]
    with Stubber(lambda_) as functions, Stubber(logs) as insights:
        listed = [("scrapersky-dev-migrate", "group-1"), ("scrapersky-prod-migrate", "group-2")]
        functions.add_response(
            "list_functions",
            {"Functions": [{"FunctionName": name, "LoggingConfig": {"LogGroup": group}} for name, group in listed]},
        )
        asked = {"logGroupNames": ["group-1"], "queryString": "fields x", "startTime": ANY, "endTime": ANY}
        insights.add_response("start_query", {"queryId": "q"}, asked)
        row = [{"field": "errors", "value": "3"}, {"field": "@ptr", "value": "p"}]
        insights.add_response("get_query_results", {"status": "Complete", "results": [row]}, {"queryId": "q"})
        assert Logs("dev", lambda_, logs).insights("fields x", 60) == [{"errors": "3"}]
