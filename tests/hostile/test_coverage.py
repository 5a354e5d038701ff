"""Every one of the 105 hostile inputs has a test, identified by the number in the name of the test."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
ELSEWHERE = "tests/unit/web/test_guard.py"
"""32 and 34: in this folder a public address would be connected to."""

_IN_THE_NAME = re.compile(r"::test_(\d{1,3})_")
_IN_THE_CASE = re.compile(r"\[(\d{1,3})(?:-[a-z0-9.-]+)?\]$")
"""A case has a number unless its test has one. Status codes such as ``[200]`` are above 105 and do not count."""


def test_every_hostile_input_has_a_test() -> None:
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=--import-mode=importlib"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    listing = subprocess.run(
        [*collect, "tests/hostile", ELSEWHERE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    tests: dict[int, list[str]] = defaultdict(list)
    for line in listing.stdout.splitlines():
        if number := _IN_THE_NAME.search(line) or _IN_THE_CASE.search(line):
            tests[int(number[1])].append(line)
    assert [number for number in range(1, 106) if number not in tests] == []
