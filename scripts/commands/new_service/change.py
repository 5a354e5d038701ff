"""One file to be written, or one to be changed."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """``path`` from the project's root; ``before`` is None for a file that is not there yet."""

    path: Path
    after: str
    before: str | None = None

    def diff(self) -> str:
        """The change as a unified diff."""
        old = "" if self.before is None else self.before
        lines = difflib.unified_diff(
            old.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            fromfile="/dev/null" if self.before is None else f"a/{self.path}",
            tofile=f"b/{self.path}",
        )
        return "".join(lines)


def inserted(text: str, places: Sequence[tuple[int, str]]) -> str:
    """``text`` with each string put in before its line (counted from 1; one beyond the last appends)."""
    lines = text.splitlines(keepends=True)
    for line, wanted in sorted(places, key=lambda place: -place[0]):
        lines.insert(line - 1, wanted)
    return "".join(lines)
