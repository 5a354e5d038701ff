"""Fault injection into the database and its network, and what operators and manual SQL do meanwhile."""

import random
import time
from collections import Counter
from typing import Any

from sqlalchemy import Connection, text

from scripts.commands.run.postgres import Postgres
from tests.chaos.database import AdminConnection
from tests.chaos.plan import Plan
from tests.chaos.proxy import Mode, Proxy

TERMINATE = text("""
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity WHERE application_name = 'domain-scheduler' ORDER BY random() LIMIT 1) AS one
""")

ILLEGAL = (
    "UPDATE domains SET status = 'Queued' WHERE id = {id} AND status = 'Processing'",
    "UPDATE domains SET status = 'Completed' WHERE id = {id} AND status IN ('Queued', 'Processing')",
    "UPDATE domains SET status = 'Error', error_code = 'manual' WHERE id = {id} AND status = 'Processing'",
    "UPDATE domains SET status = 'Processing' WHERE id = {id} AND status <> 'Processing'",
    "UPDATE domains SET due_at = now() WHERE id = {id} AND status <> 'Queued'",
    "UPDATE domains SET due_at = NULL WHERE id = {id} AND status = 'Queued'",
    "UPDATE domains SET error = 'manual' WHERE id = {id} AND status <> 'Error'",
    "DELETE FROM domains WHERE id = {id} AND status = 'Processing'",
    "DELETE FROM attempts WHERE record_id = {id} AND finished_at IS NULL",
    "UPDATE attempts SET finished_at = now(), outcome = 'done' WHERE record_id = {id} AND finished_at IS NULL",
)
"""Statements that the database must reject. Each has its precondition, so that a lost race changes no row."""


class FaultInjector:
    """Injects the faults that are due, by the number of deliveries."""

    def __init__(self, plan: Plan, postgres: Postgres, proxy: Proxy, admin: AdminConnection) -> None:
        self._plan = plan
        self._postgres = postgres
        self._proxy = proxy
        self._admin = admin
        self._rng = random.Random(f"{plan.seed}:faults")
        self._heal_at: float | None = None
        self._next = {
            "terminate": plan.terminate_every,
            "restart": plan.restart_every,
            "black hole": plan.black_hole_every,
        }
        self.counts: Counter[str] = Counter()

    def inject(self, deliveries: int) -> None:
        """Inject what is due after ``deliveries``, and end what has lasted long enough."""
        if self._heal_at is not None and time.monotonic() >= self._heal_at:
            self.heal()
        if self._due("terminate", deliveries, self._plan.terminate_every):
            self.counts["connections cut by the server"] += self._admin.do(
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
            self._proxy.mode = self._rng.choice([Mode.BLACK_HOLE, Mode.DEAF])
            self._heal_at = time.monotonic() + self._plan.black_hole_seconds
            self.counts["connections black-holed"] += 1

    def heal(self) -> None:
        """Repair the network."""
        self._heal_at = None
        self._proxy.heal()

    def try_illegal_sql(self) -> None:
        """Try one of :data:`ILLEGAL` on a random record."""
        for record_id in self._admin.ids("true", 1):
            rejection = self._admin.rejection(self._rng.choice(ILLEGAL).format(id=record_id))
            self.counts["illegal SQL accepted" if rejection is None else f"illegal SQL: {rejection}"] += 1

    def operator_payload(self) -> dict[str, Any]:
        """Return a random payload that an operator may send."""
        audited = {"workflow": "metadata", "actor": "chaos", "reason": "chaos run"}
        match self._rng.randrange(8):
            case 0 | 1:
                return {**audited, "action": "abandon", "ids": self._admin.ids("status = 'Processing'", 3) or [1]}
            case 2 | 3:
                return {**audited, "action": "cancel", "ids": self._admin.ids("status = 'Queued'", 5) or [1]}
            case 4:
                return {**audited, "action": "pause", "seconds": 120}
            case 5:
                queued = self._admin.ids("status = 'Queued'", 1) or [1]
                return {"action": "process", "workflow": "metadata", "id": queued[0]}
            case 6:
                return {"action": "run", "workflow": "metadata", "limit": 20}
            case _:
                return {**audited, "action": "requeue", "error_code": "parked", "limit": 50}

    def _due(self, name: str, deliveries: int, every: int) -> bool:
        if deliveries < self._next[name]:
            return False
        self._next[name] += every
        return True


def requeue(ids: list[int]) -> dict[str, Any]:
    """Return the payload that queues ``ids`` again."""
    return {
        "action": "requeue",
        "workflow": "metadata",
        "ids": ids,
        "limit": len(ids),
        "reason": "another cycle",
        "actor": "chaos",
    }


def queue_records(number: int) -> Any:
    """Return an action that adds ``number`` queued records."""

    def add(connection: Connection) -> None:
        connection.execute(
            text(
                "INSERT INTO domains (domain, status) SELECT 'd' || n || '.test', 'Queued' FROM generate_series(1, :n) n"
            ),
            {"n": number},
        )

    return add
