"""Crash points: named places at which an environment is killed or frozen, and the choice among them.

The product has no hooks for this. SQLAlchemy calls the engine's listeners before and after each statement, and the
statements are compared with the verbs' own templates, so that a point always is where its name says.
"""

import os
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, event

from scrapersky.runtime.registry import METADATA
from scrapersky.status import claim, dead_letter, finish, pull, recover, release, start
from tests.chaos.event_source import Batch
from tests.chaos.plan import Plan

VERBS: Mapping[str, str] = {
    METADATA.sql(claim.CLAIM_BY_TENANT): "claim",
    METADATA.sql(pull.PULL_BY_TENANT): "pull",
    METADATA.sql(pull.PULL_BY_TENANT_WITH_TIME): "pull",
    METADATA.sql(recover.RECOVER): "recover",
    METADATA.sql(release.RELEASE): "release",
    METADATA.sql(dead_letter.DEAD_LETTER): "dead letter",
    start.START.text: "start",
    **{
        METADATA.sql(statement): "finish"
        for statement in (finish.COMPLETE, finish.COMPLETE_ALL, finish.FAIL, finish.SNOOZE, finish.RETRY)
    },
}
"""Statement → the verb that sends it."""

IN_TICK = (
    "before recover",
    "after recover",
    "before claim",
    "after claim",
    "before send",
    "after send",
    "before answer",
)
IN_BATCH = (
    "before start",
    "after start",
    "before pull",
    "after pull",
    "mid-job",
    "before finish",
    "after finish",
    "before commit",
    "in commit",
    "after commit",
    "before answer",
)
IN_DEAD_LETTER = ("before dead letter", "after dead letter")
FREEZABLE = ("after start", "after pull", "mid-job", "before finish", "before commit", "before answer")

PER_RECORD = frozenset({"mid-job"})
PER_SAVE = frozenset({"before finish", "after finish", "before commit", "in commit", "after commit"})
"""Results that end together are saved together: a batch passes these points once or twice, whatever its size."""
PER_SEND = frozenset({"before send", "after send"})


class Action(StrEnum):
    """What happens at a point."""

    KILL = "kill"  #: the process sends itself SIGKILL
    FREEZE = "freeze"  #: the process waits until the parent resumes it


@dataclass
class Interrupt:
    """Do ``action`` at the ``times``-th time that an invocation reaches ``point``."""

    point: str
    action: Action
    times: int = 1


class Points:
    """The interrupts of the present invocation. ``freeze`` blocks until the parent resumes the process."""

    def __init__(self, freeze: Callable[[str], None]) -> None:
        self._freeze = freeze
        self._interrupts: list[Interrupt] = []

    def set(self, interrupts: list[Interrupt]) -> None:
        """Replace the interrupts."""
        self._interrupts = interrupts

    def reach(self, point: str) -> None:
        """Do what is planned for ``point``."""
        match self._due(point):
            case Action.KILL:
                die()
            case Action.FREEZE:
                self._freeze(point)

    def reach_commit(self, connection: Connection) -> None:
        """Handle a COMMIT that is about to be sent. ``in commit``: send it and die without reading the answer."""
        self.reach("before commit")
        if self._due("in commit") is Action.KILL:
            driver: Any = connection.connection.dbapi_connection
            driver._usock.sendall(b"Q\x00\x00\x00\x0bCOMMIT\x00")
            die()

    def watch(self, engine: Engine) -> None:
        """Reach ``before …`` and ``after …`` of each verb and each COMMIT on ``engine``."""

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

    def _due(self, point: str) -> Action | None:
        for interrupt in self._interrupts:
            if interrupt.point == point:
                interrupt.times -= 1
                if interrupt.times == 0:
                    return interrupt.action
        return None


class InterruptPlan:
    """Draws the interrupts of each invocation. ``kills`` counts deaths by kind and point, ``tick: after send``."""

    def __init__(self, plan: Plan, kills: Mapping[str, int]) -> None:
        self._plan = plan
        self._kills = kills
        self._rng = random.Random(f"{plan.seed}:interrupts")

    def of_tick(self) -> list[Interrupt]:
        """Return a kill, or mostly nothing."""
        return self._kill("tick", IN_TICK, self._plan.kill_in_tick)

    def of_dead_letter(self) -> list[Interrupt]:
        """Return a kill, or mostly nothing."""
        return self._kill("dead letters", IN_DEAD_LETTER, self._plan.kill_in_dead_letter)

    def of_batch(self, batch: Batch, may_freeze: bool) -> list[Interrupt]:
        """Return a kill before the start for a poison message; otherwise a freeze, a kill, or mostly nothing."""
        for message in batch.messages:
            poison = random.Random(f"{self._plan.seed}:poison {message.message_id}")
            if poison.random() < self._plan.poison_message:
                return [Interrupt("before start", Action.KILL)]
        if may_freeze and self._rng.random() < self._plan.freeze:
            return [self._in_batch(self._rng.choice(FREEZABLE), Action.FREEZE, len(batch.messages))]
        if self._rng.random() < self._plan.kill_in_batch:
            return [self._in_batch(self._point("batch", IN_BATCH), Action.KILL, len(batch.messages))]
        return []

    def _kill(self, kind: str, points: tuple[str, ...], rate: float) -> list[Interrupt]:
        if self._rng.random() >= rate:
            return []
        point = self._point(kind, points)
        return [Interrupt(point, Action.KILL, self._rng.randint(1, 3) if point in PER_SEND else 1)]

    def _point(self, kind: str, points: tuple[str, ...]) -> str:
        """Choose the point with the fewest kills every other time, so that rarely reached points are not left out."""
        if self._rng.random() < 0.5:
            return min(points, key=lambda point: self._kills.get(f"{kind}: {point}", 0))
        return self._rng.choice(points)

    def _in_batch(self, point: str, action: Action, messages: int) -> Interrupt:
        if point in PER_SAVE:
            return Interrupt(point, action, self._rng.choice((1, 1, 2)))
        return Interrupt(point, action, self._rng.randint(1, max(1, messages // 2)) if point in PER_RECORD else 1)


def verb_of(clause: object) -> str | None:
    """Return the verb that sends ``clause``, None if no verb does."""
    return VERBS.get(clause.text) if isinstance(clause, TextClause) else None


def die() -> None:
    """End the process as the kernel's out-of-memory killer does: no exception, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)
