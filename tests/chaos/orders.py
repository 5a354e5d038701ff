"""Orders: at which named point an invocation's environment dies or freezes, drawn from the seed."""

import random
from collections.abc import Mapping

from tests.chaos.event_source import Batch
from tests.chaos.plan import Plan
from tests.chaos.points import IN_A_BATCH, IN_A_DEAD_LETTER, IN_A_TICK, WHERE_A_WORKER_MAY_FREEZE, Deed, Order

PER_RECORD = frozenset({"mid-job"})
PER_SAVING = frozenset({"before finish", "after finish", "before commit", "in commit", "after commit"})
"""Results that end together are saved together: a batch comes by these points once or twice, however many records it has."""
PER_SEND = frozenset({"before send", "after send"})


class Orders:
    """Draws the orders of each invocation. ``kills`` tells how many have died at each point, ``tick: after send``."""

    def __init__(self, plan: Plan, kills: Mapping[str, int]) -> None:
        self._plan = plan
        self._kills = kills
        self._rng = random.Random(f"{plan.seed}:orders")

    def of_a_tick(self) -> list[Order]:
        """Mostly none."""
        return self._kill("tick", IN_A_TICK, self._plan.kill_in_a_tick)

    def of_a_dead_letter(self) -> list[Order]:
        """Mostly none."""
        return self._kill("letters", IN_A_DEAD_LETTER, self._plan.kill_in_a_dead_letter)

    def of_a_batch(self, batch: Batch, may_freeze: bool) -> list[Order]:
        """Mostly none; always death before the start when one of the messages is cursed."""
        for message in batch.messages:
            curse = random.Random(f"{self._plan.seed}:cursed {message.message_id}")
            if curse.random() < self._plan.cursed_message:
                return [Order("before start", Deed.KILL)]
        if may_freeze and self._rng.random() < self._plan.freeze:
            return [self._in_a_batch(self._rng.choice(WHERE_A_WORKER_MAY_FREEZE), Deed.HOLD, len(batch.messages))]
        if self._rng.random() < self._plan.kill_in_a_batch:
            return [self._in_a_batch(self._point("batch", IN_A_BATCH), Deed.KILL, len(batch.messages))]
        return []

    def _kill(self, kind: str, points: tuple[str, ...], rate: float) -> list[Order]:
        if self._rng.random() >= rate:
            return []
        point = self._point(kind, points)
        return [Order(point, Deed.KILL, self._rng.randint(1, 3) if point in PER_SEND else 1)]

    def _point(self, kind: str, points: tuple[str, ...]) -> str:
        """Every other time where fewest have died yet, so that no point, however rarely it is reached, is left out."""
        if self._rng.random() < 0.5:
            return min(points, key=lambda point: self._kills.get(f"{kind}: {point}", 0))
        return self._rng.choice(points)

    def _in_a_batch(self, point: str, deed: Deed, messages: int) -> Order:
        if point in PER_SAVING:
            return Order(point, deed, self._rng.choice((1, 1, 2)))
        return Order(point, deed, self._rng.randint(1, max(1, messages // 2)) if point in PER_RECORD else 1)
