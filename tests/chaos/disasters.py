"""Disasters: what happens to the database and its network, and what people type into it, by deliveries made so far."""

import random
import time
from collections import Counter
from typing import Any

from sqlalchemy import Connection, text

from scripts.commands.run.postgres import Postgres
from tests.chaos.overseer import Overseer
from tests.chaos.plan import Plan
from tests.chaos.proxy import Mode, Proxy

TERMINATE = text("""
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity WHERE application_name = 'domain-scheduler' ORDER BY random() LIMIT 1) AS one
""")

ILLEGAL = (
    "UPDATE domains SET status = 'Queued' WHERE id = {id} AND status = 'Processing'",
    "UPDATE domains SET status = 'Completed' WHERE id = {id} AND status IN ('Queued', 'Processing')",
    "UPDATE domains SET status = 'Error', error_code = 'by hand' WHERE id = {id} AND status = 'Processing'",
    "UPDATE domains SET status = 'Processing' WHERE id = {id} AND status <> 'Processing'",
    "UPDATE domains SET due_at = now() WHERE id = {id} AND status <> 'Queued'",
    "UPDATE domains SET due_at = NULL WHERE id = {id} AND status = 'Queued'",
    "UPDATE domains SET error = 'by hand' WHERE id = {id} AND status <> 'Error'",
    "DELETE FROM domains WHERE id = {id} AND status = 'Processing'",
    "DELETE FROM attempts WHERE record_id = {id} AND finished_at IS NULL",
    "UPDATE attempts SET finished_at = now(), outcome = 'done' WHERE record_id = {id} AND finished_at IS NULL",
)
"""What nobody may do. Each tells its own precondition, so that losing a race for the record is no refusal."""


class Disasters:
    """Due ones happen at each :meth:`strike`."""

    def __init__(self, plan: Plan, postgres: Postgres, proxy: Proxy, overseer: Overseer) -> None:
        self._plan = plan
        self._postgres = postgres
        self._proxy = proxy
        self._overseer = overseer
        self._rng = random.Random(f"{plan.seed}:disasters")
        self._heal_at: float | None = None
        self._next = {
            "terminate": plan.terminate_every,
            "restart": plan.restart_every,
            "black hole": plan.black_hole_every,
        }
        self.counts: Counter[str] = Counter()

    def strike(self, deliveries: int) -> None:
        """Whatever is due after ``deliveries``."""
        if self._heal_at is not None and time.monotonic() >= self._heal_at:
            self.heal()
        if self._due("terminate", deliveries, self._plan.terminate_every):
            self.counts["connections cut by the server"] += self._overseer.do(
                lambda connection: int(connection.execute(TERMINATE).scalar_one())
            )
            if self._rng.random() < 0.3:
                self._proxy.cut()
                self.counts["connections cut by the network"] += 1
        if self._due("restart", deliveries, self._plan.restart_every):
            crash = self._rng.random() < 0.5
            self._postgres.restart(crash=crash)
            self.counts["Postgres crashed and recovered" if crash else "Postgres restarted"] += 1
        if self._due("black hole", deliveries, self._plan.black_hole_every):
            mode = self._rng.choice([Mode.BLACK_HOLE, Mode.DEAF])
            self._proxy.mode = mode
            self._heal_at = time.monotonic() + self._plan.black_hole_seconds
            self.counts["connections black-holed"] += 1

    def heal(self) -> None:
        """The network works again."""
        self._heal_at = None
        self._proxy.heal()

    def type_by_hand(self) -> None:
        """Somebody types an illegal statement."""
        for record_id in self._overseer.ids("true", 1):
            statement = self._rng.choice(ILLEGAL).format(id=record_id)
            refusal = self._overseer.refusal(statement)
            self.counts["illegal SQL accepted" if refusal is None else f"illegal SQL: {refusal}"] += 1

    def operate(self) -> dict[str, Any]:
        """Something an operator may do: the payload of an invocation."""
        said = {"workflow": "metadata", "actor": "chaos", "reason": "an operator under stress"}
        match self._rng.randrange(8):
            case 0 | 1:
                return {**said, "action": "abandon", "ids": self._overseer.ids("status = 'Processing'", 3) or [1]}
            case 2 | 3:
                return {**said, "action": "cancel", "ids": self._overseer.ids("status = 'Queued'", 5) or [1]}
            case 4:
                return {**said, "action": "pause", "seconds": 120}
            case 5:
                return {"action": "process", "workflow": "metadata", "id": self._one("status = 'Queued'")}
            case 6:
                return {"action": "run", "workflow": "metadata", "limit": 20}
            case _:
                return {**said, "action": "requeue", "error_code": "parked", "limit": 50}

    def _one(self, condition: str) -> int:
        return next(iter(self._overseer.ids(condition, 1)), 1)

    def _due(self, name: str, deliveries: int, every: int) -> bool:
        if deliveries < self._next[name]:
            return False
        self._next[name] += every
        return True


def requeue(ids: list[int]) -> dict[str, Any]:
    """The payload that queues ``ids`` again."""
    return {
        "action": "requeue",
        "workflow": "metadata",
        "ids": ids,
        "limit": len(ids),
        "reason": "another cycle",
        "actor": "chaos",
    }


def queue_records(number: int) -> Any:
    """Adds ``number`` queued records."""

    def add(connection: Connection) -> None:
        connection.execute(
            text(
                "INSERT INTO domains (domain, status) SELECT 'd' || n || '.test', 'Queued' FROM generate_series(1, :n) n"
            ),
            {"n": number},
        )

    return add
