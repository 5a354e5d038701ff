"""Every one of the 105 hostile inputs has its test, told by the numbers in the tests' names."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
ELSEWHERE = "tests/unit/web/test_connector.py"
"""32 and 34: in here their public address would be dialled."""

_IN_THE_NAME = re.compile(r"::test_(\d{1,3})_")
_IN_THE_CASE = re.compile(r"\[(\d{1,3})(?:-[a-z0-9.-]+)?\]$")
"""A case is numbered unless its test is; ``[73]`` of a test of status codes is none of them, being beyond 105."""


def test_every_hostile_input_is_tested() -> None:
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=--import-mode=importlib"]
    told = subprocess.run([*collect, "tests/hostile", ELSEWHERE], cwd=ROOT, capture_output=True, text=True, check=True)
    tests: dict[int, list[str]] = defaultdict(list)
    for line in told.stdout.splitlines():
        if number := _IN_THE_NAME.search(line) or _IN_THE_CASE.search(line):
            tests[int(number[1])].append(line)
    assert [number for number in range(1, 106) if number not in tests] == []
