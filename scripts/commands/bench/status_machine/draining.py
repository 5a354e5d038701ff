"""Drain queued records with several workers, and measure what it takes and what it leaves in the database."""

from collections.abc import Sequence

from scripts.commands.bench import command
from scripts.commands.bench.child import Child, call, run_together
from scripts.commands.bench.results import percentile, spreads
from scripts.commands.bench.server import Server
from scripts.commands.bench.status_machine.contenders import Contender


class WrongResult(AssertionError):
    """A contender did not do every record exactly once: its measurements do not count."""


def drain(server: Server, contender: Contender, records: int, workers: int) -> dict[str, float]:
    """Return the measures of one drain of a fresh database, per record where they can be. Raises :class:`WrongResult`."""
    url = server.create_database(migrated=contender.ours)
    python = contender.python()
    call(python, contender.path, "prepare", url=url, first=1, last=records)
    server.settle(url)
    before = server.usage(url)
    children = [Child.start(python, contender.path, "work", url=url, batch=contender.batch) for _ in range(workers)]
    for child in children:
        child.ready()
    seconds, answers = run_together(children)
    used = server.usage(url).since(before)
    done = call(python, contender.path, "done", url=url).value
    worked = sorted(number for one in answers for number in one.value)
    if worked != list(range(1, records + 1)):
        raise WrongResult(f"{contender.name}: {len(worked)} runs, {len(set(worked))} different of {records} records")
    if len(done) != records:
        raise WrongResult(f"{contender.name}: its database calls {len(done)} of {records} records done")
    server.drop(url)
    milliseconds = [duration for _, duration in done]
    return {
        "records_per_second": records / seconds,
        "worker_cpu_ms": 1000 * sum(one.cpu_seconds for one in answers) / records,
        "database_cpu_ms": 1000 * used.cpu_seconds / records,
        "wal_bytes": used.wal_bytes / records,
        "dead_versions": used.versions / records,
        "hot_share": used.hot / max(1, used.versions),
        "statements": used.statements / records,
        "latency_p50_ms": percentile(milliseconds, 0.5),
        "latency_p95_ms": percentile(milliseconds, 0.95),
    }


def drain_all(
    server: Server, contenders: Sequence[Contender], records: int, workers: int, rounds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Drain with all contenders in turn; return {name: {measure: spread}}."""
    drains: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in contenders}
    for number, contender in command.interleaved(contenders, rounds):
        one = drain(server, contender, records, workers)
        drains[contender.name].append(one)
        command.progress(f"round {number}: {contender.name}: {one['records_per_second']:.0f} records/s")
    return {name: spreads(repeated) for name, repeated in drains.items()}
