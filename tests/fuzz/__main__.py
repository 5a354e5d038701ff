"""``scripts/fuzz [TARGET …] [--minutes N]``: fuzzes each target in turn. Exit code 1 when anything was found."""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import blind, guided
from tests.fuzz.watch import Watch

TARGETS = ("sitemaps", "robots", "pages", "names", "streams")


def main(arguments: list[str]) -> int:
    """One process per target; ``--minutes`` are of the processor, for each."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=1.0, help="processor time for each target")
    parser.add_argument("--seed", type=int, default=1, help="fixes every draw")
    parser.add_argument(
        "--findings", type=Path, help="folder that inputs with findings go to (default: a temporary one)"
    )
    parser.add_argument("--again", type=Path, metavar="FILE", help="only run this input, and raise what it raises")
    parser.add_argument("--blind", action="store_true", help="mutations only, even where atheris is installed")
    parser.add_argument("--install", action="store_true", help=f"put {guided.VERSION} into .fuzzer, for guided fuzzing")
    parser.add_argument("--list", action="store_true", help="only say what there is to fuzz")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.target) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if chosen.install:
        return subprocess.call(
            [sys.executable, "-m", "uv", "pip", "install", "--target", guided.FOLDER, guided.VERSION]
        )
    if chosen.list:
        for name in TARGETS:
            print(f"{name:10} {_watch(name, Path()).target.about}")
        return 0
    if chosen.again:
        for name in chosen.target or [chosen.again.name.partition("-")[0]]:
            _watch(name, Path()).target.check(chosen.again.read_bytes())
        return 0
    findings = chosen.findings or Path(tempfile.mkdtemp(prefix="scrapersky-fuzz-"))
    if len(chosen.target) == 1:
        return _fuzz(chosen.target[0], findings, chosen)
    codes = [
        subprocess.call([sys.executable, "-m", "tests.fuzz", name, *_passed_on(chosen, findings)])
        for name in chosen.target or TARGETS
    ]
    return max(codes)


def _fuzz(name: str, findings: Path, chosen: argparse.Namespace) -> int:
    seconds = 60 * chosen.minutes
    if guided.is_here() and not chosen.blind:
        guided.fuzz(lambda: _watch(name, findings), seconds, chosen.seed, _report)
    watch = _watch(name, findings)
    blind.fuzz(watch, seconds, chosen.seed)
    return _report(watch)


def _watch(name: str, findings: Path) -> Watch:
    return Watch(importlib.import_module(f"tests.fuzz.targets.{name}").TARGET, findings)


def _report(watch: Watch) -> int:
    found = len(watch.findings)
    print(f"{watch.target.name:10} {watch.runs:9,} inputs, slowest {watch.slowest:.2f} s, {found} findings", flush=True)
    return 1 if found else 0


def _passed_on(chosen: argparse.Namespace, findings: Path) -> list[str]:
    passed = ["--minutes", str(chosen.minutes), "--seed", str(chosen.seed), "--findings", str(findings)]
    return [*passed, "--blind"] if chosen.blind else passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
