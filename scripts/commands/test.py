"""Everything that must hold before a change lands: format, lint, types, import contracts, tests. One command = CI.

``scripts/test``: all of it. ``scripts/test tests/unit -k sitemap``: only these tests.

The whole suite runs in several processes, so a test may meet a machine that is busier than it thought of. A few that fail so
are run once more, alone; those that pass then are named, for something about them is wrong, but they fail nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("functions", "infra", "layers/common/python", "scripts", "tests")
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("-m", "ruff", "format", "--check", "--quiet", *SOURCES)),
    ("lint", ("-m", "ruff", "check", "--quiet", *SOURCES)),
    ("types", ("-m", "mypy", "--no-error-summary", *SOURCES)),
    ("import contracts", ("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")),
)
SIDE_BY_SIDE = ("--cache-clear", "-n", "auto", "--maxprocesses", "4", "--no-loadscope-reorder")
ALONE = ("--last-failed", "--last-failed-no-failures", "none")
FAILED_TESTS = 1
"""pytest's exit status when tests ran and some failed; every other is no matter of a single test."""
MOST_TRIED_ALONE = 5
"""Where more tests fail, it is not for chance."""


def main(arguments: list[str]) -> int:
    """Runs every check to its end, so that one run tells everything; returns 1 when any failed.

    The static checks run beside the tests, which leave a core idle whenever they wait, and speak when those have ended.
    """
    with ThreadPoolExecutor(1) as beside:
        chosen = [] if arguments else list(CHECKS)
        silent = [(name, beside.submit(run, command, quietly=True)) for name, command in chosen]
        print("── tests", flush=True)
        ended = [("tests", run(("-m", "pytest", *arguments), quietly=False) if arguments else whole_suite())]
        ended += [(name, check.result()) for name, check in silent]
    for name, end in ended:
        print(f"{end.said}── {name}: {'ok' if end.code == 0 else 'FAILED'} in {end.seconds:.0f} s", flush=True)
    failed = [name for name, end in ended if end.code != 0]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def whole_suite() -> End:
    """All tests, in as many processes as there are processors, and what failed there once more alone."""
    first = run(("-m", "pytest", *SIDE_BY_SIDE), quietly=False)
    if first.code != FAILED_TESTS:
        return first
    failed = sorted(json.loads((ROOT / ".pytest_cache/v/cache/lastfailed").read_bytes()))
    if len(failed) > MOST_TRIED_ALONE:
        return first
    print("── tests that failed beside others, alone", flush=True)
    again = run(("-m", "pytest", *ALONE), quietly=False)
    names = "".join(f"   {name}\n" for name in failed)
    told = f"── only beside others failed, and somebody should find out why:\n{names}" if again.code == 0 else ""
    return End(again.code, told, first.seconds + again.seconds)


@dataclass(frozen=True)
class End:
    """How a check ended; ``said`` is what it said, unless it has said so itself."""

    code: int
    said: str
    seconds: float


def run(command: Sequence[str], *, quietly: bool) -> End:
    """One check, by this Python."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        check=False,
        text=True,
        stdout=subprocess.PIPE if quietly else None,
        stderr=subprocess.STDOUT if quietly else None,
    )
    return End(done.returncode, done.stdout or "", time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
