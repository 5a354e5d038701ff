"""The acceptance cases in the folder ``shared/cases`` beside the checkout, one test for each input.

``CASES=DIR`` reads another folder. ``README.md`` there defines the format and the kinds; each kind has a runner here.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cases import business, system, web

FOLDER = Path(os.environ.get("CASES") or Path(__file__).parents[3] / "shared" / "cases")
FILES = sorted(FOLDER.glob("case-*.json"))
Runner = Callable[[dict[str, Any], Any, pytest.FixtureRequest], object]
RUNNERS: dict[str, Runner] = {**business.RUNNERS, **web.RUNNERS, **system.RUNNERS}


def inputs() -> list[Any]:
    """Return the input of each file and its guards, with the name of the file."""
    found = []
    for file in FILES:
        case = json.loads(file.read_text(encoding="utf-8"))
        found.append(pytest.param(case["kind"], case["input"], case["expected"], id=file.stem))
        for number, guard in enumerate(case.get("guards", ()), 1):
            name = f"{file.stem}-guard-{number}"
            found.append(pytest.param(case["kind"], guard["input"], guard["expected"], id=name))
    return found


@pytest.mark.skipif(not FILES, reason=f"{FOLDER} has no case-*.json; CASES=DIR names the folder")
@pytest.mark.parametrize(("kind", "given", "expected"), inputs())
def test_case(kind: str, given: dict[str, Any], expected: Any, request: pytest.FixtureRequest) -> None:
    assert RUNNERS[kind](given, expected, request) == expected
