"""Feed random, broken and hostile input to every reader of external bytes, and keep each input that breaks a property.

Exit code 1 if there are findings.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import guided, mutation
from tests.fuzz.runner import Runner

TARGETS = ("sitemaps", "robots", "pages", "names", "streams", "reader")


def main(arguments: list[str]) -> int:
    """Fuzz each chosen target in a process of its own."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.target) - set(TARGETS):
        parser.error(f"unknown target: {', '.join(sorted(unknown))}; valid targets: {', '.join(TARGETS)}")
    if options.install:
        return subprocess.call(
            [sys.executable, "-m", "uv", "pip", "install", "--target", guided.FOLDER, guided.VERSION]
        )
    if options.list:
        for name in TARGETS:
            print(f"{name:10} {_runner(name, Path()).target.about}")
        return 0
    if options.again:
        for name in options.target or [options.again.name.partition("-")[0]]:
            _runner(name, Path()).target.check(options.again.read_bytes())
        return 0
    findings = options.findings or Path(tempfile.mkdtemp(prefix="scrapersky-fuzz-"))
    if len(options.target) == 1:
        return _fuzz(options.target[0], findings, options)
    codes = [
        subprocess.call([sys.executable, "-m", "tests.fuzz", name, *_forwarded(options, findings)])
        for name in options.target or TARGETS
    ]
    return max(codes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"what to fuzz: {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=1.0, help="processor time per target, in minutes (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random generator (default: 1)")
    parser.add_argument(
        "--findings", type=Path, help="folder for the inputs that break a property (default: a new temporary folder)"
    )
    parser.add_argument("--again", type=Path, metavar="FILE", help="run only this input and show the exception")
    parser.add_argument("--blind", action="store_true", help="do not use atheris, even if it is installed")
    parser.add_argument(
        "--install", action="store_true", help=f"install {guided.VERSION} into .fuzzer, for coverage-guided fuzzing"
    )
    parser.add_argument("--list", action="store_true", help="list the targets")
    return parser


def _fuzz(name: str, findings: Path, options: argparse.Namespace) -> int:
    seconds = 60 * options.minutes
    if guided.is_installed() and not options.blind:
        guided.fuzz(lambda: _runner(name, findings), seconds, options.seed, _report)
    runner = _runner(name, findings)
    mutation.fuzz(runner, seconds, options.seed)
    return _report(runner)


def _runner(name: str, findings: Path) -> Runner:
    return Runner(importlib.import_module(f"tests.fuzz.targets.{name}").TARGET, findings)


def _report(runner: Runner) -> int:
    found = len(runner.findings)
    print(
        f"{runner.target.name:10} {runner.runs:9,} inputs, slowest {runner.slowest:.2f} s, {found} findings", flush=True
    )
    return 1 if found else 0


def _forwarded(options: argparse.Namespace, findings: Path) -> list[str]:
    """Return the arguments for the process of one target."""
    arguments = ["--minutes", str(options.minutes), "--seed", str(options.seed), "--findings", str(findings)]
    return [*arguments, "--blind"] if options.blind else arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
