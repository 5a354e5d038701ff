"""A saved query: its text, its purpose, and its parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.commands.scrapersky.errors import InvalidCommand

FOLDER = Path(__file__).resolve().parents[4] / "infra" / "queries"
PARAMETER = re.compile(r"\{\{(\w+)\}\}")
VALUE = re.compile(r"[\w.:/@-]{1,200}")


@dataclass(frozen=True)
class Query:
    """The saved query ``name``."""

    name: str
    text: str

    @classmethod
    def named(cls, name: str) -> "Query":
        """Read it. Raises :class:`CommandError` naming the saved queries."""
        if name not in names():
            raise InvalidCommand(f"there is no query {name!r}; valid: {', '.join(names())}")
        return cls(name, (FOLDER / f"{name}.txt").read_text())

    @property
    def purpose(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that need a value."""
        return tuple(dict.fromkeys(PARAMETER.findall(self.text)))

    def with_values(self, values: Mapping[str, str]) -> str:
        """Return its text, ready to run. Raises :class:`CommandError` unless exactly its parameters have values.

        A value cannot contain a character that would end the query's quoted text.
        """
        if missing := [name for name in self.parameters if name not in values]:
            raise InvalidCommand(f"query {self.name} needs {' '.join(f'{name}=…' for name in missing)}")
        if unknown := sorted(values.keys() - set(self.parameters)):
            raise InvalidCommand(f"query {self.name} has no parameter {', '.join(unknown)}")
        for name, value in values.items():
            if not VALUE.fullmatch(value):
                raise InvalidCommand(f"{name}={value!r}: valid are letters, digits and . : / @ -")
        return PARAMETER.sub(lambda match: values[match[1]], self.text)


def names() -> list[str]:
    """Return the names of all saved queries."""
    return sorted(file.stem for file in FOLDER.glob("*.txt"))
