"""A mutant: one guard, the text that is it, and the text without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAYER = "layers/common/python/scrapersky"


class Rotten(ValueError):
    """The mutant's text does not stand in the code any more: the guard moved, and the catalogue must follow."""


@dataclass(frozen=True)
class Mutant:
    """Without ``guard``, a test of ``tests`` must fail. ``changes`` are (file, text, text instead), each found exactly once."""

    guard: str
    changes: Sequence[tuple[str, str, str]]
    tests: Sequence[str]

    def apply(self, root: Path) -> None:
        """Removes the guard from the copy of the code under ``root``. Raises :class:`Rotten`."""
        for file in {file for file, _, _ in self.changes}:
            path = root / file
            path.write_text(self.changed(file, path.read_text()))

    def changed(self, file: str, source: str) -> str:
        """``source`` of ``file`` without the guard. Raises :class:`Rotten`."""
        for of, text, instead in self.changes:
            if of != file:
                continue
            found = source.count(text)
            if found != 1:
                raise Rotten(f"{self.guard}: {file} holds {text!r} {found} times, and the catalogue wants it once")
            source = source.replace(text, instead)
        return source
