"""``scripts/bench/cold-start``: import and first invocation of each handler, against one of the usual choices."""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scrapersky.runtime.registry import SERVICES
from scripts.commands.bench import chart, machine, page, peers, stage
from scripts.commands.bench.child import call
from scripts.commands.bench.spread import Spread, shown, shown_spread
from scripts.commands.bench.table import markdown

NAME = "cold-start"
USUAL = "the usual choices"
OTHERS = ("dead_letter", "migrate", "api")
MODULE = "scripts.commands.bench.cold_start.start"


def main(arguments: list[str]) -> int:
    """Measures, prints, publishes."""
    parser = argparse.ArgumentParser(prog="scripts/bench/cold-start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes for each handler and event")
    parser.add_argument("--handlers", nargs="*", help="only these services, by name")
    parser.add_argument("--own-only", action="store_true", help="without the usual choices")
    parser.add_argument("--output", type=Path, default=page.PAGES, help="where the result, the chart and the page go")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(given, Path(folder))
    said = parts(result)
    charts = {"first": chart.bars("Milliseconds from nothing to the first answer", _bars(result), "ms", _ours(result))}
    page.publish(NAME, result, said, charts, given.output)
    print(said["machine"], said["cold-start"], sep="\n\n")
    return 0


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The whole result: {handler, event: {measure: spread}}."""
    described = machine.describe()
    starts: dict[str, list[dict[str, float]]] = {}
    with stage.prepared(folder, durable=False) as running:
        url = running.database(migrated=True)
        runs = list(_runs(given, url))
        for number in range(given.rounds + 1):  # the first writes the bytecode that the others read
            for name, python, values in runs:
                told = call(python, MODULE, "start", **values).value
                if number:
                    starts.setdefault(name, []).append({**told, "total_ms": told["import_ms"] + told["first_ms"]})
            _tell(f"round {number} of {given.rounds}")
        version = running.version
    return {
        "machine": described,
        "settings": {"postgres": version, "rounds": given.rounds},
        "starts": {
            name: {measure: Spread.of([one[measure] for one in told]).as_json() for measure in told[0]}
            for name, told in starts.items()
        },
    }


def _runs(given: argparse.Namespace, url: str) -> Any:
    for service in SERVICES:
        if given.handlers and service.name not in given.handlers:
            continue
        for event in ("tick", "batch", "work"):
            values = {
                "handler_module": f"{service.folder}.handler",
                "event": event,
                "workflow": service.workflows[0].name,
            }
            yield f"{service.name}, {event}", Path(sys.executable), {**values, "url": url}
    if not given.handlers:
        for folder in OTHERS:
            yield (
                f"{folder}, import",
                Path(sys.executable),
                {"handler_module": f"{folder}.handler", "event": "import", "url": url},
            )
    if given.own_only:
        return
    try:
        python = peers.python()
    except peers.NoPeers as problem:
        _tell(f"Without the usual choices, whose environment could not be made: {problem}")
        return
    for event in ("tick", "batch"):
        yield (
            f"{USUAL}, {event}",
            python,
            {"handler_module": "scripts.commands.bench.cold_start.usual", "event": event, "url": url},
        )


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the page's places."""
    starts = result["starts"]
    rows = []
    for name, one in starts.items():
        event = name.rpartition(", ")[2].replace("work", "batch")  # the usual choices are ready for anything at once
        usual = starts.get(f"{USUAL}, {event}")
        rows.append(
            (
                name,
                shown_spread(one["total_ms"]),
                f"{one['total_ms']['median'] / usual['total_ms']['median']:.2f}×" if usual else "",
                *(shown(one[measure]["median"]) for measure in ("import_ms", "first_ms", "cpu_ms")),
                f"{one['cpu_ms']['median'] / usual['cpu_ms']['median']:.2f}×" if usual else "",
                shown(one["modules"]["median"]),
            )
        )
    head = (
        "handler, event",
        "total ms",
        "to the usual",
        "import ms",
        "first answer ms",
        "CPU ms",
        "to the usual",
        "modules",
    )
    words = "; ".join(f"{name} {shown(one['total_ms']['median'])}" for name, one in starts.items())
    said = f"{result['settings']['rounds']} fresh processes each, in turn. Median (lowest–highest)."
    return {
        "machine": f"{sentence_of(result)} {said}",
        "cold-start": markdown(head, rows),
        "cold-start-chart": page.picture(NAME, "first", f"Bar chart of milliseconds to the first answer: {words}."),
    }


def sentence_of(result: Mapping[str, Any]) -> str:
    """The machine, in a sentence."""
    return machine.sentence(result["machine"])


def _bars(result: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    return {name: tuple(one["total_ms"].values()) for name, one in result["starts"].items()}


def _ours(result: Mapping[str, Any]) -> list[str]:
    return [name for name in result["starts"] if not name.startswith(USUAL)]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
