"""``scripts/scrapersky`` with real handlers behind an endpoint that speaks Lambda's Invoke."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from infra import ROOT
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.runtime.payloads import MODELS
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SERVICES, WORKFLOWS
from scripts.commands.scrapersky import display
from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.status import show_status
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving

COMMANDS = [*MODELS, "enqueue", "label", "suppress", "subject", "purge", "logs", "export", "doctor", "cost"]
COMMAND = [sys.executable, "-P", "-m", "scripts.commands.scrapersky"]


@dataclass
class CommandLine:
    """The command line, asking a stage named test."""

    endpoint: str
    capture: pytest.CaptureFixture[str]

    def __call__(self, command: str, *words: str) -> tuple[int, str, str]:
        """Run one command; return its exit status, its output without log lines, and its error output."""
        self.capture.readouterr()
        status = main([command, *words, "--stage", "test", "--endpoint", self.endpoint])
        captured = self.capture.readouterr()
        # The functions log to the same output here, one JSON object a line.
        out = "".join(line for line in captured.out.splitlines(keepends=True) if not line.startswith('{"'))
        return status, out, captured.err

    def json(self, command: str, *words: str) -> Any:
        """Run one command with --json; return its answer."""
        status, out, err = self(command, *words, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)


async def nothing(record: Any, ctx: Any) -> Outcome:
    """A job whose work is already done."""
    return Done("read")


def invoked(handler: Callable[[dict[str, Any], Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """Return ``handler`` as a function of the event alone."""
    return lambda event: handler(event, LambdaContext())


@pytest.fixture
def scrapersky(
    harness: Harness, environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    """The command line with all four services behind it; domain-scheduler is the harness."""
    monkeypatch.setenv("COLUMNS", "80")
    services = [
        BackgroundService(service, dict.fromkeys(service.workflows, nothing), environment)
        for service in SERVICES
        if service is not DOMAIN_SCHEDULER
    ] + [harness.service]
    handlers = {f"scrapersky-test-{one.runtime.service.name}": invoked(one.handler) for one in services}
    with serving(handlers) as endpoint:
        yield CommandLine(endpoint, capsys)
    for service in services:
        service.runtime.database.engine.dispose()


def refuse(*domains: str) -> dict[str, Callable[[Any], Outcome]]:
    """Return a behaviour in which ``domains`` answer 403."""
    return dict.fromkeys(domains, lambda _: Fail("http_403", "the site refuses"))


def test_status_shows_one_line_for_every_workflow_of_all_services(scrapersky: CommandLine, harness: Harness) -> None:
    harness.add("a.test", "b.test")
    status, out, _ = scrapersky("status")
    assert status == 0
    header, *rows = out.splitlines()
    assert header.split() == ["Workflow", "New", "Queued", "Processing", "Completed", "Error", "Due", "Tick", "State"]
    assert [row.split()[0] for row in rows] == list(WORKFLOWS)
    assert rows[0].split()[:5] == ["metadata", "0", "2", "0", "0"]
    assert {row.split()[-1] for row in rows} == {"ok"}


def test_status_shows_ages_instead_of_timestamps(scrapersky: CommandLine, harness: Harness) -> None:
    harness.add("a.test")
    harness.tick()
    harness.add("b.test")
    harness.connection.execute(text("UPDATE domains SET due_at = now() - interval '90 s' WHERE domain = 'b.test'"))
    harness.connection.execute(text("UPDATE service_controls SET last_tick_at = now() - interval '3 h'"))
    _, out, _ = scrapersky("status", "metadata")
    assert out.splitlines()[1].endswith(" 1 min  3 h ok")


def test_status_fits_eighty_columns_however_many_records_there_are(scrapersky: CommandLine) -> None:
    answer = {
        "at": "2026-11-28T12:00:00+00:00",
        "workflows": {
            name: {
                "counts": dict.fromkeys(("New", "Queued", "Processing", "Completed", "Error"), 123_456_789),
                "oldest_due_seconds": 359 * 86_400,
                "last_tick_at": "2026-01-01T00:00:00+00:00",
                "paused": True,
                "invariant_breaches": [],
                "paused_until": None,
                "paused_by": "ada",
                "pause_reason": "x",
            }
            for name in WORKFLOWS
        },
    }
    table = list(show_status(answer))[: len(WORKFLOWS) + 1]
    assert max(map(len, table)) <= 80


def test_status_as_json_has_every_workflow_with_its_service(scrapersky: CommandLine) -> None:
    answer = scrapersky.json("status")
    assert list(answer["workflows"]) == list(WORKFLOWS)
    assert answer["workflows"]["deep_scan"]["service"] == "sitemap-scheduler"


def test_status_shows_who_paused_a_workflow_and_why(scrapersky: CommandLine) -> None:
    assert scrapersky.json("pause", "metadata", "--reason", "the site is down", "--actor", "ada")
    _, out, _ = scrapersky("status", "metadata")
    assert "! metadata is paused by ada: the site is down" in out
    assert scrapersky.json("resume", "--all", "--reason", "it is up")["workflows"]["metadata"]["was_paused"] is True


def test_status_of_one_workflow_shows_its_earlier_pauses(scrapersky: CommandLine) -> None:
    scrapersky("pause", "metadata", "--reason", "a bill", "--actor", "ada")
    scrapersky("resume", "metadata", "--reason", "paid", "--actor", "bob")
    scrapersky("pause", "metadata", "--reason", "too slow", "--actor", "eve", "--seconds", "60")
    _, out, _ = scrapersky("status", "metadata")
    lines = out.partition("Pauses:\n")[2].splitlines()
    assert [line.partition(" by ")[2] for line in lines] == ["eve: too slow", "ada: a bill", "bob: paid"]
    assert "Pauses:" not in scrapersky("status")[1]


def test_a_count_of_one_is_written_in_the_singular(scrapersky: CommandLine, harness: Harness) -> None:
    harness.behaviour = refuse("a.test")
    harness.add("a.test")
    harness.drain()
    assert "! metadata: 1 record in Error; see scrapersky errors metadata" in scrapersky("status")[1]
    assert "metadata: 1 record moved (1)" in scrapersky("requeue", "metadata", "a.test", "--reason", "x")[1]


def test_list_shows_id_status_age_code_and_natural_key(scrapersky: CommandLine, harness: Harness) -> None:
    harness.behaviour = refuse("a.test")
    harness.add("a.test", "b.test")
    harness.drain()
    status, out, _ = scrapersky("list", "metadata", "--status", "error")
    header, row = out.splitlines()
    assert (status, header.split(), row.split()[:2]) == (0, ["Id", "Status", "Since", "Code", "Record"], ["1", "Error"])
    assert row.endswith(" s http_403 a.test")
    assert [one["record"] for one in scrapersky.json("list", "metadata")["records"]] == ["b.test", "a.test"]
    assert "add --before 2" in scrapersky("list", "metadata", "--limit", "1")[1]
    assert scrapersky("list", "import")[1] == "import: no records\n"


def test_errors_are_grouped_by_code_over_all_workflows(scrapersky: CommandLine, harness: Harness) -> None:
    assert scrapersky("errors")[1] == "No records in Error.\n"
    harness.behaviour = refuse("a.test", "b.test")
    harness.add("a.test", "b.test")
    harness.drain()
    header, row = scrapersky("errors")[1].splitlines()
    assert header.split() == ["Workflow", "Code", "Records", "First", "Last", "Examples"]
    assert row.split()[:3] == ["metadata", "http_403", "2"]
    assert row.endswith(", b.test") or row.endswith(", a.test")
    (group,) = scrapersky.json("errors", "metadata")["workflows"]["metadata"]["errors"]
    assert group["records"] == 2


def test_enqueue_run_and_explain_find_the_service_by_the_workflow(scrapersky: CommandLine, harness: Harness) -> None:
    (record_id,) = harness.add("a.test", status="New")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "the domain is for sale")
    assert scrapersky.json("enqueue", "metadata", "a.test", "--actor", "ada")["ids"] == [record_id]
    assert scrapersky.json("run", "metadata", "--limit", "5")["workflows"]["metadata"]["claimed"] == 1
    harness.deliver(harness.receive())
    status, out, _ = scrapersky("explain", "metadata", "https://a.test/")
    assert status == 0
    for word in ("enqueued by an operator", "ada", "parked", "the domain is for sale"):
        assert word in out
    assert out.splitlines()[:2] == [
        f"metadata {record_id} is Error: parked, after 1 failure",
        "  the domain is for sale",
    ]
    assert "on scrapersky-test-domain-scheduler:$LATEST, request request-1" in out


def test_run_takes_the_records_that_are_named(scrapersky: CommandLine, harness: Harness) -> None:
    harness.add("a.test", "b.test")
    status, out, _ = scrapersky("run", "metadata", "b.test", "99")
    assert status == 1
    assert out.splitlines()[1].split() == ["metadata", "domain-scheduler", "1", "0", "2"]
    assert "  99: domains has no record 99" in out


def test_process_works_on_one_record_and_shows_its_result(scrapersky: CommandLine, harness: Harness) -> None:
    harness.add("a.test")
    assert scrapersky.json("process", "metadata", "a.test")["now"]["status"] == "Completed"


def test_requeue_by_error_code_moves_those_records(scrapersky: CommandLine, harness: Harness) -> None:
    harness.behaviour = refuse("a.test")
    harness.add("a.test", "b.test")
    harness.drain()
    status, out, _ = scrapersky("requeue", "metadata", "--error-code", "http_403", "--reason", "allowed")
    assert (status, out) == (0, "metadata: 1 record moved (1)\n")


def test_an_error_code_that_no_record_has_is_reported_with_those_present(
    scrapersky: CommandLine, harness: Harness
) -> None:
    harness.behaviour = refuse("a.test")
    harness.add("a.test")
    harness.drain()
    status, _, err = scrapersky("requeue", "metadata", "--error-code", "htp_403", "--reason", "x")
    assert status == 1
    assert err.endswith("error_code: no record with error code 'htp_403'; present: http_403 (1)\n")


def test_cancel_reports_why_a_record_was_not_moved(scrapersky: CommandLine, harness: Harness) -> None:
    (queued,) = harness.add("a.test")
    harness.add("b.test", status="New")
    status, out, _ = scrapersky("cancel", "metadata", str(queued), "b.test", "99", "--reason", "a mistake")
    assert status == 1
    assert out.splitlines() == [
        "metadata: 1 record moved (1)",
        "  b.test: is New; cancel needs Queued",
        "  99: domains has no record 99",
    ]
    assert harness.row(queued)["status"] == "New"


def test_abandon_ends_a_processing_record(scrapersky: CommandLine, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    assert scrapersky.json("abandon", "metadata", "a.test", "--reason", "stuck")["ended"] == [record_id]
    assert harness.row(record_id)["error_code"] == "abandoned"


def test_an_unknown_workflow_is_reported_with_the_valid_ones(scrapersky: CommandLine) -> None:
    status, _, err = scrapersky("status", "imports")
    assert status == 2
    assert f"there is no workflow 'imports'; valid: {', '.join(WORKFLOWS)}" in err


@pytest.mark.parametrize("name", ["deep_scan", "deep-scan", "deep scan", "Deep Scan"])
def test_a_workflow_is_found_in_each_spelling(scrapersky: CommandLine, name: str) -> None:
    assert list(scrapersky.json("status", name)["workflows"]) == ["deep_scan"]


def test_a_stage_that_is_not_deployed_is_reported_with_the_name_of_the_function(scrapersky: CommandLine) -> None:
    status = main(["status", "metadata", "--stage", "staging", "--endpoint", scrapersky.endpoint])
    err = scrapersky.capture.readouterr().err
    assert status == 1
    assert "there is no function scrapersky-staging-domain-scheduler" in err
    assert "'staging' is not deployed" in err


def test_an_endpoint_that_does_not_answer_is_one_line_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--stage", "local", "--endpoint", "http://127.0.0.1:9"]) == 1
    err = capsys.readouterr().err
    assert "http://127.0.0.1:9" in err
    assert err.count("\n") == 1


def test_stage_local_without_an_endpoint_says_where_to_find_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert main(["status", "--stage", "local"]) == 1
    assert "scripts/run --keep" in capsys.readouterr().err


def test_a_refusal_of_the_service_names_the_field(scrapersky: CommandLine) -> None:
    status, _, err = scrapersky("explain", "metadata", "999")
    assert (status, err) == (1, "scrapersky explain: record: domains has no record 999\n")
    status, out, _ = scrapersky("explain", "metadata", "x y", "--json")
    assert (status, out) == (1, "")  # the error as JSON looks like a log line and was removed


def test_a_crashed_function_is_reported_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    def crash(event: dict[str, Any]) -> Any:
        raise ConnectionError("the database is away")

    with serving({"scrapersky-test-domain-scheduler": crash}) as endpoint:
        assert main(["status", "metadata", "--stage", "test", "--endpoint", endpoint]) == 1
    assert "failed with ConnectionError: the database is away" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_all_workflows_are_paused_only_on_explicit_request(scrapersky: CommandLine, command: str) -> None:
    status, _, err = scrapersky(command, "--reason", "a test")
    assert status == 2
    assert "either a workflow or --all" in err


def test_a_requeue_without_a_filter_is_rejected_before_anything_is_sent(scrapersky: CommandLine) -> None:
    status, _, err = scrapersky("requeue", "metadata", "--reason", "a test")
    assert status == 2
    assert "no filter would mean every record" in err


@pytest.mark.parametrize("words", [["run", "--limit", "0"], ["cancel", "metadata", "1"], ["statsu"], ["status", "--x"]])
def test_an_invalid_command_is_answered_in_two_lines_and_exit_status_2(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("scrapersky")
    assert err.count("\n") == 2
    assert "Value error" not in err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_is_plain_text_within_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([]) == 0
    assert f"\n  {command} " in capsys.readouterr().out
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "``" not in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_offered_for(shell: str) -> None:
    path = shutil.which(shell)
    if not path:
        pytest.skip(f"there is no {shell} here")
    environment = {**os.environ, "_SCRAPERSKY_COMPLETE": f"source_{shell}"}
    script = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout
    assert "_SCRAPERSKY_COMPLETE" in script
    subprocess.run([path, "-n"], input=script, text=True, check=True)


def test_bash_completes_a_workflow_after_a_command() -> None:
    environment = {**os.environ, "_SCRAPERSKY_COMPLETE": "complete_bash", "COMP_WORDS": "scrapersky status de"}
    asked = {**environment, "COMP_CWORD": "2"}
    ran = subprocess.run(COMMAND, cwd=ROOT, env=asked, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["deep_scan"]


@pytest.mark.parametrize("after", [0.1, 0.3, 0.6, 1.0, 2.0])
def test_ctrl_c_ends_a_command_without_a_traceback(after: float) -> None:
    def slow(event: dict[str, Any]) -> Any:
        time.sleep(5)

    with serving({"scrapersky-test-domain-scheduler": slow}) as endpoint:
        words = ["status", "metadata", "--stage", "test", "--endpoint", endpoint]
        command = subprocess.Popen([*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(after)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=20)
    if not err or b"scripts/commands/scrapersky" in err:  # else the interpreter itself was still starting
        assert (out, err, command.returncode) == (b"", b"", -signal.SIGINT)


def test_a_closed_pipe_ends_a_command_without_a_traceback(scrapersky: CommandLine) -> None:
    command = " ".join([*COMMAND, "logs", "|", "true"])
    ran = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def test_the_doctor_checks_the_stage_that_the_other_commands_ask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPERSKY_STAGE", "elsewhere")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with serving({}) as endpoint:
        assert main(["doctor", "--json", "--endpoint", endpoint]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["checked"] == "the database and stage elsewhere"
    assert report["unchecked"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0, "–"), (42, "42 s"), (90, "1 min"), (7_200, "2 h"), (86_400 * 400, "400 d")],
)
def test_an_age_has_one_unit_and_at_most_six_characters(seconds: float | None, shown: str) -> None:
    assert display.age(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (99_999, "99,999"), (123_456, "123k"), (1_234_567, "1.2M"), (234_000_000, "234M"), (10**10, "10.0G")],
)
def test_a_count_has_at_most_six_characters(count: int, shown: str) -> None:
    assert display.number(count) == shown
