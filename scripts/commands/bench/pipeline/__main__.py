"""``scripts/bench/pipeline``: drain queued domains on a slow web, ours and other projects with the same job function."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import command, server
from scripts.commands.bench.pipeline import report, web
from scripts.commands.bench.pipeline.contenders import ALL, CONTACT_PAGES, OURS_BY_FIFTIES, SLOW_WEB, Contender, broker
from scripts.commands.bench.pipeline.draining import Drained, compare, drain, job_alone
from scripts.commands.bench.results import Spread, spreads

SETTINGS = {
    "WEB_REQUEST_DEADLINE_SECONDS": "5",
    "WEB_CONNECT_TIMEOUT_SECONDS": "3",
    "RECORD_DEADLINE_SECONDS": "60",
}
"""The same for all: a host that never answers costs five seconds for each of its ports and names."""
TOLERANCE = 0.02
ON_SLOW_HOSTS = {**SETTINGS, "WEB_REQUEST_DEADLINE_SECONDS": "20"}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = command.parser(report.NAME, __doc__)
    parser.add_argument("--records", type=int, default=400, help="domains")
    parser.add_argument("--sequential-records", type=int, default=40, help="domains for the sequential loop")
    parser.add_argument(
        "--at-once",
        type=int,
        nargs="+",
        default=[100, 300],
        metavar="N",
        help="records at once, for all but the sequential loop; a table for each (100 300)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="drains of each contender (one of the sequential loop)")
    parser.add_argument("--slow-records", type=int, default=1_000, help="domains of slow hosts; 0: skip them")
    parser.add_argument("--slow-at-once", type=int, default=500, help="records at once on slow hosts")
    parser.add_argument("--slow-sequential-records", type=int, default=10, help="for the sequential loop (ten: 2 min)")
    parser.add_argument("--only", help="ours, and only those other projects whose name contains this")
    server.add_option(parser)
    options = parser.parse_args(arguments)
    with_peers = command.has_peers(options)
    contenders = [one for one in ALL if one.ours or (with_peers and (options.only or "") in one.name)]
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(options, Path(folder), contenders)
    command.publish(report.NAME, options, result, report.paragraphs(result))
    return 0


def measure(options: argparse.Namespace, folder: Path, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return the whole result."""
    machine = command.machine()
    with (
        server.running(folder / "postgres", durable=not options.without_durability) as running,
        web.running(folder / "web", options.records) as (internet, web_process),
        broker(contenders, folder / "redis") as brokered,
    ):
        settings = {**SETTINGS, "WEB_LOOPBACK_INTERNET": str(internet)}
        runs: list[dict[str, Any]] = []
        for at_once in options.at_once:
            drains = _drain_all(options, running, contenders, at_once, settings, brokered, web_process)
            summaries = {
                name: _summary(name, repeated, drains[OURS_BY_FIFTIES.name][0]) for name, repeated in drains.items()
            }
            runs.append({"at_once": at_once, "contenders": summaries})
        contact_pages = []
        for number in range(1, options.rounds + 1):
            one = drain(running, CONTACT_PAGES, options.records, options.at_once[0], settings, None, web_process)
            contact_pages.append(one.measures())
            _report(f"round {number}", CONTACT_PAGES, one)
        slow = _on_slow_hosts(options, running, folder, contenders)
        alone = [job_alone(options.records, options.at_once[0], settings) for _ in range(options.rounds)]
    names = ("records", "sequential_records", "rounds")
    return {
        "machine": machine,
        "settings": {
            "postgres": running.version,
            "durability": running.durability,
            "pages": len(web.home_pages()),
            **{name: getattr(options, name) for name in names},
            **SETTINGS,
        },
        "job_alone_cpu_ms": Spread.of(alone).as_json(),
        "runs": runs,
        "contact_pages": spreads(contact_pages),
        "slow": {
            "records": options.slow_records,
            "sequential_records": options.slow_sequential_records,
            "at_once": options.slow_at_once,
            "contenders": {name: one.measures() for name, one in slow.items()},
        },
    }


def _drain_all(
    options: argparse.Namespace,
    running: server.Server,
    contenders: Sequence[Contender],
    at_once: int,
    settings: dict[str, str],
    brokered: tuple[str, int] | None,
    web_process: int,
) -> dict[str, list[Drained]]:
    """Drain in interleaved rounds, with those contenders that take part with so many records at once."""
    first = at_once == options.at_once[0]
    taking_part = [one for one in contenders if one.takes_part(at_once) or (first and one.sequential)]
    drains: dict[str, list[Drained]] = {contender.name: [] for contender in taking_part}
    for number, contender in command.interleaved(taking_part, options.rounds):
        if not contender.sequential or number == 1:
            records = min(options.records, options.sequential_records) if contender.sequential else options.records
            one = drain(running, contender, records, at_once, settings, brokered, web_process)
            drains[contender.name].append(one)
            _report(f"{at_once} at once, round {number}", contender, one)
    return drains


def _summary(name: str, repeated: Sequence[Drained], truth: Drained) -> dict[str, Any]:
    return {
        "measures": spreads([one.measures() for one in repeated]),
        "different": max(compare(truth, one, name, TOLERANCE) for one in repeated),
        "records": repeated[0].records,
        "read": repeated[0].read,
    }


def _report(when: str, contender: Contender, one: Drained) -> None:
    measures = one.measures()
    speed = f"{measures['per_second']:.3g} records/s, {measures['per_cpu_second']:.3g} per CPU second"
    command.progress(f"{when}: {contender.name}: {speed}")


def _on_slow_hosts(
    options: argparse.Namespace, running: server.Server, folder: Path, contenders: Sequence[Contender]
) -> dict[str, Drained]:
    """Drain once where every host is slow: ours with many records at once, and the sequential loop."""
    drains: dict[str, Drained] = {}
    if not options.slow_records:
        return drains
    with web.running(folder / "slow-web", options.slow_records, slow=True) as (internet, web_process):
        settings = {**ON_SLOW_HOSTS, "WEB_LOOPBACK_INTERNET": str(internet)}
        for contender in SLOW_WEB:
            if contender in contenders:
                records = options.slow_sequential_records if contender.sequential else options.slow_records
                one = drain(running, contender, records, options.slow_at_once, settings, None, web_process)
                drains[contender.name] = one
                _report("slow hosts", contender, one)
    return drains


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
