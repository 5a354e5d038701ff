"""Coverage: an audit never passes on code that it could not see."""

import json
import sys
from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.command import main

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
    ("def first[T](values: list[T]) -> T:\n    return values[0]\n", (3, 12)),
    ("class Box[T]:\n    value: T\n", (3, 12)),
    ("type Name = str\n", (3, 12)),
    ("class Box[T = int]:\n    value: T\n", (3, 13)),
    ("try:\n    pass\nexcept KeyError, ValueError:\n    pass\n", (3, 14)),
]


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
    assert "1 files unread" in printed


def test_a_lower_coverage_than_asked_for_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(project(tmp_path, app=ROUTER, more=HOME_MADE.replace("site", "pages_of")))
    assert main([folder, "--min-coverage", "50"]) == 0
    assert "more.py:6: note: @pages_of.get('/hidden') is not understood as a route" in capsys.readouterr().out
    assert main([folder, "--min-coverage", "51"]) == 2
    assert "50 % of the handlers were understood" in capsys.readouterr().err


@pytest.mark.parametrize(("source", "version"), NEWER)
def test_newer_syntax_is_reported_with_the_python_that_it_needs(
    source: str, version: tuple[int, int], tmp_path: Path
) -> None:
    if sys.version_info >= version:
        pytest.skip("this interpreter reads it")
    analysis = analyse([project(tmp_path, app=ROUTER, newer=source)])
    ((path, _, text),) = analysis.notes
    assert path.name == "newer.py"
    assert text.startswith(f"needs Python ≥ {version[0]}.{version[1]};")


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
