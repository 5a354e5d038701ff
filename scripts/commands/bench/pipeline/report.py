"""The pipeline's result as tables and charts."""

from collections.abc import Mapping
from typing import Any

from scripts.commands.bench import chart, page
from scripts.commands.bench.machine import sentence
from scripts.commands.bench.pipeline.contenders import ALL, APSCHEDULER, OURS, OURS_BY_FIFTIES
from scripts.commands.bench.spread import shown, shown_spread
from scripts.commands.bench.table import markdown

NAME = "pipeline"
OWN = tuple(contender.name for contender in ALL if contender.ours)


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the page's places."""
    settings = result["settings"]
    said = (
        f"{settings['records']:,} domains, {settings['at_once']} at once, {settings['rounds']} rounds; the sequential loop had "
        f"{settings['sequential_records']}. Postgres {settings['postgres']}, fsync {settings['durability']}. "
        f"{settings['pages']} home pages. Median (lowest–highest)."
    )
    return {
        "machine": f"{sentence(result['machine'])} {said}",
        "pipeline": _table(result["contenders"], result["job_alone_cpu_ms"]["median"]),
        "slow": _slow_table(result["slow"]),
        "pipeline-chart": page.picture(NAME, "speed", _words(result["contenders"])),
        "cpu-chart": page.picture(NAME, "cpu", _words(result["contenders"], "per_cpu_second", "CPU second")),
    }


def charts(result: Mapping[str, Any]) -> dict[str, str]:
    """{name: SVG}."""
    return {
        "speed": chart.bars("Records per second", _bars(result["contenders"], "per_second"), "/s", OWN),
        "cpu": chart.bars(
            "Records per second of processor time", _bars(result["contenders"], "per_cpu_second"), "/s", OWN
        ),
    }


def _bars(contenders: Mapping[str, Any], measure: str) -> dict[str, tuple[float, float, float]]:
    return {name: tuple(one["measures"][measure].values()) for name, one in contenders.items()}


def _table(contenders: Mapping[str, Any], alone: float) -> str:
    ours = contenders[OURS.name]["measures"]
    how = {contender.name: contender.how for contender in ALL}
    rows: list[tuple[str, ...]] = []
    for name, one in contenders.items():
        of = one["measures"]
        rows.append(
            (
                f"{name} ({how[name]})",
                shown_spread(of["per_second"]),
                _ratio(ours, of, "per_second"),
                shown_spread(of["per_cpu_second"]),
                _ratio(ours, of, "per_cpu_second"),
                *(shown(of[measure]["median"]) for measure in ("worker_cpu_ms", "database_cpu_ms")),
                shown(of["worker_cpu_ms"]["median"] + of["database_cpu_ms"]["median"] - alone),
                shown(of["statements"]["median"]),
                *(shown(of[measure]["median"]) for measure in ("p50_seconds", "p95_seconds", "seconds")),
            )
        )
        if "per_second_with_waiting" in of:
            waiting = of["per_second_with_waiting"]
            rows.append(
                (
                    f"{name}, a batch a minute (computed)",
                    shown_spread(waiting),
                    f"{ours['per_second']['median'] / waiting['median']:.0f}×",
                    *("",) * 9,
                )
            )
    head = (
        "contender", "records/s", "ours is", "records per CPU second", "ours is", "worker CPU ms", "database CPU ms",
        "beyond the job ms", "statements", "queue→done p50 s", "p95 s", "drain s",
    )  # fmt: skip
    return (
        markdown(head, rows)
        + "\n\n`worker CPU`, `database CPU` (Redis included) and `statements`: per record. The job alone, without a queue or a "
        f"database around it, takes {shown(alone)} ms of processor time a record; `beyond the job` is the rest."
    )


def _slow_table(slow: Mapping[str, Any]) -> str:
    of = slow["contenders"]
    if not of:
        return "Not measured this time."
    ours = of[OURS_BY_FIFTIES.name]["per_second"]
    rows = [(f"{OURS_BY_FIFTIES.name}, {slow['at_once']} at once", f"{slow['records']:,}", shown(ours), "1.0×")]
    if (loop := of.get(APSCHEDULER.name)) is not None:
        records = f"{slow['sequential_records']:,}"
        for name, speed in (
            (f"{APSCHEDULER.name}, without a wait (measured)", loop["per_second"]),
            (f"{APSCHEDULER.name}, a batch a minute (computed)", loop["per_second_with_waiting"]),
        ):
            rows.append((name, records, shown(speed), f"{ours / speed:.0f}×"))
    return markdown(("every host takes 3 to 10 s", "domains", "records/s", "ours is"), rows)


def _ratio(ours: Mapping[str, Any], of: Mapping[str, Any], measure: str) -> str:
    return f"{ours[measure]['median'] / of[measure]['median']:.2f}×"


def _words(contenders: Mapping[str, Any], measure: str = "per_second", of: str = "second") -> str:
    said = "; ".join(f"{name} {shown(one['measures'][measure]['median'])}" for name, one in contenders.items())
    return f"Bar chart of records per {of}: {said}."
