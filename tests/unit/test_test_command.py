"""The command ``scripts/test``."""

import platform
import subprocess
import sys
from pathlib import Path

from scripts.commands import test as command

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with ``arguments``."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.commands.test", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_help_is_the_commands_own_and_names_every_check() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert shown.stdout == command.HELP
    for name, _ in command.CHECKS:
        assert f"\n  {name} " in command.HELP
    assert all(len(line) <= 80 for line in command.HELP.splitlines())


def test_a_path_runs_only_that_part_and_the_output_names_the_python_version() -> None:
    ran = run("tests/unit/test_plain_english.py", "-k", "hand-off")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert ran.stdout.endswith(f"── passed on Python {platform.python_version()}\n")
    assert "── lint" not in ran.stdout


def test_a_failure_is_named_in_the_last_line() -> None:
    ran = run("tests/unit/no_such_test.py")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == f"Failed on Python {platform.python_version()}: tests"
