"""Named points: where an execution environment can be killed or held, found by the statements that the real code runs.

Production code knows nothing of this. SQLAlchemy tells the engine's listeners each statement before and after it runs, and
the statements are the templates of the verbs themselves, so a point cannot drift away from what it names.
"""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, event

from scrapersky.runtime.registry import METADATA
from scrapersky.status import claim, dead_letter, finish, recover, release, start

VERBS: Mapping[str, str] = {
    METADATA.sql(claim.CLAIM_BY_TENANT): "claim",
    METADATA.sql(recover.RECOVER): "recover",
    METADATA.sql(release.RELEASE): "release",
    METADATA.sql(dead_letter.DEAD_LETTER): "dead letter",
    start.START.text: "start",
    **{
        METADATA.sql(statement): "finish"
        for statement in (finish.COMPLETE, finish.COMPLETE_ALL, finish.FAIL, finish.SNOOZE, finish.RETRY)
    },
}
"""Statement → the verb it is."""

IN_A_TICK = (
    "before recover",
    "after recover",
    "before claim",
    "after claim",
    "before send",
    "after send",
    "before answer",
)
IN_A_BATCH = (
    "before start",
    "after start",
    "mid-job",
    "before finish",
    "after finish",
    "before commit",
    "in commit",
    "after commit",
    "before answer",
)
IN_A_DEAD_LETTER = ("before dead letter", "after dead letter")
WHERE_A_WORKER_MAY_FREEZE = ("after start", "mid-job", "before finish", "before commit", "before answer")


class Deed(StrEnum):
    """What happens at a point."""

    KILL = "kill"  #: SIGKILL, by its own hand
    HOLD = "hold"  #: nothing more until the parent says so


@dataclass
class Order:
    """Do ``deed`` at the ``times``-th time that ``point`` is reached in this invocation."""

    point: str
    deed: Deed
    times: int = 1


class Points:
    """The orders of one invocation. ``hold`` blocks until the parent lets go."""

    def __init__(self, hold: Callable[[str], None]) -> None:
        self._hold = hold
        self._orders: list[Order] = []

    def obey(self, orders: list[Order]) -> None:
        """From now on these, and no others."""
        self._orders = orders

    def reach(self, point: str) -> None:
        """The code is at ``point``."""
        match self._due(point):
            case Deed.KILL:
                die()
            case Deed.HOLD:
                self._hold(point)

    def reach_commit(self, connection: Connection) -> None:
        """A COMMIT is about to be sent. ``in commit``: it is, and nobody reads whether it came through."""
        self.reach("before commit")
        if self._due("in commit") is Deed.KILL:
            driver: Any = connection.connection.dbapi_connection
            driver._usock.sendall(b"Q\x00\x00\x00\x0bCOMMIT\x00")
            die()

    def watch(self, engine: Engine) -> None:
        """Reaches ``before …`` and ``after …`` of each verb and each COMMIT on ``engine``."""

        @event.listens_for(engine, "before_execute")
        def before(_connection: Connection, clause: object, *_: object) -> None:
            if verb := verb_of(clause):
                self.reach(f"before {verb}")

        @event.listens_for(engine, "after_execute")
        def after(_connection: Connection, clause: object, *_: object) -> None:
            if verb := verb_of(clause):
                self.reach(f"after {verb}")

        @event.listens_for(engine, "before_cursor_execute")
        def before_commit(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if statement == "COMMIT":
                self.reach_commit(connection)

        @event.listens_for(engine, "after_cursor_execute")
        def after_commit(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if statement == "COMMIT":
                self.reach("after commit")

    def _due(self, point: str) -> Deed | None:
        for order in self._orders:
            if order.point == point:
                order.times -= 1
                if order.times == 0:
                    return order.deed
        return None


def verb_of(clause: object) -> str | None:
    """The verb whose statement ``clause`` is, if any."""
    return VERBS.get(clause.text) if isinstance(clause, TextClause) else None


def die() -> None:
    """As the kernel's out-of-memory killer would: no exception, no cleanup, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)
