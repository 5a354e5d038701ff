"""The catalogue of mutants: each still fits the code, still makes code, and names tests that are there."""

import ast
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import LAYER, Mutant, Rotten
from tests.mutants.trial import ROOT, try_out


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_a_mutant_changes_the_code_as_it_is_now_into_other_code(mutant: Mutant) -> None:
    for file in {file for file, _, _ in mutant.changes}:
        source = (ROOT / file).read_text()
        changed = mutant.changed(file, source)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_a_mutants_tests_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        functions = {
            node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)
        }
        assert not name or name in functions


def test_no_guard_is_named_twice() -> None:
    assert len({mutant.guard for mutant in MUTANTS}) == len(MUTANTS)


def test_a_text_that_is_not_in_the_code_is_refused() -> None:
    with pytest.raises(Rotten, match="0 times"):
        Mutant("gone", ((f"{LAYER}/status/start.py", "no such text", ""),), ()).apply(ROOT)


TINY = """
from scrapersky.status.finish import shortened

def test_a_reason_is_shortened():
    assert len(shortened("a" * 5000)) == 1024
"""
FINISH = f"{LAYER}/status/finish.py"
GUARD = (FINISH, "clean if len(clean) <= MAX_ERROR_LENGTH", "clean if True")
NO_GUARD = (FINISH, "comes too late and is", "comes very late and is")


@pytest.mark.parametrize(
    ("change", "tests", "killed", "trouble"),
    [(GUARD, TINY, True, False), (NO_GUARD, TINY, False, False), (GUARD, "import nothing_there", False, True)],
    ids=["killed", "survived", "trouble"],
)
def test_a_trial_tells_a_killed_mutant_from_a_survivor_and_from_trouble(
    tmp_path: Path, change: tuple[str, str, str], tests: str, killed: bool, trouble: bool
) -> None:
    (tmp_path / "test_tiny.py").write_text(tests)
    trial = try_out(Mutant("shortened", (change,), (str(tmp_path / "test_tiny.py"),)), tmp_path / "code")
    assert (trial.killer is not None, trial.trouble is not None) == (killed, trouble), trial
