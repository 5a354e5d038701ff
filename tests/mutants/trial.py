"""A trial: the tests of one mutant, run against a copy of the code without its guard."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("layers/common/python", "functions")
TEST_LIMIT_SECONDS = 60
"""A test that a mutant hangs has failed."""
KILLER = re.compile(r"^FAILED (\S+?::\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """``killer`` is the first test that failed; None means that the mutant survived, or ``trouble`` says what else."""

    mutant: Mutant
    killer: str | None
    trouble: str | None
    seconds: float


def copy_code(target: Path) -> None:
    """The code that mutants are made of, below ``target``."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))


def try_out(mutant: Mutant, scratch: Path) -> Trial:
    """Copies the code to ``scratch``, removes the guard, runs the mutant's tests until one fails."""
    began = time.monotonic()
    copy_code(scratch)
    mutant.apply(scratch)
    told, code = run_tests(mutant.tests, scratch)
    seconds = time.monotonic() - began
    killer = KILLER.search(told)
    if code == 1 and killer:
        return Trial(mutant, killer[1], None, seconds)
    if code == 0:
        return Trial(mutant, None, None, seconds)
    return Trial(mutant, None, f"pytest ended with {code}: {told[-1500:]}", seconds)


def run_tests(tests: Sequence[str], code: Path) -> tuple[str, int]:
    """Runs ``tests`` with the code below ``code`` instead of the project's own; what was said, and the exit code."""
    path = search_path(code)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-x", "--tb=no", "-p", "no:cacheprovider",
            "-o", f"pythonpath={shlex.join(path)}", "-o", f"timeout={TEST_LIMIT_SECONDS}", *tests,
        ],
        cwd=ROOT,
        # What a test starts as a process of its own finds the mutant by the environment.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr, done.returncode


def search_path(code: Path) -> list[str]:
    """Where Python finds the project's tools, and the code below ``code``."""
    return [str(ROOT), *(str(code / folder) for folder in ("functions", "layers/common/python"))]
