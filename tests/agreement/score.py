"""The results of a comparison: how often each row agreed, and every difference."""

from dataclasses import dataclass, field

EXPLANATIONS: dict[tuple[str, str], str] = {}
"""(row, where) → why we differ there. A difference without an explanation fails the tests."""


@dataclass
class Score:
    """The results of one row of a table. ``differences`` holds (where, what differs)."""

    name: str
    agreed: int = 0
    differences: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of comparisons."""
        return self.agreed + len(self.differences)

    @property
    def share(self) -> float:
        """The share of comparisons that agreed; 1 if there are none."""
        return self.agreed / self.total if self.total else 1.0

    def count(self, agrees: bool, where: str, what: str) -> None:
        """Add one comparison; ``what`` describes the difference if there is one."""
        if agrees:
            self.agreed += 1
        else:
            self.differences.append((where, what))

    @property
    def unexplained(self) -> list[tuple[str, str]]:
        """The differences without an explanation."""
        return [(where, what) for where, what in self.differences if (self.name, where) not in EXPLANATIONS]


@dataclass
class Table:
    """The scores of one kind of comparison, by row."""

    title: str
    scores: dict[str, Score] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Score:
        return self.scores.setdefault(name, Score(name))
