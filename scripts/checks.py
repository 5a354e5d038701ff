"""Everything that must hold before a change lands: format, lint, types, import contracts, tests. One command = CI.

``scripts/test``: all of it. ``scripts/test tests/unit -k sitemap``: only these tests.
"""

import subprocess
import sys
import time
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
    """Runs every check to its end, so that one run tells everything; returns 1 when any failed."""
    chosen = [] if arguments else list(CHECKS)
    chosen.append(("tests", ("-m", "pytest", *arguments)))
    failed = []
    for name, command in chosen:
        began = time.monotonic()
        print(f"── {name}", flush=True)
        if subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
        print(f"── {name}: {'FAILED' if name in failed else 'ok'} in {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
