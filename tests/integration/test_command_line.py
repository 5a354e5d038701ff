"""``scrapersky`` against real handlers, behind an endpoint that speaks Lambda's Invoke."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SERVICES, WORKFLOWS
from scripts.commands.scrapersky.__main__ import COMMANDS, main
from scripts.commands.scrapersky.arguments import parser
from scripts.commands.scrapersky.tables import duration
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving


@dataclass
class CommandLine:
    """The command line, speaking to a stage named test."""

    endpoint: str
    capture: pytest.CaptureFixture[str]

    def __call__(self, command: str, *words: str) -> tuple[int, str, str]:
        """Runs one command; returns its exit status, what it printed, and what it complained."""
        self.capture.readouterr()
        status = main([command, *words, "--stage", "test", "--endpoint", self.endpoint])
        said = self.capture.readouterr()
        return status, said.out, said.err

    def json(self, command: str, *words: str) -> Any:
        """Runs one command with --json; returns its answer."""
        status, out, err = self(command, *words, "--json")
        assert (status, err) == (0, "")
        # The functions log to the same output here, one object a line; the answer is the indented one.
        return json.loads("{" + f"\n{out}".rpartition("\n{\n")[2])


async def nothing(record: Any, ctx: Any) -> Outcome:
    """A job that finds its work done."""
    return Done("read")


def invoked(handler: Callable[[dict[str, Any], Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """``handler`` as a function that is given its event only."""
    return lambda event: handler(event, LambdaContext())


@pytest.fixture
def scrapersky(
    harness: Harness, environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    """The command line with all four services behind it; domain-scheduler is the harness."""
    monkeypatch.setenv("COLUMNS", "200")
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


def test_status_shows_all_workflows_of_all_services_in_one_table(scrapersky: CommandLine, harness: Harness) -> None:
    harness.add("a.test", "b.test")
    status, out, _ = scrapersky("status")
    assert status == 0
    for name in WORKFLOWS:
        assert name in out
    (row,) = (line for line in out.splitlines() if line.split()[:1] == ["metadata"])
    assert row.split()[:4] == ["metadata", "domain-scheduler", "0", "2"]


def test_on_a_narrow_screen_every_workflow_still_has_one_line(
    scrapersky: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = scrapersky("status")
    first = [line.split()[0] for line in out.splitlines() if line.strip() and line.split()[-1] == "ok"]
    assert first == list(WORKFLOWS)


def test_status_as_json_has_every_workflow_with_its_service(scrapersky: CommandLine) -> None:
    answer = scrapersky.json("status")
    assert list(answer["workflows"]) == list(WORKFLOWS)
    assert answer["workflows"]["deep_scan"]["service"] == "sitemap-scheduler"


def test_status_says_who_paused_what_and_why(scrapersky: CommandLine) -> None:
    assert scrapersky.json("pause", "metadata", "--reason", "the site is down", "--actor", "ada")
    _, out, _ = scrapersky("status", "metadata")
    assert "metadata is paused by ada: the site is down" in out
    assert scrapersky.json("resume", "--all", "--reason", "it is up")["workflows"]["metadata"]["was_paused"] is True


def test_enqueue_run_and_explain_find_the_service_by_the_workflow(scrapersky: CommandLine, harness: Harness) -> None:
    (record_id,) = harness.add("a.test", status="New")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "the domain is for sale")
    assert scrapersky.json("enqueue", "metadata", str(record_id), "--actor", "ada")["ids"] == [record_id]
    assert scrapersky.json("run", "metadata", "--limit", "5")["workflows"]["metadata"]["claimed"] == 1
    harness.deliver(harness.receive())
    status, out, _ = scrapersky("explain", "metadata", str(record_id))
    assert status == 0
    for word in ("enqueued by hand", "ada", "parked", "the domain is for sale"):
        assert word in out


def test_process_works_on_one_record_and_tells_its_end(scrapersky: CommandLine, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert scrapersky.json("process", "metadata", str(record_id))["now"]["status"] == "Completed"


def test_requeue_by_error_code_moves_those_and_names_their_number(scrapersky: CommandLine, harness: Harness) -> None:
    harness.behaviour["a.test"] = lambda _: Fail("parked", "for sale")
    harness.add("a.test", "b.test")
    harness.drain()
    _, out, _ = scrapersky("requeue", "metadata", "--error-code", "parked", "--reason", "sold")
    assert "metadata: 1 moved" in out


def test_cancel_moves_what_is_queued_and_says_what_it_left_alone(scrapersky: CommandLine, harness: Harness) -> None:
    (queued,) = harness.add("a.test")
    (new,) = harness.add("b.test", status="New")
    status, out, _ = scrapersky("cancel", "metadata", str(queued), str(new), "--reason", "a mistake")
    assert status == 0
    assert "1 moved" in out
    assert f"  {new}: is New; cancel needs Queued" in out
    assert harness.row(queued)["status"] == "New"


def test_abandon_ends_what_is_processing(scrapersky: CommandLine, harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    assert scrapersky.json("abandon", "metadata", str(record_id), "--reason", "stuck")["ended"] == [record_id]
    assert harness.row(record_id)["error_code"] == "abandoned"


def test_an_unknown_workflow_is_told_with_those_that_exist(scrapersky: CommandLine) -> None:
    with pytest.raises(SystemExit, match="2"):
        scrapersky("status", "imports")
    complaint = scrapersky.capture.readouterr().err
    assert "there is no workflow 'imports'" in complaint
    assert all(name in complaint for name in WORKFLOWS)


def test_a_workflow_may_be_written_with_hyphens(scrapersky: CommandLine) -> None:
    assert list(scrapersky.json("status", "deep-scan")["workflows"]) == ["deep_scan"]


def test_a_stage_that_is_not_deployed_is_told_with_the_functions_name(scrapersky: CommandLine) -> None:
    status = main(["status", "metadata", "--stage", "staging", "--endpoint", scrapersky.endpoint])
    complaint = scrapersky.capture.readouterr().err
    assert status == 1
    assert "there is no function scrapersky-staging-domain-scheduler" in complaint
    assert "'staging' is not deployed" in complaint


def test_an_endpoint_where_nobody_listens_is_told_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--stage", "local", "--endpoint", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9" in capsys.readouterr().err


def test_stage_local_without_an_endpoint_says_where_to_find_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert main(["status", "--stage", "local"]) == 1
    assert "scripts/run --keep" in capsys.readouterr().err


def test_what_the_service_refuses_is_told_with_the_field_and_ends_with_1(scrapersky: CommandLine) -> None:
    status, _, complaint = scrapersky("explain", "metadata", "999")
    assert (status, complaint) == (1, "scrapersky explain: record: domains has no record 999\n")


def test_a_crashed_function_is_told_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    def crash(event: dict[str, Any]) -> Any:
        raise ConnectionError("the database is away")

    with serving({"scrapersky-test-domain-scheduler": crash}) as endpoint:
        assert main(["status", "metadata", "--stage", "test", "--endpoint", endpoint]) == 1
    assert "failed with ConnectionError: the database is away" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_pausing_everything_must_be_meant(scrapersky: CommandLine, command: str) -> None:
    status, _, complaint = scrapersky(command, "--reason", "a test")
    assert status == 1
    assert "either a workflow or --all" in complaint


def test_a_requeue_without_a_filter_is_refused_before_anything_is_sent(scrapersky: CommandLine) -> None:
    status, _, complaint = scrapersky("requeue", "metadata", "--reason", "a test")
    assert status == 1
    assert "an empty filter would mean every record" in complaint


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_names_every_command_and_workflow(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in (*COMMANDS, *WORKFLOWS, "--error-code", "doctor"):
        assert word in script
    if path := shutil.which(shell):
        subprocess.run([path, "-n"], input=script, text=True, check=True)


def test_bash_completes_a_workflow_after_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("there is no bash here")
    main(["completion", "bash"])
    asked = "COMP_WORDS=(scrapersky status de); COMP_CWORD=2; _scrapersky; echo ${COMPREPLY[@]}"
    script = capsys.readouterr().out + asked
    assert subprocess.run([bash], input=script, text=True, check=True, capture_output=True).stdout == "deep_scan\n"


def test_the_doctor_is_asked_through_the_same_command_line(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRAPERSKY_STAGE", raising=False)
    status = main(["doctor", "--database-url", database_url, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert {one["check"] for one in report["findings"]} == {"role_without_timeout"}
    assert (status, report["unchecked"]) == (1, [])


def test_the_doctor_looks_at_the_stage_that_the_other_commands_would_ask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPERSKY_STAGE", "elsewhere")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with serving({}) as endpoint:
        assert main(["doctor", "--json", "--endpoint", endpoint]) == 2
    assert json.loads(capsys.readouterr().out)["unchecked"]


def test_every_command_says_in_its_help_what_it_does() -> None:
    assert all(name in parser().format_help() for name in (*COMMANDS, "doctor", "completion"))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "–"), (42, "42 s"), (90, "1.5 min"), (7_200, "2.0 h"), (259_200, "3.0 d")]
)
def test_an_age_is_told_in_the_unit_that_tells_something(seconds: float, said: str) -> None:
    assert duration(seconds) == said
