"""The catalogue of mutants: each fits the code, changes it into valid code, and names existing tests."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.generated import generated, python_spans, sql_spans
from tests.mutants.mutant import LAYER, ROOT, AnchorError, Edit, Mutant, try_out
from tests.mutants.runtime_guards import SAVED_ALONE


@pytest.mark.parametrize("mutant", [*MUTANTS, SAVED_ALONE], ids=lambda mutant: mutant.guard)
def test_a_mutant_changes_the_present_code_into_other_valid_code(mutant: Mutant) -> None:
    sources = {edit.file: (ROOT / edit.file).read_text() for edit in mutant.edits}
    changed = dict(sources)
    for edit in mutant.edits:
        changed[edit.file] = edit.apply(changed[edit.file])
    for file, source in sources.items():
        if file.endswith(".py"):
            assert ast.dump(ast.parse(changed[file])) != ast.dump(ast.parse(source))
        else:
            assert changed[file].split() != source.split()


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


def test_every_generated_mutant_is_other_valid_code_with_a_name_and_tests_of_its_own() -> None:
    mutants = generated()
    assert len({mutant.guard for mutant in mutants}) == len(mutants) > 300
    for mutant in mutants:
        (change,) = mutant.edits
        source = (ROOT / change.file).read_text()
        assert change.apply(source) != source
        if change.file.endswith(".py"):
            ast.parse(change.apply(source))
    assert all((ROOT / test).is_file() for test in {test for mutant in mutants for test in mutant.tests})


STATEMENT = """
WITH old AS (SELECT id FROM t WHERE a = 1 AND b BETWEEN 2 AND 3 AND (c OR d IS DISTINCT FROM e) ORDER BY id)
UPDATE t SET x = least(1, 2), y = CASE WHEN a > 1 THEN 'WHERE z AND z' END -- AND a comment
FROM old JOIN u ON u.id = old.id WHERE t.id = old.id RETURNING t.id
"""


def test_each_condition_and_each_assignment_of_a_statement_is_a_mutant() -> None:
    assert [what for what, _ in sql_spans("a.sql", STATEMENT, 0, len(STATEMENT))] == [
        "a = 1 → true",
        "b BETWEEN 2 AND 3 → true",
        "(c OR d IS DISTINCT FROM e) → true",
        "c → false",
        "d IS DISTINCT FROM e → false",
        "a > 1 → false",
        "u.id = old.id → true",
        "t.id = old.id → true",
        "SET x = least(1, 2) removed",
        "SET y = CASE WHEN a > 1 THEN 'WHERE z AND z' END removed",
    ]


def test_each_check_each_condition_of_a_trigger_and_each_refusal_is_a_mutant() -> None:
    sql = """CREATE TABLE t (a int CHECK (a > 0));
        CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.a <> NEW.a) EXECUTE FUNCTION f();
        BEGIN IF NEW.a < 0 AND NEW.b THEN RAISE EXCEPTION 'no'; END IF; END"""
    assert [what for what, _ in sql_spans("a.sql", sql, 0, len(sql))] == [
        "a > 0 → true",
        "OLD.a <> NEW.a → false",
        "NEW.a < 0 → true",
        "NEW.b → true",
        "NEW.a < 0 AND NEW.b → false",
    ]


BRANCHES = """
def f(a, b):
    '''Where a and b.'''
    if a and b or not a:
        return [one for one in a or [] if one]
    return "é" if b else 0
"""


def test_each_operand_and_each_branch_of_python_is_a_mutant() -> None:
    assert [what for _, _, what, _ in python_spans("a.py", BRANCHES)] == [
        "a and b → False",
        "not a → False",
        "a → True",
        "b → True",
        "one → not",
        "a → False",
        "b → not",
    ]


TINY = """
from scrapersky.status.sql import error_text

def test_a_reason_is_truncated():
    assert len(error_text("a" * 5000)) == 1024
"""
SQL = f"{LAYER}/status/sql.py"
GUARD = Edit(SQL, "shorten(storable_text(reason), MAX_ERROR_LENGTH)", "storable_text(reason)")
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


APPLIED = """
from scrapersky.runtime.registry import IMPORT
from scrapersky.status import claim, pull
from tests.mutants.forked import apply_here
from tests.mutants.generated import generated
for mutant in generated():
    if mutant.guard == "status/claim.BY_HOST: held_until > now() → true":
        apply_here(mutant)
for statement in (claim.CLAIM_BY_HOST, pull.PULL_BY_HOST, pull.PULL_BY_HOST_WITH_TIME):
    assert "held_until" not in str(IMPORT.statement(statement))
"""


def test_a_generated_mutant_changes_the_statements_that_other_modules_build_from_it_too() -> None:
    done = subprocess.run([sys.executable, "-c", APPLIED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
