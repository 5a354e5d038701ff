"""What all benchmark commands share: options, interleaved rounds, progress, and publishing the result."""

import argparse
import datetime
import json
import os
import platform
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from scripts.commands.bench import peers

PAGES = peers.ROOT / "docs" / "benchmarks"
RESULTS = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)
BUSY = 0.5
"""A load average from which the machine does not count as quiet."""
T = TypeVar("T")


class NoResults(LookupError):
    """The page has no place for the results."""


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    made = argparse.ArgumentParser(prog=f"scripts/bench/{name}", description=description)
    made.add_argument("--own-only", action="store_true", help="leave out other projects")
    made.add_argument(
        "--publish",
        type=Path,
        nargs="?",
        const=PAGES,
        metavar="FOLDER",
        help="also write the tables into the page of this benchmark (default: docs/benchmarks)",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the whole result as JSON")
    return made


def has_peers(options: argparse.Namespace) -> bool:
    """Return whether other projects take part; installs them first. Reports why when they cannot be installed."""
    if options.own_only:
        return False
    try:
        peers.python()
    except peers.NoPeers as error:
        progress(f"without other projects, whose environment could not be made: {error}")
        return False
    return True


def interleaved(contenders: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Yield (round from 1, contender): each round starts with another contender."""
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in [*contenders[shift:], *contenders[:shift]]:
            yield number + 1, contender


def progress(line: str) -> None:
    """Print ``line`` to standard error."""
    print(line, file=sys.stderr, flush=True)


def machine() -> str:
    """Return a sentence about the machine, and whether something else was running on it."""
    load = os.getloadavg()[0]
    memory = int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) / 1024**2
    measured_on = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    processor = _field(Path("/proc/cpuinfo"), "model name") or platform.machine()
    busy = "" if load < BUSY else f" **Not quiet: the load average was {load:.2f} before the run.**"
    return (
        f"Measured on {measured_on}: {len(os.sched_getaffinity(0))} cores of {processor}, {memory:.1f} GB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}.{busy}"
    )


def publish(name: str, options: argparse.Namespace, result: Mapping[str, Any], paragraphs: Sequence[str]) -> None:
    """Print ``paragraphs``; where the options say so, write them into the page and ``result`` into a JSON file."""
    text = "\n\n".join(one if one.startswith("|") else textwrap.fill(one, 100) for one in paragraphs)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.publish:
        page = options.publish / f"{name}.md"
        page.write_text(fill(page.read_text(encoding="utf-8"), text), encoding="utf-8")


def fill(page: str, text: str) -> str:
    """Return ``page`` with ``text`` between its two marks. Raises :class:`NoResults`."""
    if not RESULTS.search(page):
        raise NoResults("the page has no <!-- results --> … <!-- /results -->")
    return RESULTS.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def _field(file: Path, name: str) -> str:
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
