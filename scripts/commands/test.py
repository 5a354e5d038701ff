"""Run the checks and the tests: what must pass before a change lands, and what CI runs.

The whole suite runs in several processes, so a test may meet a machine that is busier than it expects. A few tests that fail
so are run once more, alone. Those that pass then do not fail the run, but they are listed, because they need attention.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HELP = """\
usage: scripts/test                     all checks and all tests
       scripts/test PATH … [OPTION …]   only these tests, with pytest's options

  scripts/test tests/unit/web                          one folder
  scripts/test tests/unit/web/test_urls.py -k scheme   some tests of one file

Without arguments these checks run too:
  format            ruff format --check
  lint              ruff check
  types             mypy --strict
  import contracts  import-linter: layers, no cycles (pyproject.toml)
  plain English     words that must not appear, and the width of docs

Tests that fail while others run beside them are run once more, alone.

PYTHON=python3.14 scripts/test chooses the interpreter (3.11 or newer).
Exit status: 0 everything passed; 1 something failed, and the last line says
what; 130 stopped by Ctrl-C.
"""

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("functions", "infra", "layers/common/python", "scripts", "tests")
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("-m", "ruff", "format", "--check", "--quiet", *SOURCES)),
    ("lint", ("-m", "ruff", "check", "--quiet", *SOURCES)),
    ("types", ("-m", "mypy", "--no-error-summary", *SOURCES)),
    ("import contracts", ("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")),
    ("plain English", ("-m", "scripts.commands.plain_english")),
)
SIDE_BY_SIDE = ("--cache-clear", "-n", "auto", "--maxprocesses", "4", "--no-loadscope-reorder")
ALONE = ("--last-failed", "--last-failed-no-failures", "none")
FAILED_TESTS = 1
"""pytest's exit status when tests ran and some failed; every other status does not depend on single tests."""
MOST_RUN_ALONE = 5
"""With more failures than this, chance is no explanation."""


@dataclass(frozen=True)
class Result:
    """The result of a check: exit status, the output that is still to be printed, and its duration."""

    code: int
    output: str
    seconds: float


def main(arguments: list[str]) -> int:
    """Run every check to its end, so that one run shows all problems; return the exit status.

    The static checks run beside the tests, which leave a core idle whenever they wait; they print after the tests.
    """
    if arguments and arguments[0] in {"-h", "--help"}:
        return print_help()
    python = f"Python {platform.python_version()}"
    print(f"── {python}", flush=True)
    with ThreadPoolExecutor(1) as beside:
        chosen = [] if arguments else list(CHECKS)
        silent = [(name, beside.submit(run, command, quiet=True)) for name, command in chosen]
        print("── tests", flush=True)
        results = [("tests", run(("-m", "pytest", *arguments), quiet=False) if arguments else whole_suite())]
        results += [(name, check.result()) for name, check in silent]
    for name, result in results:
        print(
            f"{result.output}── {name}: {'ok' if result.code == 0 else 'FAILED'} in {result.seconds:.0f} s", flush=True
        )
    failed = [name for name, result in results if result.code != 0]
    if failed:
        print(f"Failed on {python}: {', '.join(failed)}", file=sys.stderr)
        return 1
    print(f"── passed on {python}", flush=True)
    return 0


def print_help() -> int:
    """Print the help; the reader of a pipe may stop reading early."""
    try:
        print(HELP, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def whole_suite() -> Result:
    """Run all tests, in as many processes as there are processors, and then those that failed once more, alone."""
    first = run(("-m", "pytest", *SIDE_BY_SIDE), quiet=False)
    if first.code != FAILED_TESTS:
        return first
    failed = sorted(json.loads((ROOT / ".pytest_cache/v/cache/lastfailed").read_bytes()))
    if len(failed) > MOST_RUN_ALONE:
        return first
    print("── tests that failed beside others, alone", flush=True)
    again = run(("-m", "pytest", *ALONE), quiet=False)
    names = "".join(f"   {name}\n" for name in failed)
    output = f"── failed beside others and passed alone; find out why:\n{names}" if again.code == 0 else ""
    return Result(again.code, output, first.seconds + again.seconds)


def run(command: Sequence[str], *, quiet: bool) -> Result:
    """Run one check with this Python; ``quiet`` keeps its output for later."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        check=False,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    return Result(done.returncode, done.stdout or "", time.monotonic() - began)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
