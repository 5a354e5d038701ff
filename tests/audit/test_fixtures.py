"""Every fixture says in its comments what the audit finds there: nothing less, and nothing more."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit.analysis import Analysis, analyse
from scripts.commands.crosswalk.audit.effects import StatusWrite
from scripts.commands.crosswalk.audit.rules import find

FIXTURES = Path(__file__).parent / "fixtures"
PROJECTS = sorted(
    path.name for path in FIXTURES.iterdir() if path.is_dir() and path.name not in ("broken", "dev_tools")
)
"""Each is marked as a project of its own by an empty pyproject.toml, so that it is read alone; but ``powertools`` writes our
models, and is read with the repository around it."""
COMMENT = re.compile(r"# (expect|guess|route|writes): ([^#\n]*)")


def promised(project: Path, kind: str) -> Counter[tuple[str, int, str]]:
    found: Counter[tuple[str, int, str]] = Counter()
    for path in project.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for comment in COMMENT.finditer(line):
                if comment.group(1) == kind:
                    words = [comment.group(2)] if kind == "route" else comment.group(2).split(",")
                    found.update((str(path), number, word.strip()) for word in words)
    return found


@pytest.fixture(scope="module")
def analyses() -> dict[str, Analysis]:
    return {name: analyse([FIXTURES / name]) for name in PROJECTS}


@pytest.mark.parametrize("name", PROJECTS)
def test_the_findings_are_exactly_those_that_the_fixture_promises(name: str, analyses: dict[str, Analysis]) -> None:
    findings = find(analyses[name])
    for kind, guessed in (("expect", False), ("guess", True)):
        found = {(str(f.place.path), f.place.line, f.rule.code) for f in findings if f.guessed is guessed}
        wanted = set(promised(FIXTURES / name, kind))
        assert found - wanted == set(), f"false alarms ({kind})"
        assert wanted - found == set(), f"missed ({kind})"


@pytest.mark.parametrize("name", PROJECTS)
def test_routes_have_the_full_paths_that_the_fixture_promises(name: str, analyses: dict[str, Analysis]) -> None:
    found = {(str(r.place.path), r.place.line, r.name) for r, _ in analyses[name].routes}
    assert set(promised(FIXTURES / name, "route")) - found == set()


@pytest.mark.parametrize("name", PROJECTS)
def test_status_writes_are_those_that_the_fixture_promises(name: str, analyses: dict[str, Analysis]) -> None:
    found = {
        (str(effect.place.path), effect.place.line, f"{effect.model}.{effect.field}={value}")
        for _, effects in analyses[name].routes
        for effect in effects
        if isinstance(effect, StatusWrite)
        for value in effect.values
    }
    wanted = set(promised(FIXTURES / name, "writes"))
    assert wanted - found == set()
    lines = {(path, line) for path, line, _ in wanted}
    assert {one for one in found if one[:2] in lines} - wanted == set()
