"""``scripts/bench/sitemaps``: urls read per second and memory, and pages stored, against other readers and other ways."""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.commands.bench import command, peers, server
from scripts.commands.bench.child import call
from scripts.commands.bench.results import Spread, markdown, shown_spread
from scripts.commands.bench.sitemaps import sitemap
from scripts.commands.bench.sitemaps.readers import OWN, READERS
from scripts.commands.bench.sitemaps.storing import WAYS

NAME = "sitemaps"
READER_MODULE = "scripts.commands.bench.sitemaps.readers"
STORER_MODULE = "scripts.commands.bench.sitemaps.storing"


class WrongResult(AssertionError):
    """Ours, or plain expat, did not find every url: nothing counts."""


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = command.parser(NAME, __doc__)
    parser.add_argument("--urls", type=int, default=50_000, help="urls of the sitemap")
    parser.add_argument("--rounds", type=int, default=3, help="readings by each reader, and storings in each way")
    parser.add_argument(
        "--largest", type=int, default=400_000, help="urls of the largest sitemap read for its memory; 0: skip it"
    )
    parser.add_argument(
        "--ways", nargs="*", default=list(WAYS), choices=list(WAYS), help="ways of storing, all by default"
    )
    server.add_option(parser)
    options = parser.parse_args(arguments)
    names = tuple(READERS) if command.has_peers(options) else OWN
    with tempfile.TemporaryDirectory(prefix="scrapersky-bench-", ignore_cleanup_errors=True) as folder:
        result = measure(options, Path(folder), names)
    command.publish(NAME, options, result, paragraphs(result))
    return 0


def measure(options: argparse.Namespace, folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return the whole result."""
    machine = command.machine()
    file = sitemap.write(folder / "sitemap.xml", options.urls)
    reading = _read_all(names, file, options.urls, options.rounds)
    sizes = [options.urls // 5, options.urls, options.largest] if options.largest else []
    memory = {name: _memory(name, folder, sizes) for name in names}
    with server.running(folder / "postgres", durable=not options.without_durability) as running:
        storing = _store_all(running, file, options.urls, options.rounds, options.ways)
    settings = {
        "postgres": running.version,
        "durability": running.durability,
        "urls": options.urls,
        "rounds": options.rounds,
    }
    return {"machine": machine, "settings": settings, "reading": reading, "memory": memory, "storing": storing}


def _read_all(names: Sequence[str], file: Path, urls: int, rounds: int) -> dict[str, Any]:
    found = {name: call(_python(name), READER_MODULE, "digest", name=name, file=str(file)).value for name in names}
    truth = found["expat, values"]
    if truth["urls"] != urls or found["ours"] != truth:
        raise WrongResult(f"{urls} urls were written, expat finds {truth}, ours {found['ours']}")
    answers: dict[str, list[Any]] = {name: [] for name in names}
    for number, name in command.interleaved(names, rounds):
        answers[name].append(call(_python(name), READER_MODULE, "work", name=name, file=str(file)))
        command.progress(f"round {number}: {name}: {urls / answers[name][-1].cpu_seconds:,.0f} urls/s")
    return {
        name: {
            "per_second": Spread.of([one.value["urls"] / one.cpu_seconds for one in repeated]).as_json(),
            "megabytes": Spread.of([one.value["megabytes"] for one in repeated]).as_json(),
            "found": found[name]["urls"],
            "same": found[name]["sha256"] == truth["sha256"],
        }
        for name, repeated in answers.items()
    }


def _memory(name: str, folder: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    points = []
    for size in sizes:
        file = folder / f"{size}.xml"
        if not file.is_file():
            sitemap.write(file, size)
        answer = call(_python(name), READER_MODULE, "work", name=name, file=str(file)).value
        points.append({"urls": size, "megabytes": round(answer["megabytes"], 1)})
    command.progress(f"memory: {name}: {points}")
    return points


def _store_all(running: server.Server, file: Path, urls: int, rounds: int, ways: Sequence[str]) -> dict[str, Any]:
    answers: dict[str, list[Any]] = {way: [] for way in ways}
    for number, way in command.interleaved(ways, rounds):
        url = running.create_database(migrated=True)
        answer = call(sys.executable, STORER_MODULE, "work", way=way, url=url, file=str(file)).value
        if answer["rows"] != round(urls * answer["share"]):
            raise WrongResult(f"{way}: {answer['rows']} rows of {urls} pages were stored")
        answers[way].append(answer)
        running.drop(url)
        command.progress(f"round {number}: {way}: {answer['seconds']:.2f} s")
    return {
        way: {"seconds": Spread.of([one["seconds"] for one in repeated]).as_json(), "share": repeated[0]["share"]}
        for way, repeated in answers.items()
    }


def _python(name: str) -> Path:
    return Path(sys.executable) if name in OWN else peers.python()


def paragraphs(result: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of the page."""
    settings = result["settings"]
    return [
        f"{result['machine']} {settings['urls']:,} urls, {settings['rounds']} rounds, Postgres {settings['postgres']} with "
        f"fsync {settings['durability']}. Median (lowest–highest).",
        _reading_table(result["reading"], settings["urls"]),
        _memory_table(result["memory"]),
        _storing_table(result["storing"]),
    ]


def _reading_table(reading: Mapping[str, Any], urls: int) -> str:
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


def _memory_table(memory: Mapping[str, Any]) -> str:
    sizes = [at["urls"] for at in next(iter(memory.values()))]
    rows = [(name, *(f"{at['megabytes']:.1f}" for at in points)) for name, points in memory.items()]
    return markdown(("peak MB beyond imports", *(f"{size:,} urls" for size in sizes)), rows)


def _storing_table(storing: Mapping[str, Any]) -> str:
    bare = storing["bare COPY of ready rows"]["seconds"]["median"]
    rows = [
        (
            name + ("" if one["share"] == 1 else " (scaled up)"),
            shown_spread(one["seconds"]),
            f"{one['seconds']['median'] / bare:.2f}×",
        )
        for name, one in storing.items()
    ]
    return markdown(("way of storing", "seconds", "to a bare COPY"), rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
