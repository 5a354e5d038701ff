"""How long a claim takes when the queue is long, and when somebody holds an old snapshot."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from scripts.commands.bench.child import call
from scripts.commands.bench.spread import Spread, percentile, significant
from scripts.commands.bench.stage import Stage
from scripts.commands.bench.status_machine.contenders import Contender


def grow(
    stage: Stage, contenders: Sequence[Contender], sizes: Sequence[int], times: int, tell: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """{name: [{rows, claim_ms, per_record_ms}]}: each contender's queue grows in place, claims measured at each size."""
    grown: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    urls = {contender.name: stage.database(migrated=contender.ours) for contender in contenders}
    before = 0
    for rows in sizes:
        for contender in contenders:
            url, python = urls[contender.name], contender.python()
            call(python, contender.path, "prepare", url=url, first=before + 1, last=rows, bulk=True)
            stage.settle(url)
            taken = call(python, contender.path, "claims", url=url, times=times).value
            grown[contender.name].append({"rows": rows, **_told(taken)})
            tell(f"{rows:,} rows: {contender.name}: {grown[contender.name][-1]['claim_ms']['median']:.1f} ms a claim")
        before = rows
    for url in urls.values():
        stage.drop(url)
    return grown


def hold_snapshot(
    stage: Stage, contenders: Sequence[Contender], rows: int, records: int, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """{name: {first, last}}: claims at the beginning and the end of ``records``, none of whose old versions may be vacuumed."""
    held: dict[str, dict[str, Any]] = {}
    for contender in contenders:
        url, python = stage.database(migrated=contender.ours), contender.python()
        call(python, contender.path, "prepare", url=url, first=1, last=rows, bulk=True)
        stage.settle(url)
        engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
        with engine.connect() as idle:
            idle.exec_driver_sql("SELECT 1")
            times = max(1, records // contender.claimed)
            taken = call(python, contender.path, "claims", url=url, times=times).value
        part = max(1, len(taken) // 10)
        held[contender.name] = {"records": records, "first": _told(taken[:part]), "last": _told(taken[-part:])}
        first, last = (held[contender.name][when]["claim_ms"]["median"] for when in ("first", "last"))
        tell(f"idle snapshot: {contender.name}: {first:.1f} → {last:.1f} ms a claim")
        stage.drop(url)
    return held


def _told(taken: Sequence[Sequence[float]]) -> dict[str, Any]:
    milliseconds = [ms for _, ms in taken]
    return {
        "claim_ms": Spread.of(milliseconds).as_json(),
        "claim_p95_ms": significant(percentile(milliseconds, 0.95)),
        "per_record_ms": significant(sum(milliseconds) / max(1, sum(size for size, _ in taken))),
    }
