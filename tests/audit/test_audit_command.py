"""The audit as CI and people run it: exit codes, the allow-list, SARIF, and code that cannot be read."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.command import main
from scripts.commands.crosswalk.audit.project import Project
from scripts.commands.crosswalk.audit.report import fingerprints
from scripts.commands.crosswalk.audit.rules import find
from tests.audit.sarif import Log

FIXTURES = Path(__file__).parent / "fixtures"
DEV_TOOLS = FIXTURES / "dev_tools"


def test_findings_exit_with_1_and_explain_the_reason_and_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(DEV_TOOLS)]) == 1
    printed = capsys.readouterr().out
    assert "dev_tools.py:11:11: SKY201 error" in printed
    assert "why " in printed
    assert "right " in printed


def test_allowed_manual_triggers_exit_with_0() -> None:
    assert main([str(DEV_TOOLS), "--allow", str(DEV_TOOLS / "allow.toml")]) == 0


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('code = "SKY201"\npath = "routers/dev_tools.py"\nroute = "POST *"', "SKY401"),
        ('code = "SKY201"\npath = "routers/dev_tools.py"\nreason = "no route and no function"', "SKY401"),
        ('code = "SKY999"\npath = "*"\nroute = "*"\nreason = "no such code"', "SKY401"),
        ('code = "SKY203"\npath = "*"\nroute = "*"\nreason = "nothing needs it"', "SKY402"),
    ],
)
def test_an_entry_without_reason_or_use_is_itself_a_finding(
    entry: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    allow = tmp_path / "allow.toml"
    allow.write_text((DEV_TOOLS / "allow.toml").read_text() + f"\n[[allow]]\n{entry}\n")
    assert main([str(DEV_TOOLS), "--allow", str(allow), "--json"]) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]] == [code]


def test_an_entry_without_reason_allows_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allow = tmp_path / "allow.toml"
    allow.write_text('[[allow]]\ncode = "SKY201"\npath = "*"\nroute = "*"\n')
    assert main([str(DEV_TOOLS), "--allow", str(allow), "--json"]) == 1
    codes = {one["code"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert codes == {"SKY201", "SKY202", "SKY401"}


def test_an_invalid_allow_list_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allow = tmp_path / "allow.toml"
    allow.write_text("[[allow]\n")
    assert main([str(DEV_TOOLS), "--allow", str(allow)]) == 2
    assert "allow.toml" in capsys.readouterr().err


def test_sarif_has_what_code_scanning_requires(tmp_path: Path) -> None:
    sarif = tmp_path / "audit.sarif"
    main([str(DEV_TOOLS), "--sarif", str(sarif)])
    written = json.loads(sarif.read_text())
    assert written["version"] == "2.1.0"
    (run,) = written["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == 2
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        location = result["locations"][0]["physicalLocation"]
        assert not location["artifactLocation"]["uri"].startswith("/")
        assert location["region"]["startLine"] > 0


@pytest.mark.parametrize("folder", sorted(path.name for path in FIXTURES.iterdir()))
def test_sarif_follows_its_schema(folder: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.sarif"
    main([str(FIXTURES / folder), "--sarif", str(file)])
    (run,) = Log.model_validate_json(file.read_text()).runs
    names = [rule.id for rule in run.tool.driver.rules]
    assert len(set(names)) == len(names)
    assert all(names[result.ruleIndex] == result.ruleId for result in run.results)
    assert all(result.partialFingerprints for result in run.results)


def test_an_unknown_property_in_sarif_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "audit.sarif"
    main([str(DEV_TOOLS), "--sarif", str(file)])
    written = json.loads(file.read_text())
    written["runs"][0]["results"][0]["because"] = "we say so"
    with pytest.raises(ValueError, match="because"):
        Log.model_validate(written)


def test_code_that_cannot_be_read_is_noted_and_the_rest_is_audited(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FIXTURES / "broken"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {Path(note["file"]).name for note in printed["notes"]} >= {"python2.py", "not_utf8.py", "deep.py"}
    assert [route["path"] for route in printed["routes"]] == ["/endless"]


def test_pipes_broken_links_and_circular_links_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1\n")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "broken.py").symlink_to("nowhere.py")
    (tmp_path / "again").symlink_to(tmp_path)
    assert Project([tmp_path]).chosen == [tmp_path / "app.py"]


def test_the_error_for_a_missing_path_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no/such/folder"]) == 2
    assert "no/such/folder" in capsys.readouterr().err


def test_a_finding_names_the_handler_and_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sarif = tmp_path / "audit.sarif"
    main([str(DEV_TOOLS), "--sarif", str(sarif)])
    assert "trigger (routers/dev_tools.py:10)" in capsys.readouterr().out
    (run,) = json.loads(sarif.read_text())["runs"]
    base = run["originalUriBaseIds"]["SRCROOT"]["uri"].removeprefix("file://")
    (handler,) = run["results"][0]["relatedLocations"]
    place = handler["physicalLocation"]
    assert (Path(base) / place["artifactLocation"]["uri"]).is_file()
    assert place["region"]["startLine"] == 10
    assert handler["message"]["text"].startswith("handler trigger of POST ")


@pytest.mark.parametrize("folder", ["structured", "starts", "gets"])
def test_fingerprints_are_unique_and_do_not_depend_on_lines(folder: str) -> None:
    findings = find(analyse([FIXTURES / folder]))
    marks = list(fingerprints(findings, FIXTURES / folder).values())
    assert len(set(marks)) == len(findings) > 0
    for finding in findings:
        finding.place = replace(finding.place, line=finding.place.line + 7)
    assert list(fingerprints(findings, FIXTURES / folder).values()) == marks


def test_a_baseline_hides_known_findings_and_no_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = tmp_path / "baseline.json"
    assert main([str(DEV_TOOLS), "--write-baseline", str(baseline)]) == 0
    assert main([str(DEV_TOOLS), "--baseline", str(baseline)]) == 0
    known = json.loads(baseline.read_text())["findings"]
    baseline.write_text(json.dumps({"findings": known[1:]}))
    capsys.readouterr()
    assert main([str(DEV_TOOLS), "--baseline", str(baseline), "--json"]) == 1
    assert [one["fingerprint"] for one in json.loads(capsys.readouterr().out)["findings"]] == known[:1]
    baseline.write_text("[]")
    assert main([str(DEV_TOOLS), "--baseline", str(baseline)]) == 2


def test_a_finding_about_an_unknown_object_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FIXTURES / "unknown_objects"), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    levels = {(one["code"], one["level"], "unknown object" in one["title"]) for one in findings}
    assert levels == {("SKY102", "note", True), ("SKY102", "error", False), ("SKY101", "error", False)}


def test_a_function_that_may_be_a_queue_is_noted_until_the_vocabulary_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(FIXTURES / "unknown_objects")])
    hint = "vendor.tasks.queue_task leaves the tree from 2 routes: name it in [jobs] functions if it starts work"
    assert hint in capsys.readouterr().out
    vocabulary = tmp_path / "vocabulary.toml"
    vocabulary.write_text('[jobs]\nfunctions = ["vendor.tasks.queue_task"]\n')
    main([str(FIXTURES / "unknown_objects"), "--vocabulary", str(vocabulary)])
    printed = capsys.readouterr().out
    assert hint not in printed
    assert printed.count("SKY201") == 2
