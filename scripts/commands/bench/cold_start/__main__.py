"""``scripts/bench/cold-start``: import and first invocation of each handler, against the usual choices."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scrapersky.runtime.registry import SERVICES
from scripts.commands.bench import command, peers, server
from scripts.commands.bench.child import call
from scripts.commands.bench.results import markdown, shown, shown_spread, spreads

NAME = "cold-start"
USUAL = "the usual choices"
OTHERS = ("dead_letter", "housekeeping", "migrate", "api")
MODULE = "scripts.commands.bench.cold_start.start"
Start = tuple[str, Path, dict[str, str]]
"""Name, interpreter, values."""


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = command.parser(NAME, __doc__)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes for each handler and event")
    parser.add_argument("--handlers", nargs="*", help="only these services, by name")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(options, Path(folder))
    command.publish(NAME, options, result, paragraphs(result))
    return 0


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the whole result, with {handler, event: {measure: spread}}."""
    machine = command.machine()
    measured: dict[str, list[dict[str, float]]] = {}
    with server.running(folder, durable=False) as running:
        url = running.create_database(migrated=True)
        starts = [*_own_starts(options.handlers), *(_usual_starts() if command.has_peers(options) else ())]
        for number in range(options.rounds + 1):  # round 0 writes the bytecode
            for name, python, values in starts:
                answer = call(python, MODULE, "start", **values, url=url).value
                if number:
                    total = answer["import_ms"] + answer["first_ms"]
                    measured.setdefault(name, []).append({**answer, "total_ms": total})
            command.progress(f"round {number} of {options.rounds}")
    return {
        "machine": machine,
        "settings": {"postgres": running.version, "rounds": options.rounds},
        "starts": {name: spreads(repeated) for name, repeated in measured.items()},
    }


def _own_starts(chosen: list[str] | None) -> Iterator[Start]:
    python = Path(sys.executable)
    for service in SERVICES:
        if chosen and service.name not in chosen:
            continue
        values = {"handler_module": f"{service.folder}.handler", "workflow": service.workflows[0].name}
        for event in ("tick", "batch", "work"):
            yield f"{service.name}, {event}", python, {**values, "event": event}
    for folder in () if chosen else OTHERS:
        yield f"{folder}, import", python, {"handler_module": f"{folder}.handler", "event": "import"}


def _usual_starts() -> Iterator[Start]:
    for event in ("tick", "batch"):
        values = {"handler_module": "scripts.commands.bench.cold_start.usual", "event": event}
        yield f"{USUAL}, {event}", peers.python(), values


def paragraphs(result: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of the page."""
    rows = []
    for name, one in result["starts"].items():
        event = name.rpartition(", ")[2].replace("work", "batch")  # the usual choices are ready for work after a batch
        usual = result["starts"].get(f"{USUAL}, {event}")
        ratio = {
            measure: f"{one[measure]['median'] / usual[measure]['median']:.2f}×" if usual else ""
            for measure in ("total_ms", "cpu_ms")
        }
        rows.append(
            (
                name,
                shown_spread(one["total_ms"]),
                ratio["total_ms"],
                *(shown(one[measure]["median"]) for measure in ("import_ms", "first_ms", "cpu_ms")),
                ratio["cpu_ms"],
                shown(one["modules"]["median"]),
            )
        )
    header = (
        "handler, event", "total ms", "to the usual", "import ms", "first answer ms", "CPU ms", "to the usual", "modules"
    )  # fmt: skip
    rounds = f"{result['settings']['rounds']} fresh processes each, in turn. Median (lowest–highest)."
    return [f"{result['machine']} {rounds}", markdown(header, rows)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
