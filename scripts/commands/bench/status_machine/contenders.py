"""Who takes part, and what each one does for a record."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.commands.bench import peers


@dataclass(frozen=True)
class Contender:
    """``module`` holds its verbs; ``promises`` is what its user gets, for the table."""

    name: str
    module: str
    promises: str
    ours: bool = False
    batch: int = 1  #: records whose ends are saved together: what a crash makes it do again
    like: str = ""  #: which of ours has as much at stake, and is compared with it
    grows: bool = True  #: whether its claims are measured as the queue grows, too

    @property
    def claimed(self) -> int:
        """Records that one measured claim takes."""
        return 1 if self.batch == 1 else 50

    @property
    def path(self) -> str:
        """The module's full name."""
        return f"scripts.commands.bench.status_machine.{self.module}"

    def python(self) -> Path:
        """The interpreter it runs on."""
        return Path(sys.executable) if self.ours else peers.python()


OURS = Contender(
    "ours, by tens", "ours", "fence, attempts, audit, guard in the database", ours=True, batch=10, grows=False
)
OURS_BY_FIFTIES = Contender("ours, by fifties", "ours", OURS.promises, ours=True, batch=50)
WHOLE = Contender(
    "ours, the whole runtime, by tens", "ours_runtime", "the same, with messages, deadlines, logs, metrics",
    ours=True, batch=10, grows=False,
)  # fmt: skip
PLAIN = Contender("plain SKIP LOCKED loop", "plain", "nothing: no fence, no history, no recovery", like=OURS.name)
PROCRASTINATE = Contender("procrastinate", "procrastinate_queue", "history by trigger; no fence", like=OURS.name)
PGQUEUER = Contender("pgqueuer, by tens", "pgqueuer_queue", "history; no fence", batch=10, like=OURS.name, grows=False)
PGQUEUER_BY_FIFTIES = Contender(
    "pgqueuer, by fifties", "pgqueuer_queue", PGQUEUER.promises, batch=50, like=OURS_BY_FIFTIES.name
)

ALL: tuple[Contender, ...] = (
    OURS, PGQUEUER, OURS_BY_FIFTIES, PGQUEUER_BY_FIFTIES, WHOLE, PROCRASTINATE, PLAIN
)  # fmt: skip


def chosen(own_only: bool, tell: Callable[[str], None]) -> Sequence[Contender]:
    """All contenders, or ours alone when asked to, or when the others cannot be had; it is told when they are left out."""
    if not own_only:
        try:
            peers.python()
            return ALL
        except peers.NoPeers as problem:
            tell(f"Without the others, whose environment could not be made: {problem}")
    return [contender for contender in ALL if contender.ours]
