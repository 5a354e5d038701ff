"""``scrapersky logs``: saved queries with their values, and the interpreter that runs them on lines at hand."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.errors import CommandError
from scripts.commands.scrapersky.logs.command import show
from scripts.commands.scrapersky.logs.insights import run
from scripts.commands.scrapersky.logs.query import Query, names
from scripts.commands.scrapersky.logs.source import Logs, lines_of


def transition(second: int, record_id: int, attempt_id: int, start: str, end: str, **more: Any) -> str:
    """Return one transition line as a function writes it, at a second of a minute."""
    keys = {"workflow": "metadata", "record_id": record_id, "attempt_id": attempt_id, "service": "domain-scheduler"}
    at = f"2026-11-28 15:49:{second:02},120+0000"
    return json.dumps(
        {"message": "transition", "timestamp": at, **keys, "from_status": start, "to_status": end, **more}
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A function's log: platform lines, metrics, and transitions of four records, not in order."""
    lines = [
        "START RequestId: 1 Version: $LATEST",
        json.dumps({"_aws": {}, "Claimed": [3.0]}),
        transition(9, 7, 12, "Processing", "Completed", code="read", duration_ms=300),
        transition(1, 7, 11, "Queued", "Processing"),
        transition(3, 7, 11, "Processing", "Queued", code="timeout", outcome="retry", duration_ms=9_000),
        transition(9, 7, 12, "Queued", "Processing"),
        transition(4, 8, 13, "Processing", "Error", code="http_404", error_code="http_404", duration_ms=100),
        transition(5, 9, 14, "Processing", "Error", code="http_404", error_code="http_404", duration_ms=200),
        transition(6, 5, 15, "Processing", "Error", code="dns", error_code="dns", duration_ms=10),
        transition(7, 6, 16, "Queued", "Processing"),
        "REPORT RequestId: 1\tDuration: 1500.5 ms\tBilled Duration: 1501 ms\tMemory Size: 512 MB\t"
        "Max Memory Used: 120 MB\tInit Duration: 400.25 ms",
        "REPORT RequestId: 2\tDuration: 180000 ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB\tStatus: timeout",
        json.dumps({"message": "result 17 not saved", "level": "ERROR", "timestamp": "2026-11-28 15:50:00,000+0000"}),
        json.dumps({"message": "result 18 not saved", "level": "ERROR", "timestamp": "2026-11-28 15:50:01,000+0000"}),
    ]
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(lines))
    return file


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """Return the rows that the command prints."""
    assert main(["logs", *arguments, "--json"]) == 0
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
    assert rows[0]["@timestamp"] == "2026-11-28 15:49:01.120"


def test_errors_are_counted_by_code_most_frequent_first(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "errors-by-code", "--file", str(log))
    assert [(row["error_code"], row["errors"], row["example"]) for row in rows] == [("http_404", 2, 9), ("dns", 1, 5)]


def test_slow_records_have_percentiles(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "slow-records", "--file", str(log))
    assert rows[0] == {"workflow": "metadata", "code": "timeout", "p50": 9000, "p95": 9000, "worst": 9000, "records": 1}
    assert {"code": "http_404", "p50": 150, "p95": 195}.items() <= rows[2].items()


def test_throughput_is_counted_in_periods_of_five_minutes(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "throughput", "--file", str(log))
    assert {
        "workflow": "metadata", "to_status": "Error", "bin(5m)": "2026-11-28 15:45:00.000", "records": 3
    } in rows  # fmt: skip


def test_an_attempt_that_never_finished_is_found_after_a_filter_of_counts(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [row["id"] for row in ask(capsys, "claimed-never-finished", "--file", str(log))] == [6]


def test_reports_in_text_become_platform_reports(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (starts,) = ask(capsys, "cold-starts-and-memory", "--file", str(log))
    assert (starts["runs"], starts["cold"], starts["init_p95"], starts["mb"]) == (2, 1, 400, 120)
    (timeout,) = ask(capsys, "timeouts-and-crashes", "--file", str(log))
    assert (timeout["record.requestId"], timeout["record.status"]) == ("2", "timeout")


def test_error_lines_are_grouped_by_their_pattern(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = ask(capsys, "new-error-patterns", "--file", str(log))
    assert group["@sampleCount"] == 2
    assert "result <*> not saved" in group["@pattern"]


@pytest.mark.parametrize("name", names())
def test_every_saved_query_runs_on_lines_at_hand(name: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"workflow": "metadata", "record_id": "7", "correlation_id": "c"}
    ask(capsys, name, *(f"{one}={values[one]}" for one in Query.named(name).parameters), "--file", str(log))


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("n > 1", [2, 3]),
        ("n = 2", [2]),
        ("n != 2", [1, 3]),
        ("n < 2 or n > 2", [1, 3]),
        ('s in ["a", "b"] and n > 1', [2]),
        ("s like /^c/", [3]),
        ("ispresent(missing)", []),
        ('deep.value = "x"', [3]),
        ("missing != 1", []),
    ],
)
def test_a_filter_keeps_the_lines_for_which_its_condition_holds(condition: str, found: list[int]) -> None:
    lines = [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}, {"n": 3, "s": "c", "deep": {"value": "x"}}]
    assert [row["n"] for row in run(f"filter {condition} | fields n", lines)] == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("parse @message 'x'", "the command 'parse' is not supported locally"),
        ("stats avg(n)", "the function 'avg' is not supported locally"),
        ("filter n ~ 1", "is not supported locally"),
        ("filter n = red", "'red' is neither a number nor quoted text"),
    ],
)
def test_what_the_interpreter_does_not_support_is_an_error(query: str, message: str) -> None:
    with pytest.raises(CommandError, match=message.replace("(", r"\(")):
        run(query, [{"n": 1}])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "valid: claimed-never-finished, "),
        (["record-trail", "workflow=metadata"], "needs record_id=…"),
        (["ticks", "speed=9"], "no parameter speed"),
        (["correlation-trail", 'correlation_id=a" or "1" = "1'], "letters, digits"),
        (["ticks", "fast"], "'fast': name=value is needed"),
        (["ticks", "--since", "soon"], "--since 'soon': valid are"),
        (["ticks", "--file", "/no/such/file"], "No such file"),
    ],
)
def test_a_mistake_is_answered_with_what_is_valid(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_a_query_all_are_listed_with_their_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} " in out and Query.named(name).purpose in out for name in names())


def test_a_row_too_wide_for_the_terminal_becomes_a_block_and_no_value_is_cut(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    query = Query.named("record-trail").with_values({"workflow": "metadata", "record_id": "7"})
    rows = run(query, lines_of(log.read_text()))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = list(show(rows))
    assert lines[0].split() == ["@timestamp", "2026-11-28", "15:49:01.120"]
    assert max(map(len, lines)) <= 80
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert len(list(show(rows))) == 1 + len(rows)


def test_values_replace_the_parameters_of_a_query() -> None:
    text = Query.named("record-trail").with_values({"workflow": "import", "record_id": "42"})
    assert 'workflow = "import" and record_id = 42' in text
    with pytest.raises(CommandError):
        Query.named("record-trail").with_values({})


def test_the_log_groups_of_a_stages_own_functions_are_queried_until_the_answer_is_complete() -> None:
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


def test_a_line_separator_inside_a_json_line_does_not_end_it() -> None:
    (line,) = lines_of('{"reason": "a\u2028b"}\n')
    assert line["reason"] == "a\u2028b"
