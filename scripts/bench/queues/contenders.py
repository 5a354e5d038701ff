"""Who takes part, and what each one does for a record."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import peers


@dataclass(frozen=True)
class Contender:
    """``module`` holds its verbs; ``promises`` is what its user gets, for the table."""

    name: str
    module: str
    promises: str
    ours: bool = False
    claims: int = 1  #: records that one claim takes, where there are as many

    @property
    def path(self) -> str:
        """The module's full name."""
        return f"scripts.bench.queues.{self.module}"

    def python(self) -> Path:
        """The interpreter it runs on."""
        return Path(sys.executable) if self.ours else peers.python()


OURS = Contender("ours (the verbs)", "ours", "fence, attempts, audit, guard in the database", ours=True, claims=50)
WHOLE = Contender(
    "ours (the whole runtime)", "ours_runtime", "the same, with tickets, deadlines, logs, metrics", ours=True
)
PLAIN = Contender("plain SKIP LOCKED loop", "plain", "nothing: no fence, no history, no recovery")
PROCRASTINATE = Contender("procrastinate", "procrastinate_queue", "history by trigger; no fence")
PGQUEUER = Contender("pgqueuer", "pgqueuer_queue", "history; completions may be lost in a crash; no fence", claims=50)

ALL: tuple[Contender, ...] = (OURS, WHOLE, PROCRASTINATE, PGQUEUER, PLAIN)


def chosen(own_only: bool, tell: Callable[[str], None]) -> Sequence[Contender]:
    """All contenders, or ours alone when asked to, or when the others cannot be had; it is told when they are left out."""
    if not own_only:
        try:
            peers.python()
            return ALL
        except peers.NoPeers as problem:
            tell(f"Without the others, whose environment could not be made: {problem}")
    return [contender for contender in ALL if contender.ours]
