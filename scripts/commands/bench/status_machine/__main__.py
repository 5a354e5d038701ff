"""``scripts/bench/status-machine``: transitions per second, and claims as the queue grows, against other queues."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import machine, page, stage
from scripts.commands.bench.status_machine import report
from scripts.commands.bench.status_machine.contenders import Contender, chosen
from scripts.commands.bench.status_machine.draining import drain_all
from scripts.commands.bench.status_machine.growing import grow, hold_snapshot


def main(arguments: list[str]) -> int:
    """Measures, prints, publishes."""
    parser = argparse.ArgumentParser(prog="scripts/bench/status-machine", description=__doc__)
    parser.add_argument("--records", type=int, default=4_000, help="records of one drain")
    parser.add_argument("--rounds", type=int, default=3, help="drains of each contender")
    parser.add_argument("--workers", type=int, default=2, help="worker processes at once")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="longest queue, from 10,000 by tens (10,000,000: 15 min)"
    )
    parser.add_argument("--claims", type=int, default=60, help="claims measured at each length")
    parser.add_argument("--snapshot-records", type=int, default=5_000, help="records claimed under an idle snapshot")
    parser.add_argument("--own-only", action="store_true", help="without the others")
    parser.add_argument("--without-durability", action="store_true", help="fsync and synchronous_commit off, for all")
    parser.add_argument("--output", type=Path, default=page.PAGES, help="where the result, the charts and the page go")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(given, Path(folder), chosen(given.own_only, _tell))
    said = report.parts(result)
    page.publish(report.NAME, result, said, report.charts(result), given.output)
    print(said["machine"], said["drain"], said["growth"], said["snapshot"], sep="\n\n")
    return 0


def measure(given: argparse.Namespace, folder: Path, contenders: Sequence[Contender]) -> dict[str, Any]:
    """The whole result."""
    described = machine.describe()
    claiming = [contender for contender in contenders if contender.grows]
    smallest = min(10_000, given.rows)
    sizes = [smallest * 10**n for n in range(8) if smallest * 10**n <= given.rows]
    with stage.prepared(folder, durable=not given.without_durability) as running:
        settings = {
            "postgres": running.version,
            "durability": "off" if given.without_durability else "on",
            **{name: getattr(given, name) for name in ("records", "rounds", "workers", "claims")},
        }
        return {
            "machine": described,
            "settings": settings,
            "drain": drain_all(running, contenders, given.records, given.workers, given.rounds, _tell),
            "growth": grow(running, claiming, sizes, given.claims, _tell),
            "snapshot": hold_snapshot(running, claiming, min(100_000, given.rows), given.snapshot_records, _tell),
        }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
