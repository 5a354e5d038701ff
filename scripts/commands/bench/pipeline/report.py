"""The pipeline's result as text and tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.commands.bench.pipeline.contenders import ALL, APSCHEDULER, OURS_BY_FIFTIES
from scripts.commands.bench.results import markdown, shown, shown_spread

NAME = "pipeline"
BLANK = ("",) * 8


def paragraphs(result: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of the page."""
    settings, alone = result["settings"], result["job_alone_cpu_ms"]["median"]
    return [
        f"{result['machine']} {settings['records']:,} domains, {settings['rounds']} rounds; "
        f"the sequential loop had {settings['sequential_records']}. Postgres {settings['postgres']}, fsync "
        f"{settings['durability']}. {settings['pages']} home pages. Median (lowest–highest).",
        *(part for run in result["runs"] for part in _run(run, alone)),
        "`worker CPU`, `database CPU` (Redis included) and `statements`: per record. The job alone, without a queue or a "
        f"database around it, takes {shown(alone)} ms of processor time per record; `beyond the job` is the rest.",
        _contact_pages(result["contact_pages"], result["runs"][0]["at_once"]),
        _slow_table(result["slow"]),
    ]


def _run(run: Mapping[str, Any], alone: float) -> list[str]:
    return [f"{run['at_once']} records at once:", _table(run["contenders"], alone), *_comparisons(run["contenders"])]


def _comparisons(contenders: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each of our contenders about the best of the others, by each measure."""
    median = {
        name: {measure: spread["median"] for measure, spread in one["measures"].items()}
        for name, one in contenders.items()
    }
    others = {one.name: median[one.name] for one in ALL if one.name in median and not one.ours and not one.sequential}
    for contender in ALL:
        if others and contender.ours and (ours := median.get(contender.name)):
            speed, cpu = (
                max(others, key=lambda name: others[name][measure]) for measure in ("per_second", "per_cpu_second")
            )
            wait = min(others, key=lambda name: others[name]["p95_seconds"])
            yield (
                f"{contender.name} against the best of the others: "
                f"{ours['per_second'] / others[speed]['per_second']:.2f}× the records per second ({speed}), "
                f"{ours['per_cpu_second'] / others[cpu]['per_cpu_second']:.2f}× those per CPU second ({cpu}), p95 "
                f"{shown(ours['p95_seconds'])} s and {shown(others[wait]['p95_seconds'])} s ({wait}). "
                f"{1000 * ours['out_of_time']:.2g} of 1,000 ran out of time."
            )


def _table(contenders: Mapping[str, Any], alone: float) -> str:
    setup = {contender.name: contender.setup for contender in ALL}
    rows: list[tuple[str, ...]] = []
    for name, one in contenders.items():
        measures = one["measures"]
        median = {measure: spread["median"] for measure, spread in measures.items()}
        rows.append(
            (
                f"{name} ({setup[name]})",
                shown_spread(measures["per_second"]),
                shown_spread(measures["per_cpu_second"]),
                *(shown(median[measure]) for measure in ("worker_cpu_ms", "database_cpu_ms")),
                shown(median["worker_cpu_ms"] + median["database_cpu_ms"] - alone),
                *(shown(median[measure]) for measure in ("statements", "p50_seconds", "p95_seconds", "seconds")),
            )
        )
        if waiting := measures.get("per_second_with_waiting"):
            rows.append((f"{name}, a batch a minute (computed)", shown_spread(waiting), *BLANK))
    header = (
        "contender", "records/s", "records per CPU second", "worker CPU ms", "database CPU ms", "beyond the job ms",
        "statements", "queue→done p50 s", "p95 s", "drain s",
    )  # fmt: skip
    return markdown(header, rows)


def _contact_pages(measures: Mapping[str, Any], at_once: int) -> str:
    speed, cpu = (shown_spread(measures[name]) for name in ("per_second", "per_cpu_second"))
    worker, database = (shown(measures[name]["median"]) for name in ("worker_cpu_ms", "database_cpu_ms"))
    return (
        f"Contact pages, one of each domain, {at_once} at once, ours by fifties: {speed} records/s, {cpu} per CPU second "
        f"({worker} ms in the worker, {database} ms in the database)."
    )


def _slow_table(slow: Mapping[str, Any]) -> str:
    measured = slow["contenders"]
    if not measured:
        return "Slow hosts: not measured."
    ours = measured[OURS_BY_FIFTIES.name]["per_second"]
    rows = [(f"{OURS_BY_FIFTIES.name}, {slow['at_once']} at once", f"{slow['records']:,}", shown(ours), "1.0×")]
    if loop := measured.get(APSCHEDULER.name):
        for name, measure in (
            ("without a wait (measured)", "per_second"),
            ("a batch a minute (computed)", "per_second_with_waiting"),
        ):
            speed = loop[measure]
            rows.append(
                (f"{APSCHEDULER.name}, {name}", f"{slow['sequential_records']:,}", shown(speed), f"{ours / speed:.0f}×")
            )
    return markdown(("every host takes 3 to 10 s", "domains", "records/s", "ours is"), rows)
