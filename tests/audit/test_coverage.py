"""Coverage: an audit never passes on code that it could not see."""

import ast
import json
from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit import command, statements
from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.command import main
from scripts.commands.crosswalk.audit.newer_syntax import translated
from scripts.commands.crosswalk.audit.rules import find

ROOT = Path(__file__).parents[2]

ROUTER = """
from fastapi import FastAPI

app = FastAPI()


@app.post("/pages")
def pages():
    return {}
"""
HOME_MADE = """
from framework import site


@site.get("/hidden")
def hidden():
    return {}
"""
NEWER = [
    "def first[T](values: list[T]) -> T:\n    return values[0]\n",
    "class Box[T: (int, str), *Ts](list[T]):\n    value: T\n",
    "class Box[\n    T = int,\n]:\n    value: T\n",
    "type Name = str\n",
    "type Pair[T] = tuple[T, T]\n",
    "try:\n    pass\nexcept KeyError, ValueError:\n    pass\n",
    "words = {'a': 1}\ntext = f'{words['a']:>{len('x')}} {{}} {'\\n'.join(words)}'\n",
    'text = f"{\n    len("a")\n}"\n',
    "text = t'{1}'\n",
]
STARTS = """
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()

@app.post("/pages")
def pages(tasks: BackgroundTasks):
    tasks.add_task(print)
"""


FAULTY = """
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()

@app.post("/pages")
def pages(tasks: BackgroundTasks):
    count: int = 0
    tasks.add_task(print)
"""


def project(folder: Path, **files: str) -> Path:
    (folder / "pyproject.toml").touch()
    for name, source in files.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def test_the_coverage_is_part_of_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sarif = tmp_path / "audit.sarif"
    assert main([str(project(tmp_path, app=ROUTER)), "--sarif", str(sarif)]) == 0
    assert "Coverage: 1 of 1 handlers understood (100 %)" in capsys.readouterr().out
    assert json.loads(sarif.read_text())["runs"][0]["properties"]["coverage"]["handlers_found"] == 1
    main([str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)["coverage"]["handlers_understood"] == 1


def test_an_audit_that_finds_no_route_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(project(tmp_path, app="x = 1\n"))]) == 2
    assert "no route was found" in capsys.readouterr().err


def test_an_unread_file_with_route_decorators_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(project(tmp_path, app=ROUTER, more=f"{ROUTER}\ndef broken(:\n"))]) == 2
    assert "1 unread files contain route decorators: more.py (has a syntax error" in capsys.readouterr().err


def test_an_unread_file_without_routes_is_noted_and_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(project(tmp_path, app=ROUTER, old='print "x"\n'))]) == 0
    printed = capsys.readouterr().out
    assert "old.py:1: note: is Python 2" in printed
    assert "1 file unread" in printed


def test_a_lower_coverage_than_asked_for_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(project(tmp_path, app=ROUTER, more=HOME_MADE.replace("site", "pages_of")))
    assert main([folder, "--min-coverage", "50"]) == 0
    assert "more.py:6: note: @pages_of.get('/hidden') is not understood as a route" in capsys.readouterr().out
    assert main([folder, "--min-coverage", "51"]) == 2
    assert "50 % of the handlers were understood" in capsys.readouterr().err


def test_a_helper_that_gets_the_method_of_an_unknown_router_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = HOME_MADE.replace('@site.get("/hidden")', '@protected(site.get, "/hidden")')
    assert main([str(project(tmp_path, app=ROUTER, more=hidden))]) == 0
    assert "more.py:6: note: @protected(site.get, '/hidden') is not understood as a route" in capsys.readouterr().out


def fail(*_: object) -> None:
    raise KeyError("count")


def test_a_fault_of_the_audit_costs_one_statement_and_does_not_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "annotated", fail)
    assert main([str(project(tmp_path, app=FAULTY))]) == 2
    printed = capsys.readouterr()
    assert "app.py:8: note: the audit failed here (test_coverage.py:" in printed.out
    assert "app.py:9" in printed.out
    assert "SKY203" in printed.out
    assert "1 statement not followed; app.py:8: the audit failed here" in printed.err


def test_a_fault_outside_of_a_statement_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find", fail)
    assert main([str(project(tmp_path, app=FAULTY))]) == 2
    assert "KeyError: 'count'\nThe audit itself failed" in capsys.readouterr().err


@pytest.mark.parametrize("source", NEWER)
def test_newer_syntax_is_read_and_findings_keep_their_lines(source: str, tmp_path: Path) -> None:
    (finding,) = find(analyse([project(tmp_path, app=source + STARTS)]))
    assert finding.rule.code == "SKY203"
    assert finding.place.line == source.count("\n") + STARTS.count("\n")


@pytest.mark.parametrize("folder", ["scripts", "layers"])
def test_translating_older_syntax_changes_nothing(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert ast.dump(ast.parse(translated(source))) == ast.dump(ast.parse(source)), path


def test_a_notebook_is_noted_and_fails_the_audit_when_it_contains_routes(tmp_path: Path) -> None:
    project(tmp_path, app=ROUTER)
    (tmp_path / "plain.ipynb").write_text(json.dumps({"cells": [{"source": ["x = 1\n"]}]}, indent=1))
    assert main([str(tmp_path)]) == 0
    assert [note[2] for note in analyse([tmp_path]).notes] == ["is a notebook: notebooks are not read"]
    cell = {"source": ['@app.get("/x")\n', "def x(): ..."]}
    (tmp_path / "routes.ipynb").write_text(json.dumps({"cells": [cell]}, indent=1))
    assert main([str(tmp_path)]) == 2


def test_an_import_of_a_module_that_the_tree_lacks_is_noted(tmp_path: Path) -> None:
    package = project(tmp_path, app=f"from own.present import a\nfrom own.missing import b\n{ROUTER}") / "own"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "present.py").write_text("a = 1\n")
    notes = analyse([tmp_path]).notes
    assert [(line, text) for _, line, text in notes] == [(2, "imports own.missing, which the tree lacks")]


def test_a_view_that_another_file_registers_is_understood() -> None:
    coverage = analyse([Path(__file__).parent / "fixtures" / "restx"]).coverage
    assert (coverage.handlers, coverage.found) == (2, 2)


def test_another_distribution_of_the_repository_is_followed_and_what_only_looks_like_one_is_not(tmp_path: Path) -> None:
    start = "from threading import Thread\n\n\ndef begin():\n    Thread(target=print).start()\n"
    files = {
        "lib/shared/pyproject.toml": "",
        "lib/shared/src/shared/__init__.py": "",
        "lib/shared/src/shared/work.py": start,
        "services/mail/requirements.txt": "",
        "services/mail/outside.py": start,
        "services/api/pyproject.toml": "",
        "services/api/app.py": f"import outside\nfrom shared.work import begin\n{ROUTER}".replace(
            "return {}", "return begin(), outside.begin()"
        ),
    }
    (tmp_path / ".github").mkdir()
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = find(analyse([tmp_path / "services" / "api"]))
    assert [(one.rule.code, one.place.path.name) for one in found] == [("SKY204", "work.py")]
