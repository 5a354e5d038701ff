"""The drain: N queued records, two workers, until all are done. What it takes, and what it leaves in the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.commands.bench.child import Child, call, together
from scripts.commands.bench.spread import Spread, percentile
from scripts.commands.bench.stage import Stage
from scripts.commands.bench.status_machine.contenders import Contender

TRANSITIONS = 2
"""Of a record: taken, and done."""


class WrongResult(AssertionError):
    """A contender did not do every record exactly once: nothing it measured counts."""


@dataclass(frozen=True)
class Drained:
    """One drain of one contender, per record where it says so."""

    records_per_second: float
    worker_cpu_ms: float
    database_cpu_ms: float
    wal_bytes: float
    dead_versions: float
    hot_share: float
    statements: float
    latency_p50_ms: float
    latency_p95_ms: float


def drain(stage: Stage, contender: Contender, records: int, workers: int) -> Drained:
    """One drain in a fresh database. Raises :class:`WrongResult`."""
    url = stage.database(migrated=contender.ours)
    python = contender.python()
    call(python, contender.path, "prepare", url=url, first=1, last=records)
    stage.settle(url)
    before = stage.read(url)
    seconds, told = together(
        [Child.start(python, contender.path, "work", url=url, batch=contender.batch) for _ in range(workers)]
    )
    spent = stage.read(url).since(before)
    verdict = call(python, contender.path, "judge", url=url).value
    worked = sorted(number for one in told for number in one.value)
    if worked != list(range(1, records + 1)):
        raise WrongResult(f"{contender.name}: {len(worked)} runs, {len(set(worked))} different of {records} records")
    if len(verdict["done"]) != records:
        raise WrongResult(f"{contender.name}: its database calls {len(verdict['done'])} of {records} records done")
    stage.drop(url)
    return Drained(
        records_per_second=records / seconds,
        worker_cpu_ms=1000 * sum(one.cpu_seconds for one in told) / records,
        database_cpu_ms=1000 * spent.cpu_seconds / records,
        wal_bytes=spent.wal_bytes / records,
        dead_versions=spent.versions / records,
        hot_share=spent.hot / max(1, spent.versions),
        statements=spent.statements / records,
        latency_p50_ms=percentile(verdict["milliseconds"], 0.5),
        latency_p95_ms=percentile(verdict["milliseconds"], 0.95),
    )


def drain_all(
    stage: Stage, contenders: Sequence[Contender], records: int, workers: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """All contenders in turn, ``rounds`` times, each round beginning with another: {name: {measure: spread}}."""
    taken: dict[str, list[Drained]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in [*contenders[shift:], *contenders[:shift]]:
            one = drain(stage, contender, records, workers)
            taken[contender.name].append(one)
            tell(f"round {number + 1}: {contender.name}: {one.records_per_second:.0f} records/s")
    measures = Drained.__dataclass_fields__
    return {
        name: {measure: Spread.of([getattr(one, measure) for one in drains]).as_json() for measure in measures}
        for name, drains in taken.items()
    }
