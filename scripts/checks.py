"""Everything that must hold before a change lands: format, lint, types, import contracts, tests. One command = CI.

``scripts/test``: all of it. ``scripts/test tests/unit -k sitemap``: only these tests.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("functions", "infra", "layers/common/python", "scripts", "tests")
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("-m", "ruff", "format", "--check", "--quiet", *SOURCES)),
    ("lint", ("-m", "ruff", "check", "--quiet", *SOURCES)),
    ("types", ("-m", "mypy", "--no-error-summary", *SOURCES)),
    ("import contracts", ("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")),
)


def main(arguments: list[str]) -> int:
    """Runs every check to its end, so that one run tells everything; returns 1 when any failed.

    The static checks run beside the tests, which leave a core idle whenever they wait, and speak when those have ended.
    """
    with ThreadPoolExecutor(1) as beside:
        chosen = [] if arguments else list(CHECKS)
        silent = [(name, beside.submit(run, command, quietly=True)) for name, command in chosen]
        print("── tests", flush=True)
        ended = [("tests", run(("-m", "pytest", *arguments), quietly=False))]
        ended += [(name, check.result()) for name, check in silent]
    for name, end in ended:
        print(f"{end.said}── {name}: {'ok' if end.code == 0 else 'FAILED'} in {end.seconds:.0f} s", flush=True)
    failed = [name for name, end in ended if end.code != 0]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


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
