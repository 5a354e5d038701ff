"""Drain the queue once with one contender, and measure what it took."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.commands.bench.child import Child, call, family_cpu_seconds, run_together
from scripts.commands.bench.pipeline.contenders import Contender
from scripts.commands.bench.pipeline.job import FILL, UNGUARDED
from scripts.commands.bench.results import percentile
from scripts.commands.bench.server import Server

FACTS = """
SELECT id, md5(concat_ws('|', title, description, http_status, email_addresses::text, phone_numbers::text, tech_stack::text)),
    http_status IS NOT NULL
FROM domains ORDER BY id
"""
DONE_OURS = "SELECT extract(epoch FROM max(finished_at)) FROM attempts GROUP BY record_id"
DONE_THEIRS = """
SELECT extract(epoch FROM greatest(last_scan, updated_at)) FROM domains WHERE last_scan IS NOT NULL OR status = 'Error'
"""

OUT_OF_TIME = "SELECT count(*) FROM attempts WHERE code = 'out_of_time'"


class WrongResult(AssertionError):
    """A contender did not finish every record, or found other facts than ours."""


@dataclass(frozen=True)
class Drained:
    """What one drain took; ``facts`` is a hash of each record's result, ``waits`` its seconds from the start to done."""

    seconds: float
    records: int
    worker_cpu_seconds: float
    database_cpu_seconds: float  #: the broker's included
    web_cpu_seconds: float  #: of the web server on the same cores; not part of any contender's cost
    statements: int
    waits: list[float]
    facts: dict[int, str]
    read: int
    waiting_seconds: float | None
    out_of_time: int  #: our attempts that the end of their invocation stopped

    def measures(self) -> dict[str, float]:
        """Return the numbers of the table."""
        measures = {
            "seconds": self.seconds,
            "per_second": self.records / self.seconds,
            "per_cpu_second": self.records / (self.worker_cpu_seconds + self.database_cpu_seconds),
            "worker_cpu_ms": 1000 * self.worker_cpu_seconds / self.records,
            "database_cpu_ms": 1000 * self.database_cpu_seconds / self.records,
            "web_cpu_ms": 1000 * self.web_cpu_seconds / self.records,
            "statements": self.statements / self.records,
            "p50_seconds": percentile(self.waits, 0.5),
            "p95_seconds": percentile(self.waits, 0.95),
            "out_of_time": self.out_of_time / self.records,
        }
        if self.waiting_seconds is not None:
            measures["per_second_with_waiting"] = self.records / self.waiting_seconds
        return measures


def drain(
    server: Server,
    contender: Contender,
    records: int,
    at_once: int,
    settings: Mapping[str, str],
    broker: tuple[str, int] | None,
    web: int,
) -> Drained:
    """Drain a fresh database; ``web`` is the process id of the web. Raises :class:`WrongResult`."""
    brokered = broker if contender.needs_broker else None
    url, values = _prepare(server, contender, records, brokered)
    before, web_before = server.usage(url), family_cpu_seconds(web)
    broker_before = family_cpu_seconds(brokered[1]) if brokered else 0.0
    values |= {"settings": dict(settings), "at_once": max(1, at_once // contender.workers)}
    children = [Child.start(contender.python(), contender.path, "work", **values) for _ in range(contender.workers)]
    for child in children:
        child.ready()
    ((start,),) = server.run(url, "SELECT extract(epoch FROM clock_timestamp())")
    seconds, answers = run_together(children)
    broker_cpu = family_cpu_seconds(brokered[1]) - broker_before if brokered else 0.0
    used, web_cpu = server.usage(url).since(before), family_cpu_seconds(web) - web_before
    facts = server.run(url, FACTS)
    done = [float(at) - float(start) for (at,) in server.run(url, DONE_OURS if contender.ours else DONE_THEIRS)]
    ((out_of_time,),) = server.run(url, OUT_OF_TIME)
    server.drop(url)
    if len(done) != records:
        raise WrongResult(f"{contender.name}: {len(done)} of {records} records are done")
    return Drained(
        seconds=min(seconds, max(done)),  # until the last record was done, not until the worker noticed and stopped
        records=records,
        worker_cpu_seconds=sum(one.cpu_seconds for one in answers),
        database_cpu_seconds=used.cpu_seconds + broker_cpu,
        web_cpu_seconds=web_cpu,
        statements=used.statements,
        waits=done,
        facts={number: fact for number, fact, _ in facts},
        read=sum(1 for _, _, read in facts if read),
        waiting_seconds=with_waiting(answers[0].value["batches"]) if contender.sequential else None,
        out_of_time=int(out_of_time),
    )


def _prepare(
    server: Server, contender: Contender, records: int, broker: tuple[str, int] | None
) -> tuple[str, dict[str, Any]]:
    """Queue the records in a fresh database; return its url and the values for ``work``."""
    url = server.create_database(migrated=True)
    values: dict[str, Any] = {"url": url, "records": records, **({"broker": broker[0]} if broker else {})}
    if contender.ours:
        values["workflow"] = contender.workflow
    else:
        server.run(url, *UNGUARDED)
        server.run(url, FILL, records=records, status="New")
    call(contender.python(), contender.path, "prepare", **values)
    server.settle(url)
    return url, values | ({"together": contender.together} if contender.together else {})


def job_alone(records: int, at_once: int, settings: Mapping[str, str]) -> float:
    """Return the processor milliseconds per record of the job without a queue and a database: the floor for all."""
    module = "scripts.commands.bench.pipeline.job"
    answer = call(sys.executable, module, "work", records=records, settings=dict(settings), at_once=at_once)
    return 1000 * answer.cpu_seconds / records


def with_waiting(batches: Sequence[float], every: float = 60.0) -> float:
    """Return the seconds until the last batch ends when one may start only at each full ``every`` seconds, one at a time."""
    clock = ended = 0.0
    for seconds in batches:
        ended = clock + seconds
        clock = every * -(-ended // every)
    return ended


def compare(truth: Drained, other: Drained, name: str, tolerance: float) -> int:
    """Return how many records' facts differ (a host at the edge of its deadline may). Raises :class:`WrongResult`."""
    different = sum(1 for number, fact in other.facts.items() if truth.facts.get(number) != fact)
    if different > math.ceil(tolerance * len(other.facts)):
        raise WrongResult(f"{name}: {different} of {len(other.facts)} records have other facts than ours")
    return different
