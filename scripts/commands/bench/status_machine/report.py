"""The status machine's result as text and tables."""

from collections.abc import Mapping
from typing import Any

from scripts.commands.bench.results import markdown, shown, shown_spread
from scripts.commands.bench.status_machine.contenders import ALL

NAME = "status-machine"
TRANSITIONS = 2
"""Of a record: taken, and done."""
MEASURES = (
    "worker_cpu_ms", "database_cpu_ms", "statements", "wal_bytes", "dead_versions", "hot_share", "latency_p50_ms",
    "latency_p95_ms",
)  # fmt: skip


def paragraphs(result: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of the page."""
    settings = result["settings"]
    return [
        f"{result['machine']} Postgres {settings['postgres']}, fsync and synchronous_commit {settings['durability']}; "
        f"{settings['records']:,} records, {settings['workers']} workers, {settings['rounds']} rounds. "
        "Median (lowest–highest).",
        _drained(result["drain"]),
        "From `worker CPU` to `dead versions`: per record. `ours is`: ours with as many completions in a batch, or by "
        "tens where there is no batch.",
        "A claim in a long queue, in milliseconds (per record):",
        _grown(result["growth"]),
        "A claim while an old snapshot is open:",
        _held(result["snapshot"]),
    ]


def _drained(drain: Mapping[str, Any]) -> str:
    speeds = {name: one["records_per_second"] for name, one in drain.items()}
    like = {contender.name: contender.like for contender in ALL}
    rows = [
        (
            name,
            shown_spread({measure: value * TRANSITIONS for measure, value in speeds[name].items()}),
            f"{speeds[like[name]]['median'] / speeds[name]['median']:.2f}×" if like[name] else "",
            *(shown(one[measure]["median"]) for measure in MEASURES),
        )
        for name, one in drain.items()
    ]
    header = (
        "contender", "transitions/s", "ours is", "worker CPU ms", "database CPU ms", "statements", "WAL bytes",
        "dead versions", "HOT share", "claim→done p50 ms", "p95 ms",
    )  # fmt: skip
    return markdown(header, rows)


def _grown(growth: Mapping[str, Any]) -> str:
    sizes = [at["rows"] for at in next(iter(growth.values()))]
    rows = [
        (
            name,
            *(f"{shown(at['claim_ms']['median'])} ({shown(at['per_record_ms'])})" for at in points),
            f"{points[-1]['claim_ms']['median'] / points[0]['claim_ms']['median']:.2f}×",
        )
        for name, points in growth.items()
    ]
    return markdown(("contender", *(f"{size:,} rows" for size in sizes), "last to first"), rows)


def _held(snapshot: Mapping[str, Any]) -> str:
    rows = []
    for name, one in snapshot.items():
        first, last = one["first"]["claim_ms"]["median"], one["last"]["claim_ms"]["median"]
        rows.append((name, f"{one['records']:,}", shown(first), shown(last), f"{last / first:.2f}×"))
    return markdown(("contender", "records claimed", "first claims ms", "last claims ms", "last to first"), rows)
