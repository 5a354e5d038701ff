"""One drain of one contender: its own database, the same web, and what it took."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.commands.bench.child import Child, call, together
from scripts.commands.bench.pipeline.contenders import Contender
from scripts.commands.bench.pipeline.job import FILL, UNGUARDED
from scripts.commands.bench.pipeline.waiting import with_waiting
from scripts.commands.bench.spread import percentile
from scripts.commands.bench.stage import Stage, family_cpu_seconds

FACTS = """
SELECT id, md5(concat_ws('|', title, description, http_status, email_addresses::text, phone_numbers::text, tech_stack::text)),
    http_status IS NOT NULL
FROM domains ORDER BY id
"""
DONE_OURS = "SELECT extract(epoch FROM max(finished_at)) FROM attempts GROUP BY record_id"
DONE_THEIRS = """
SELECT extract(epoch FROM greatest(last_scan, updated_at)) FROM domains WHERE last_scan IS NOT NULL OR status = 'Error'
"""


class WrongResult(AssertionError):
    """A contender did not finish every record, or found other facts than the others."""


@dataclass(frozen=True)
class Drained:
    """What one drain took; ``facts`` tells each record's result, ``waits`` its seconds from the start to done."""

    seconds: float
    records: int
    worker_cpu_seconds: float
    database_cpu_seconds: float
    broker_cpu_seconds: float
    web_cpu_seconds: float  #: of the server that plays the web, on the same cores; nobody's cost
    statements: int
    waits: list[float]
    facts: dict[int, str]
    read: int
    waiting_seconds: float | None

    def measures(self) -> dict[str, float]:
        """The numbers of the table."""
        cpu = self.worker_cpu_seconds + self.database_cpu_seconds + self.broker_cpu_seconds
        told = {
            "seconds": self.seconds,
            "per_second": self.records / self.seconds,
            "per_cpu_second": self.records / cpu,
            "worker_cpu_ms": 1000 * self.worker_cpu_seconds / self.records,
            "database_cpu_ms": 1000 * (self.database_cpu_seconds + self.broker_cpu_seconds) / self.records,
            "web_cpu_ms": 1000 * self.web_cpu_seconds / self.records,
            "statements": self.statements / self.records,
            "p50_seconds": percentile(self.waits, 0.5),
            "p95_seconds": percentile(self.waits, 0.95),
        }
        if self.waiting_seconds is not None:
            told["per_second_with_waiting"] = self.records / self.waiting_seconds
        return told


def drain(
    stage: Stage,
    contender: Contender,
    records: int,
    at_once: int,
    settings: Mapping[str, str],
    broker: tuple[str, int] | None,
    web: int,
) -> Drained:
    """One drain in a fresh database. Raises :class:`WrongResult` when a record is not done."""
    url = stage.database(migrated=True)
    more: dict[str, Any] = {"broker": broker[0]} if broker and contender.needs_broker else {}
    if not contender.ours:
        stage.run(url, *UNGUARDED)
        stage.run(url, FILL, records=records, status="New")
    call(contender.python(), contender.path, "prepare", url=url, records=records, **more)
    if contender.together is not None:
        more["together"] = contender.together
    stage.settle(url)
    before, broker_before = stage.read(url), family_cpu_seconds(broker[1]) if broker else 0.0
    web_before = family_cpu_seconds(web)
    children = [
        Child.start(
            contender.python(), contender.path, "work",
            url=url, records=records, settings=dict(settings), at_once=max(1, at_once // contender.workers), **more,
        )
        for _ in range(contender.workers)
    ]  # fmt: skip
    for child in children:
        child.ready()
    ((start,),) = stage.run(url, "SELECT extract(epoch FROM clock_timestamp())")
    seconds, told = together(children, ready=True)
    broker_cpu = family_cpu_seconds(broker[1]) - broker_before if broker else 0.0
    spent = stage.read(url).since(before)
    facts = stage.run(url, FACTS)
    done = [float(at) - float(start) for (at,) in stage.run(url, DONE_OURS if contender.ours else DONE_THEIRS)]
    stage.drop(url)
    if len(done) != records:
        raise WrongResult(f"{contender.name}: {len(done)} of {records} records are done")
    # Until the last record was done: how long a worker takes to notice and stop is not the drain's.
    return Drained(
        seconds=min(seconds, max(done)),
        records=records,
        worker_cpu_seconds=sum(one.cpu_seconds for one in told),
        database_cpu_seconds=spent.cpu_seconds,
        broker_cpu_seconds=broker_cpu if contender.needs_broker else 0.0,
        web_cpu_seconds=family_cpu_seconds(web) - web_before,
        statements=spent.statements,
        waits=done,
        facts={number: fact for number, fact, _ in facts},
        read=sum(1 for _, _, read in facts if read),
        waiting_seconds=with_waiting(told[0].value["batches"]) if contender.sequential else None,
    )


def job_alone(records: int, at_once: int, settings: Mapping[str, str]) -> float:
    """Processor milliseconds of one record's job with no queue and no database around it: the floor for everybody."""
    module = "scripts.commands.bench.pipeline.alone"
    told = call(sys.executable, module, "work", records=records, settings=dict(settings), at_once=at_once)
    return 1000 * told.cpu_seconds / records


def compare(truth: Drained, other: Drained, name: str, tolerance: float) -> int:
    """How many records' facts differ; a host that was only just too slow may be one. Raises :class:`WrongResult`."""
    different = sum(1 for number, fact in other.facts.items() if truth.facts.get(number) != fact)
    if different > math.ceil(tolerance * len(other.facts)):
        raise WrongResult(f"{name}: {different} of {len(other.facts)} records have other facts than ours")
    return different


def told(drains: list[Drained]) -> dict[str, list[float]]:
    """{measure: its values}."""
    all_of_them = [drained.measures() for drained in drains]
    return {name: [one[name] for one in all_of_them] for name in all_of_them[0]}


def shares(drained: Drained) -> dict[str, Any]:
    """How many of the records were read, and how many not."""
    return {"records": drained.records, "read": drained.read, "refused": drained.records - drained.read}
