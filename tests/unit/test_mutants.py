"""The catalogue of mutants: each fits the code, changes it into valid code, and names existing tests."""

import ast
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import LAYER, ROOT, AnchorError, Edit, Mutant, try_out
from tests.mutants.runtime_guards import SAVED_ALONE


@pytest.mark.parametrize("mutant", [*MUTANTS, SAVED_ALONE], ids=lambda mutant: mutant.guard)
def test_a_mutant_changes_the_present_code_into_other_valid_code(mutant: Mutant) -> None:
    sources = {edit.file: (ROOT / edit.file).read_text() for edit in mutant.edits}
    changed = dict(sources)
    for edit in mutant.edits:
        changed[edit.file] = edit.apply(changed[edit.file])
    for file, source in sources.items():
        assert ast.dump(ast.parse(changed[file])) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_the_tests_of_a_mutant_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        functions = {
            node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)
        }
        assert not name or name in functions


def test_every_guard_has_its_own_name() -> None:
    assert len({mutant.guard for mutant in MUTANTS}) == len(MUTANTS)


SOURCE = """
LIMIT = '''
SELECT 1
FROM   a
'''

class Worker:
    def run(self) -> int:
        return 1

    def stop(self) -> int:
        return 1
"""


def test_an_edit_is_limited_to_its_scope_and_ignores_layout() -> None:
    changed = Edit("a.py", "return 1", "return 2", "Worker.stop").apply(SOURCE)
    assert changed == SOURCE.replace("return 1\n", "return 2\n").replace("return 2", "return 1", 1)
    assert "SELECT 2\n'''" in Edit("a.py", "SELECT 1 FROM a", "SELECT 2", "LIMIT").apply(SOURCE)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("a.py", "return 3", ""), "occurs 0 times, not 1"),
        (Edit("a.py", "return 1", ""), "occurs 2 times, not 1"),
        (Edit("a.py", "return 1", "", "Worker.start"), "nothing is named Worker.start"),
    ],
)
def test_an_edit_that_does_not_fit_the_code_is_rejected(edit: Edit, message: str) -> None:
    with pytest.raises(AnchorError, match=message):
        edit.apply(SOURCE)


TINY = """
from scrapersky.status.sql import error_text

def test_a_reason_is_truncated():
    assert len(error_text("a" * 5000)) == 1024
"""
SQL = f"{LAYER}/status/sql.py"
GUARD = Edit(SQL, "shorten(clean, MAX_ERROR_LENGTH)", "clean")
NO_GUARD = Edit(SQL, "scrapersky.reason", "scrapersky.why")


@pytest.mark.parametrize(
    ("edit", "tests", "killed", "error"),
    [(GUARD, TINY, True, False), (NO_GUARD, TINY, False, False), (GUARD, "import missing_module", False, True)],
    ids=["killed", "survived", "error"],
)
def test_a_trial_distinguishes_killed_survived_and_error(
    tmp_path: Path, edit: Edit, tests: str, killed: bool, error: bool
) -> None:
    (tmp_path / "test_tiny.py").write_text(tests)
    trial = try_out(Mutant("truncated", (edit,), (str(tmp_path / "test_tiny.py"),)), tmp_path / "code")
    assert (trial.killer is not None, trial.error is not None) == (killed, error), trial
