"""Measure how long a claim takes when the queue is long, and while an old snapshot is open."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from scripts.commands.bench import command
from scripts.commands.bench.child import call
from scripts.commands.bench.results import Spread, percentile, significant
from scripts.commands.bench.server import Server
from scripts.commands.bench.status_machine.contenders import Contender


def grow(
    server: Server, contenders: Sequence[Contender], sizes: Sequence[int], times: int
) -> dict[str, list[dict[str, Any]]]:
    """Let each contender's queue grow in place; return {name: [{rows, claim_ms, per_record_ms}]}."""
    grown: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    urls = {contender.name: server.create_database(migrated=contender.ours) for contender in contenders}
    before = 0
    for rows in sizes:
        for contender in contenders:
            url, python = urls[contender.name], contender.python()
            call(python, contender.path, "prepare", url=url, first=before + 1, last=rows, bulk=True)
            server.settle(url)
            claims = _summary(call(python, contender.path, "claims", url=url, times=times).value)
            grown[contender.name].append({"rows": rows, **claims})
            command.progress(f"{rows:,} rows: {contender.name}: {claims['claim_ms']['median']:.1f} ms per claim")
        before = rows
    for url in urls.values():
        server.drop(url)
    return grown


def hold_snapshot(
    server: Server, contenders: Sequence[Contender], rows: int, records: int
) -> dict[str, dict[str, Any]]:
    """Claim ``records`` while no old row version can be vacuumed; return {name: {records, first, last}} claims."""
    held: dict[str, dict[str, Any]] = {}
    for contender in contenders:
        url, python = server.create_database(migrated=contender.ours), contender.python()
        call(python, contender.path, "prepare", url=url, first=1, last=rows, bulk=True)
        server.settle(url)
        engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
        with engine.connect() as idle:
            idle.exec_driver_sql("SELECT 1")
            times = max(1, records // contender.claimed)
            claims = call(python, contender.path, "claims", url=url, times=times).value
        part = max(1, len(claims) // 10)
        first, last = _summary(claims[:part]), _summary(claims[-part:])
        held[contender.name] = {"records": records, "first": first, "last": last}
        medians = f"{first['claim_ms']['median']:.1f} → {last['claim_ms']['median']:.1f}"
        command.progress(f"idle snapshot: {contender.name}: {medians} ms per claim")
        server.drop(url)
    return held


def _summary(claims: Sequence[Sequence[float]]) -> dict[str, Any]:
    milliseconds = [duration for _, duration in claims]
    return {
        "claim_ms": Spread.of(milliseconds).as_json(),
        "claim_p95_ms": significant(percentile(milliseconds, 0.95)),
        "per_record_ms": significant(sum(milliseconds) / max(1, sum(size for size, _ in claims))),
    }
