"""``scripts/bench/pipeline``: queued domains on a slow web, drained by ours and by others with the same job function."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import machine, page, peers, stage
from scripts.commands.bench.pipeline import report, web
from scripts.commands.bench.pipeline.contenders import ALL, OURS, SLOW_WEB, Contender, broker
from scripts.commands.bench.pipeline.draining import Drained, compare, drain, job_alone, shares, told
from scripts.commands.bench.spread import Spread

SETTINGS = {
    "WEB_REQUEST_DEADLINE_SECONDS": "5",
    "WEB_CONNECT_TIMEOUT_SECONDS": "3",
    "RECORD_DEADLINE_SECONDS": "60",
}
"""The same for all: a host that never answers costs each of its doors five seconds."""
TOLERANCE = 0.02
ON_SLOW_HOSTS = {**SETTINGS, "WEB_REQUEST_DEADLINE_SECONDS": "20"}


def main(arguments: list[str]) -> int:
    """Measures, prints, publishes."""
    parser = argparse.ArgumentParser(prog="scripts/bench/pipeline", description=__doc__)
    parser.add_argument("--records", type=int, default=400, help="domains")
    parser.add_argument("--sequential-records", type=int, default=40, help="domains for the sequential loop")
    parser.add_argument("--at-once", type=int, default=100, help="records at once, for all but the sequential loop")
    parser.add_argument("--rounds", type=int, default=3, help="drains of each contender (of the sequential loop: one)")
    parser.add_argument("--slow-records", type=int, default=1_000, help="domains of slow hosts; 0: none")
    parser.add_argument("--slow-at-once", type=int, default=500, help="records at once on slow hosts")
    parser.add_argument(
        "--slow-sequential-records", type=int, default=10, help="for the sequential loop: two minutes a ten"
    )
    parser.add_argument("--own-only", action="store_true", help="without the others")
    parser.add_argument("--only", help="only contenders whose name contains this, beside ours")
    parser.add_argument("--without-durability", action="store_true", help="fsync and synchronous_commit off, for all")
    parser.add_argument("--output", type=Path, default=page.PAGES, help="where the result, the charts and the page go")
    given = parser.parse_args(arguments)
    contenders = [one for one in _chosen(given.own_only) if one.ours or not given.only or given.only in one.name]
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(given, Path(folder), contenders)
    said = report.parts(result)
    page.publish(report.NAME, result, said, report.charts(result), given.output)
    print(said["machine"], said["pipeline"], sep="\n\n")
    return 0


def measure(given: argparse.Namespace, folder: Path, contenders: Sequence[Contender]) -> dict[str, Any]:
    """The whole result."""
    described = machine.describe()
    drains: dict[str, list[Drained]] = {contender.name: [] for contender in contenders}
    with (
        stage.prepared(folder / "postgres", durable=not given.without_durability) as running,
        web.running(folder / "web", given.records) as (internet, web_process),
        broker(contenders, folder / "redis") as brokered,
    ):
        settings = {**SETTINGS, "WEB_LOOPBACK_INTERNET": str(internet)}
        for number in range(given.rounds):
            shift = number % len(contenders)
            for contender in [*contenders[shift:], *contenders[:shift]]:
                if contender.sequential and number:
                    continue
                records = min(given.records, given.sequential_records) if contender.sequential else given.records
                one = drain(running, contender, records, given.at_once, settings, brokered, web_process)
                drains[contender.name].append(one)
                said = one.measures()
                speed = f"{said['per_second']:.1f} records/s, {said['per_cpu_second']:.1f} per CPU second"
                _tell(f"round {number + 1}: {contender.name}: {speed}")
        slow = _on_slow_hosts(given, running, folder, contenders)
        alone = [job_alone(given.records, given.at_once, settings) for _ in range(given.rounds)]
        version = running.version
    truth = drains[OURS.name][0]
    return {
        "machine": described,
        "settings": {
            "postgres": version,
            "durability": "off" if given.without_durability else "on",
            "pages": len(web.home_pages()),
            **{name: getattr(given, name) for name in ("records", "sequential_records", "at_once", "rounds")},
            **SETTINGS,
        },
        "job_alone_cpu_ms": Spread.of(alone).as_json(),
        "contenders": {
            name: {
                "measures": {measure: Spread.of(values).as_json() for measure, values in told(all_of_them).items()},
                "different": max(compare(truth, one, name, TOLERANCE) for one in all_of_them),
                **shares(all_of_them[0]),
            }
            for name, all_of_them in drains.items()
        },
        "slow": {
            "records": given.slow_records,
            "sequential_records": given.slow_sequential_records,
            "at_once": given.slow_at_once,
            "contenders": {name: one.measures() for name, one in slow.items()},
        },
    }


def _on_slow_hosts(
    given: argparse.Namespace, running: stage.Stage, folder: Path, contenders: Sequence[Contender]
) -> dict[str, Drained]:
    """One drain each by ours, as wide as it is meant to be, and by the sequential loop, where every host takes its time."""
    drains: dict[str, Drained] = {}
    if not given.slow_records:
        return drains
    with web.running(folder / "slow-web", given.slow_records, slow=True) as (internet, web_process):
        settings = {**ON_SLOW_HOSTS, "WEB_LOOPBACK_INTERNET": str(internet)}
        for contender in SLOW_WEB:
            if contender not in contenders:
                continue
            records = given.slow_sequential_records if contender.sequential else given.slow_records
            one = drain(running, contender, records, given.slow_at_once, settings, None, web_process)
            drains[contender.name] = one
            _tell(f"slow hosts: {contender.name}: {one.measures()['per_second']:.3g} records/s")
    return drains


def _chosen(own_only: bool) -> Sequence[Contender]:
    if not own_only:
        try:
            peers.python()
            return ALL
        except peers.NoPeers as problem:
            _tell(f"Without the others, whose environment could not be made: {problem}")
    return [contender for contender in ALL if contender.ours]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
