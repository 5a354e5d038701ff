"""A saved query: its text, what it is for, and its parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[4] / "infra" / "queries"
PARAMETER = re.compile(r"\{\{(\w+)\}\}")
VALUE = re.compile(r"[\w.:/@-]{1,200}")


class Mistake(ValueError):
    """The operator asked for something that cannot be; the message says what would be right."""


@dataclass(frozen=True)
class Query:
    """The saved query ``name``."""

    name: str
    text: str

    @classmethod
    def named(cls, name: str) -> "Query":
        """Reads it. Raises :class:`Mistake` naming those there are."""
        file = FOLDER / f"{name}.txt"
        if name not in names():
            raise Mistake(f"query {name!r}: one of {', '.join(names())} is right")
        return cls(name, file.read_text())

    @property
    def purpose(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that need a value."""
        return tuple(dict.fromkeys(PARAMETER.findall(self.text)))

    def with_values(self, values: Mapping[str, str]) -> str:
        """Its text, ready to run. Raises :class:`Mistake` for a missing, unknown or unreadable value."""
        self.check(values)
        return PARAMETER.sub(lambda match: values[match[1]], self.text)

    def check(self, values: Mapping[str, str]) -> None:
        """Raises :class:`Mistake` unless exactly the parameters have values that cannot end a quoted string."""
        if missing := [name for name in self.parameters if name not in values]:
            raise Mistake(f"query {self.name} needs {' '.join(f'{name}=…' for name in missing)}")
        if unknown := sorted(values.keys() - set(self.parameters)):
            raise Mistake(f"query {self.name} has no parameter {', '.join(unknown)}")
        for name, value in values.items():
            if not VALUE.fullmatch(value):
                raise Mistake(f"{name}={value!r}: letters, digits and . : / @ - are right")


def names() -> list[str]:
    """All saved queries."""
    return sorted(file.stem for file in FOLDER.glob("*.txt"))
