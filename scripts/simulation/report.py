"""The answers as tables and charts, for two pages: the simulation, and what it costs."""

from collections.abc import Mapping
from typing import Any

from scripts.bench import chart, page
from scripts.bench.machine import sentence
from scripts.bench.spread import shown
from scripts.bench.table import markdown


def simulation_parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the places of ``simulation.md``."""
    words = "; ".join(f"{one['name']} {shown(one['per_day'] / 1e6)}" for one in result["scenarios"])
    return {
        "machine": _calibrated(result),
        "scenarios": _scenarios(result["scenarios"]),
        "scenarios-chart": page.picture("simulation", "per-day", f"Bar chart of million domains a day: {words}."),
        "check": _checked(result["check"]),
    }


def cost_parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the places of ``cost.md``."""
    slow = [row for row in result["rows"] if row["web"] == "sites of 3 s"]
    words = "; ".join(f"{row['way']} {shown(row['lambda_dollars_per_million'])}" for row in slow)
    return {
        "machine": _calibrated(result),
        "cost": _costs(result["rows"]),
        "cost-chart": page.picture(
            "cost", "slow", f"Bar chart of Lambda dollars per million domains on sites of 3 seconds: {words}."
        ),
        "pages": _pages(result["pages"]),
    }


def simulation_charts(result: Mapping[str, Any]) -> dict[str, str]:
    """{name: SVG}."""
    values = {one["name"][:34]: (one["per_day"] / 1e6,) * 3 for one in result["scenarios"]}
    return {"per-day": chart.bars("Million domains a day", values, "M", list(values)[-1:])}


def cost_charts(result: Mapping[str, Any]) -> dict[str, str]:
    """{name: SVG}."""
    rows = [row for row in result["rows"] if row["web"] == "sites of 3 s"]
    values = {row["way"]: (row["lambda_dollars_per_million"],) * 3 for row in rows}
    title = "Lambda dollars per million domains, sites of 3 s"
    return {"slow": chart.bars(title, values, "$", [row["way"] for row in rows[1:]])}


def _calibrated(result: Mapping[str, Any]) -> str:
    work, sources = result["work"], ", ".join(result["sources"]) or "a guess: nothing was measured"
    return (
        f"{sentence(result['machine'])} Calibrated by {sources}: {1000 * work['function_seconds']:.1f} ms of a core in the "
        f"function and {1000 * work['database_seconds']:.1f} ms in the database a record, {work['cold_start_seconds']:.2f} s "
        f"of a core for a cold start."
    )


def _scenarios(scenarios: Any) -> str:
    rows = [
        (
            one["name"],
            shown(one["per_day"] / 1e6),
            shown(one["hours_for_ten_million"]) if one["hours_for_ten_million"] else "never",
            f"{one['dollars_per_million']:.2f}",
            f"{one['database_busy']:.0%}",
            f"{one['environments_busy']:.0%}",
            str(one["connections"]),
            f"{one['most_live']:,}",
            one["bottleneck"],
        )
        for one in scenarios
    ]
    head = (
        "settings", "million a day", "hours for 10 million", "$ per million", "database busy", "environments busy",
        "connections", "most in flight", "bottleneck",
    )  # fmt: skip
    return markdown(head, rows)


def _checked(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "Nothing to check against: scripts/bench/pipeline has not been run."
    rows = [
        (name.replace("_", " "), shown(said), shown(seen), f"{said / seen:.2f}×" if seen else "")
        for name, (said, seen) in check.items()
    ]
    return markdown(("the local run", "model", "measured", "model to measured"), rows)


def _costs(rows: Any) -> str:
    return markdown(
        ("web and way", "GB-seconds", "Lambda $", "cheaper", "with SQS and logs $"),
        [
            (
                f"{row['web']}: {row['way']}",
                shown(row["gb_seconds_per_million"]),
                f"{row['lambda_dollars_per_million']:.2f}",
                f"{row['cheaper']:.1f}×",
                f"{row['dollars_per_million']:.2f}",
            )
            for row in rows
        ],
    )


def _pages(pages: Mapping[str, Any] | None) -> str:
    if pages is None:
        return "Pages: scripts/bench/sitemaps has not been run."
    return (
        f"A million pages, in sitemaps of {pages['urls']:,}: {shown(pages['seconds_per_million'])} s of a core to read and "
        f"store, {shown(pages['gb_seconds_per_million'])} GB-seconds at {pages['memory_mb']} MB, "
        f"${pages['dollars_per_million']:.4f} of Lambda."
    )
