"""The sitemaps' result as tables and charts."""

from collections.abc import Mapping
from typing import Any

from scripts.commands.bench import chart, page
from scripts.commands.bench.machine import sentence
from scripts.commands.bench.sitemaps.readers import OWN
from scripts.commands.bench.spread import shown, shown_spread
from scripts.commands.bench.table import markdown

NAME = "sitemaps"


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the page's places."""
    settings = result["settings"]
    said = (
        f"{settings['urls']:,} urls, {settings['rounds']} rounds, Postgres {settings['postgres']} with fsync "
        f"{settings['durability']}. Median (lowest–highest)."
    )
    return {
        "machine": f"{sentence(result['machine'])} {said}",
        "reading": _read(result["reading"], settings["urls"]),
        "reading-chart": page.picture(
            NAME, "reading", _words("urls read per second of processor time", result["reading"], "per_second")
        ),
        "memory": _memory(result["memory"]),
        "storing": _stored(result["storing"]),
        "storing-chart": page.picture(NAME, "storing", _words("seconds to store", result["storing"], "seconds")),
    }


def charts(result: Mapping[str, Any]) -> dict[str, str]:
    """{name: SVG}."""
    return {
        "reading": chart.bars(
            "Urls read per second of processor time", _bars(result["reading"], "per_second"), "/s", OWN[:1]
        ),
        "storing": chart.bars(
            f"Seconds to store {result['settings']['urls']:,} pages", _bars(result["storing"], "seconds"), "s",
            ("ours: parse, COPY, upsert",),
        ),
    }  # fmt: skip


def _bars(measured: Mapping[str, Any], measure: str) -> dict[str, tuple[float, float, float]]:
    return {name: tuple(one[measure].values()) for name, one in measured.items()}


def _read(reading: Mapping[str, Any], urls: int) -> str:
    ours = reading["ours"]["per_second"]["median"]
    rows = [
        (
            name,
            shown_spread(one["per_second"]),
            f"{ours / one['per_second']['median']:.2f}×",
            shown_spread(one["megabytes"]),
            "the same" if one["same"] else f"{one['found']:,} of {urls:,}" if one["found"] != urls else "others",
        )
        for name, one in reading.items()
    ]
    return markdown(("reader", "urls per CPU second", "ours is", "MB beyond imports", "result"), rows)


def _memory(memory: Mapping[str, Any]) -> str:
    sizes = [at["urls"] for at in next(iter(memory.values()))]
    rows = [(name, *(f"{at['megabytes']:.1f}" for at in points)) for name, points in memory.items()]
    return markdown(("peak MB beyond imports", *(f"{size:,} urls" for size in sizes)), rows)


def _stored(storing: Mapping[str, Any]) -> str:
    bare = storing["bare COPY of ready rows"]["seconds"]["median"]
    rows = [
        (
            name + ("" if one["share"] == 1 else " (scaled up)"),
            shown_spread(one["seconds"]),
            f"{one['seconds']['median'] / bare:.2f}×",
        )
        for name, one in storing.items()
    ]
    return markdown(("way", "seconds", "to a bare COPY"), rows)


def _words(what: str, measured: Mapping[str, Any], measure: str) -> str:
    return f"Bar chart of {what}: " + "; ".join(
        f"{name} {shown(one[measure]['median'])}" for name, one in measured.items()
    )
