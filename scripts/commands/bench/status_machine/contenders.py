"""The contenders, and what each guarantees for a record."""

import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.commands.bench import peers


@dataclass(frozen=True)
class Contender:
    """``module`` has its functions."""

    name: str
    module: str
    ours: bool = False
    batch: int = 1  #: records whose ends are saved together, and are repeated after a crash
    like: str = ""  #: our contender that risks as much in a crash, to compare with
    grows: bool = True  #: whether its claims are measured as the queue grows, too

    @property
    def claimed(self) -> int:
        """Return the records that one measured claim takes."""
        return 1 if self.batch == 1 else 50

    @property
    def path(self) -> str:
        """Return the module's full name."""
        return f"scripts.commands.bench.status_machine.{self.module}"

    def python(self) -> Path:
        """Return the interpreter it runs on."""
        return Path(sys.executable) if self.ours else peers.python()


OURS = Contender("ours, by tens", "ours", ours=True, batch=10, grows=False)
OURS_BY_FIFTIES = Contender("ours, by fifties", "ours", ours=True, batch=50)
WHOLE = Contender("ours, the whole runtime, by tens", "ours_runtime", ours=True, batch=10, grows=False)
PLAIN = Contender("plain SKIP LOCKED loop", "plain", like=OURS.name)
PROCRASTINATE = Contender("procrastinate", "procrastinate_queue", like=OURS.name)
PGQUEUER = Contender("pgqueuer, by tens", "pgqueuer_queue", batch=10, like=OURS.name, grows=False)
PGQUEUER_BY_FIFTIES = Contender("pgqueuer, by fifties", "pgqueuer_queue", batch=50, like=OURS_BY_FIFTIES.name)

ALL: tuple[Contender, ...] = (
    OURS, PGQUEUER, OURS_BY_FIFTIES, PGQUEUER_BY_FIFTIES, WHOLE, PROCRASTINATE, PLAIN
)  # fmt: skip
