"""``scripts/bench/status-machine``: transitions per second, and claims as the queue grows, against other queues."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import command, server
from scripts.commands.bench.status_machine import report
from scripts.commands.bench.status_machine.contenders import ALL, Contender
from scripts.commands.bench.status_machine.draining import drain_all
from scripts.commands.bench.status_machine.growing import grow, hold_snapshot


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = command.parser(report.NAME, __doc__)
    parser.add_argument("--records", type=int, default=20_000, help="records of one drain")
    parser.add_argument("--rounds", type=int, default=3, help="drains of each contender")
    parser.add_argument("--workers", type=int, default=4, help="worker processes at once")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="longest queue, from 10,000 by tens (10,000,000: 15 min)"
    )
    parser.add_argument("--claims", type=int, default=60, help="claims measured at each length")
    parser.add_argument("--snapshot-records", type=int, default=5_000, help="records claimed under an idle snapshot")
    server.add_option(parser)
    options = parser.parse_args(arguments)
    with_peers = command.has_peers(options)
    contenders = [one for one in ALL if one.ours or with_peers]
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(options, Path(folder), contenders)
    command.publish(report.NAME, options, result, report.paragraphs(result))
    return 0


def measure(options: argparse.Namespace, folder: Path, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return the whole result."""
    machine = command.machine()
    claiming = [contender for contender in contenders if contender.grows]
    smallest = min(10_000, options.rows)
    sizes = [smallest * 10**n for n in range(8) if smallest * 10**n <= options.rows]
    with server.running(folder, durable=not options.without_durability) as running:
        return {
            "machine": machine,
            "settings": {
                "postgres": running.version,
                "durability": running.durability,
                **{name: getattr(options, name) for name in ("records", "rounds", "workers", "claims")},
            },
            "drain": drain_all(running, contenders, options.records, options.workers, options.rounds),
            "growth": grow(running, claiming, sizes, options.claims),
            "snapshot": hold_snapshot(running, claiming, min(100_000, options.rows), options.snapshot_records),
        }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
