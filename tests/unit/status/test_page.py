"""Every test that docs/explanation/status-machine.md names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "status-machine.md"
ROW = re.compile(r"^\| +(\d+) \|.*\| \[([a-z0-9 ]+)\]\((?:\.\./)+(tests/[a-z0-9_/]+\.py)\) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text())


def test_the_page_lists_all_known_traps() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 24))


@pytest.mark.parametrize(("number", "name", "file"), ROWS, ids=[number for number, _, _ in ROWS])
def test_the_test_that_detects_a_trap_exists(number: str, name: str, file: str) -> None:
    assert f"def test_{name.replace(' ', '_')}(" in (ROOT / file).read_text(), f"trap {number}"
