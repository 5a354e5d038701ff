"""The status machine's result as tables and charts."""

from collections.abc import Mapping
from typing import Any

from scripts.commands.bench import chart, page
from scripts.commands.bench.machine import sentence
from scripts.commands.bench.spread import shown, shown_spread
from scripts.commands.bench.status_machine.contenders import ALL
from scripts.commands.bench.status_machine.draining import TRANSITIONS
from scripts.commands.bench.table import markdown

NAME = "status-machine"
OURS = tuple(contender.name for contender in ALL if contender.ours)


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the page's places."""
    return {
        "machine": sentence(result["machine"]) + " " + _settings(result["settings"]),
        "drain": _drained(result["drain"]),
        "drain-chart": page.picture(NAME, "drain", _drain_words(result["drain"])),
        "growth": _grown(result["growth"]),
        "growth-chart": page.picture(NAME, "growth", _growth_words(result["growth"])),
        "snapshot": _held(result["snapshot"]),
    }


def charts(result: Mapping[str, Any]) -> dict[str, str]:
    """{name: SVG}."""
    speed = {name: _transitions(one) for name, one in result["drain"].items()}
    growth = {name: [(at["rows"], at["per_record_ms"]) for at in points] for name, points in result["growth"].items()}
    return {
        "drain": chart.bars("Transitions per second, two workers, nothing to do", speed, "/s", OURS),
        "growth": chart.lines(
            "A claim's time per record as the queue grows", growth, "queued records", "ms per record (log)"
        ),
    }


def _settings(settings: Mapping[str, Any]) -> str:
    return (
        f"Postgres {settings['postgres']}, fsync and synchronous_commit {settings['durability']}; {settings['records']:,} "
        f"records, {settings['workers']} workers, {settings['rounds']} rounds. Median (lowest–highest)."
    )


def _transitions(drained: Mapping[str, Any]) -> tuple[float, float, float]:
    speed = drained["records_per_second"]
    return (speed["median"] * TRANSITIONS, speed["low"] * TRANSITIONS, speed["high"] * TRANSITIONS)


def _drained(drain: Mapping[str, Any]) -> str:
    speeds = {name: one["records_per_second"]["median"] for name, one in drain.items()}
    like = {contender.name: contender.like for contender in ALL}
    rows = []
    for name, one in drain.items():
        middle, low, high = _transitions(one)
        rows.append(
            (
                name,
                shown_spread({"median": middle, "low": low, "high": high}),
                f"{speeds[like[name]] / speeds[name]:.2f}×" if like[name] else "",
                *(
                    shown(one[measure]["median"])
                    for measure in (
                        "worker_cpu_ms", "database_cpu_ms", "statements", "wal_bytes", "dead_versions", "hot_share",
                        "latency_p50_ms", "latency_p95_ms",
                    )
                ),
            )
        )  # fmt: skip
    head = (
        "contender", "transitions/s", "ours is", "worker CPU ms", "database CPU ms", "statements", "WAL bytes",
        "dead versions", "HOT share", "claim→done p50 ms", "p95 ms",
    )  # fmt: skip
    return (
        markdown(head, rows)
        + "\n\nFrom `worker CPU` to `dead versions`: per record. `ours is`: ours with as many completions in a batch, or by"
        + " tens where there is no batch."
    )


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
    return markdown(("claim ms (per record)", *(f"{size:,} rows" for size in sizes), "last to first"), rows)


def _held(snapshot: Mapping[str, Any]) -> str:
    rows = []
    for name, one in snapshot.items():
        first, last = one["first"]["claim_ms"]["median"], one["last"]["claim_ms"]["median"]
        rows.append((name, f"{one['records']:,}", shown(first), shown(last), f"{last / first:.2f}×"))
    return markdown(("contender", "records claimed", "first claims ms", "last claims ms", "last to first"), rows)


def _drain_words(drain: Mapping[str, Any]) -> str:
    said = "; ".join(f"{name} {shown(_transitions(one)[0])}" for name, one in drain.items())
    return f"Bar chart of transitions per second: {said}."


def _growth_words(growth: Mapping[str, Any]) -> str:
    said = "; ".join(
        f"{name} from {shown(points[0]['per_record_ms'])} to {shown(points[-1]['per_record_ms'])}"
        for name, points in growth.items()
    )
    return f"Line chart of a claim's milliseconds per record as the queue grows: {said}."
