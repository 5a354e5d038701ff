"""A mutant is the code without one guard. A trial runs its tests against it."""

import ast
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
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
LAYER = "layers/common/python/scrapersky"
COPIED = ("layers/common/python", "functions")
TEST_LIMIT_SECONDS = 150
"""A test that hangs because of a mutant has failed."""
FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) (\S+?::\S+)", re.MULTILINE)
"""A test that failed, in itself or in its fixtures: a schema that cannot be installed, an invariant that is broken."""


class AnchorError(ValueError):
    """An edit does not fit the code: the guard has moved, and the catalogue must follow."""


class Change(Protocol):
    """A change of one file."""

    @property
    def file(self) -> str:
        """The path from the project's root."""
        ...

    def apply(self, source: str) -> str:
        """Return the file's new content."""
        ...


@dataclass(frozen=True)
class Edit:
    """Replace ``text``, which must occur exactly ``times`` times in ``file``.

    ``scope`` (a function, a constant, or ``Class.method``) limits the search, so that ``text`` can be short. All
    whitespace in ``text`` is equal, so that layout does not matter.
    """

    file: str
    text: str
    replacement: str
    scope: str | None = None
    times: int = 1

    def apply(self, source: str) -> str:
        """Return ``source`` with the edit. Raise :class:`AnchorError`."""
        start, end = _span(source, self.scope)
        pattern = r"\s+".join(map(re.escape, self.text.split()))
        changed, found = re.subn(pattern, lambda _: self.replacement, source[start:end])
        if found != self.times:
            raise AnchorError(f"{self.file} {self.scope or ''}: {self.text!r} occurs {found} times, not {self.times}")
        return source[:start] + changed + source[end:]


@dataclass(frozen=True)
class Mutant:
    """The code after ``edits``, which remove ``guard``. One of ``tests`` must fail."""

    guard: str
    edits: Sequence[Change]
    tests: Sequence[str]

    def apply(self, root: Path) -> None:
        """Edit the copy of the code below ``root``. Raise :class:`AnchorError`."""
        for edit in self.edits:
            path = root / edit.file
            path.write_text(edit.apply(path.read_text()))


@dataclass(frozen=True)
class Trial:
    """``killer`` is the first test that failed. Without one, the mutant survived, or ``error`` says what went wrong."""

    mutant: Mutant
    killer: str | None
    error: str | None
    seconds: float

    @property
    def survived(self) -> bool:
        """Whether all tests passed."""
        return self.killer is None and self.error is None


def try_out(mutant: Mutant, scratch: Path) -> Trial:
    """Copy the code to ``scratch``, remove the guard, and run the mutant's tests until one fails."""
    began = time.monotonic()
    copy_code(scratch)
    mutant.apply(scratch)
    output, code = run_tests(mutant.tests, scratch)
    seconds = time.monotonic() - began
    killer = FAILED_TEST.search(output)
    if code == 1 and killer:
        return Trial(mutant, killer[1], None, seconds)
    if code == 0:
        return Trial(mutant, None, None, seconds)
    return Trial(mutant, None, f"pytest ended with {code}: {output[-1500:]}", seconds)


def copy_code(target: Path) -> None:
    """Copy the code that mutants change below ``target``."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))


def run_tests(tests: Sequence[str], code: Path) -> tuple[str, int]:
    """Run ``tests`` with the code below ``code`` instead of the project's own; return the output and the exit code."""
    path = search_path(code)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-x", "--tb=no", "-p", "no:cacheprovider",
            "-o", f"pythonpath={shlex.join(path)}", "-o", f"timeout={TEST_LIMIT_SECONDS}", *tests,
        ],
        cwd=ROOT,
        # Processes that a test starts find the mutant by the environment.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr, done.returncode


def search_path(code: Path) -> list[str]:
    """Return Python's search path for the project's tools and the code below ``code``."""
    return [str(ROOT), *(str(code / folder) for folder in ("functions", "layers/common/python"))]


def _span(source: str, scope: str | None) -> tuple[int, int]:
    if scope is None:
        return 0, len(source)
    body = ast.parse(source).body
    found: ast.stmt | None = None
    for name in scope.split("."):
        found = next((node for node in body if name in _names(node)), None)
        if found is None:
            raise AnchorError(f"nothing is named {scope}")
        body = getattr(found, "body", [])
    assert found is not None
    assert found.end_lineno is not None
    lines = source.splitlines(keepends=True)
    return len("".join(lines[: found.lineno - 1])), len("".join(lines[: found.end_lineno]))


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}
