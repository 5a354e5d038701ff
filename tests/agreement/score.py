"""How often a field or a format agreed, and where it did not."""

from dataclasses import dataclass, field

from tests.agreement.reasons import reason_for


@dataclass
class Score:
    """Of one row of a table. ``wrong`` holds (where, what differs)."""

    name: str
    right: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Everything that was compared."""
        return self.right + len(self.wrong)

    @property
    def share(self) -> float:
        """Of what agreed; 1 where there is nothing."""
        return self.right / self.total if self.total else 1.0

    def count(self, agrees: bool, where: str, what: str) -> None:
        """One comparison."""
        if agrees:
            self.right += 1
        else:
            self.wrong.append((where, what))

    @property
    def unexplained(self) -> list[tuple[str, str]]:
        """The differences that nobody has given a reason for."""
        return [(where, what) for where, what in self.wrong if reason_for(self.name, where) is None]


@dataclass
class Table:
    """The scores of one kind of thing."""

    title: str
    scores: dict[str, Score] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Score:
        return self.scores.setdefault(name, Score(name))
