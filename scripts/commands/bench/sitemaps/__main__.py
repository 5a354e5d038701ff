"""``scripts/bench/sitemaps``: urls read per second and memory, and pages stored, against other readers and other ways."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import machine, page, peers, stage
from scripts.commands.bench.child import call
from scripts.commands.bench.sitemaps import report, sitemap
from scripts.commands.bench.sitemaps.readers import OWN, READERS
from scripts.commands.bench.sitemaps.storing import WAYS
from scripts.commands.bench.spread import Spread

READER_MODULE = "scripts.commands.bench.sitemaps.readers"
STORER_MODULE = "scripts.commands.bench.sitemaps.storing"


class WrongResult(AssertionError):
    """Ours, or the floor it is measured against, did not find every url: nothing else counts."""


def main(arguments: list[str]) -> int:
    """Measures, prints, publishes."""
    parser = argparse.ArgumentParser(prog="scripts/bench/sitemaps", description=__doc__)
    parser.add_argument("--urls", type=int, default=50_000, help="urls of the sitemap")
    parser.add_argument("--rounds", type=int, default=3, help="readings by each reader, and storings in each way")
    parser.add_argument(
        "--largest", type=int, default=400_000, help="urls of the largest sitemap read for its memory; 0: none is"
    )
    parser.add_argument(
        "--ways", nargs="*", default=list(WAYS), choices=list(WAYS), help="ways of storing, all by default"
    )
    parser.add_argument("--own-only", action="store_true", help="without the other libraries")
    parser.add_argument("--without-durability", action="store_true", help="fsync and synchronous_commit off, for all")
    parser.add_argument("--output", type=Path, default=page.PAGES, help="where the result, the charts and the page go")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(given, Path(folder), _names(given.own_only))
    said = report.parts(result)
    page.publish(report.NAME, result, said, report.charts(result), given.output)
    print(said["machine"], said["reading"], said["memory"], said["storing"], sep="\n\n")
    return 0


def measure(given: argparse.Namespace, folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The whole result."""
    described = machine.describe()
    file = sitemap.write(folder / "sitemap.xml", given.urls)
    reading = _read_all(names, file, given.urls, given.rounds)
    sizes = [given.urls // 5, given.urls, given.largest] if given.largest else []
    memory = {name: _memory(name, folder, sizes) for name in names}
    with stage.prepared(folder / "postgres", durable=not given.without_durability) as running:
        storing = _store_all(running, file, given.urls, given.rounds, given.ways)
        settings = {
            "postgres": running.version,
            "durability": "off" if given.without_durability else "on",
            "urls": given.urls,
            "rounds": given.rounds,
        }
    return {"machine": described, "settings": settings, "reading": reading, "memory": memory, "storing": storing}


def _read_all(names: Sequence[str], file: Path, urls: int, rounds: int) -> dict[str, Any]:
    found = {name: call(_python(name), READER_MODULE, "digest", name=name, file=str(file)).value for name in names}
    truth = found["expat, values"]
    if truth["urls"] != urls or found["ours"] != truth:
        raise WrongResult(f"{urls} urls were written, expat finds {truth}, ours {found['ours']}")
    taken: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in [*names[shift:], *names[:shift]]:
            taken[name].append(call(_python(name), READER_MODULE, "work", name=name, file=str(file)))
            _tell(f"round {number + 1}: {name}: {urls / taken[name][-1].cpu_seconds:,.0f} urls/s")
    return {
        name: {
            "per_second": Spread.of([one.value["urls"] / one.cpu_seconds for one in told]).as_json(),
            "megabytes": Spread.of([one.value["megabytes"] for one in told]).as_json(),
            "found": found[name]["urls"],
            "same": found[name]["sha256"] == truth["sha256"],
        }
        for name, told in taken.items()
    }


def _memory(name: str, folder: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    points = []
    for size in sizes:
        file = folder / f"{size}.xml"
        if not file.is_file():
            sitemap.write(file, size)
        told = call(_python(name), READER_MODULE, "work", name=name, file=str(file)).value
        points.append({"urls": size, "megabytes": round(told["megabytes"], 1)})
    _tell(f"memory: {name}: {points}")
    return points


def _store_all(running: stage.Stage, file: Path, urls: int, rounds: int, ways: Sequence[str]) -> dict[str, Any]:
    taken: dict[str, list[Any]] = {way: [] for way in ways}
    for number in range(rounds):
        for way in ways:
            url = running.database(migrated=True)
            told = call(sys.executable, STORER_MODULE, "work", way=way, url=url, file=str(file)).value
            if told["rows"] != round(urls * told["share"]):
                raise WrongResult(f"{way}: {told['rows']} rows of {urls} pages were stored")
            taken[way].append(told)
            running.drop(url)
            _tell(f"round {number + 1}: {way}: {told['seconds']:.2f} s")
    return {
        way: {"seconds": Spread.of([one["seconds"] for one in told]).as_json(), "share": told[0]["share"]}
        for way, told in taken.items()
    }


def _names(own_only: bool) -> Sequence[str]:
    if not own_only:
        try:
            peers.python()
            return tuple(READERS)
        except peers.NoPeers as problem:
            _tell(f"Without the others, whose environment could not be made: {problem}")
    return OWN


def _python(name: str) -> Path:
    return Path(sys.executable) if name in OWN else peers.python()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
