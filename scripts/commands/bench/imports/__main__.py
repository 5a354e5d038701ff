"""``scripts/bench/imports [--runs N]``: processor time of each entry point's imports, in fresh processes, against a budget.

The layer is that of the lock for this machine's Python, with bytecode as deployed; another column shows the time without
bytecode. Exits with 1 when an entry point takes longer than its budget.
"""

import argparse
import compileall
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import ROOT
from infra.dependencies import PLATFORM, Architecture, install
from scrapersky.runtime.registry import SERVICES
from scripts.commands.bench import command
from scripts.commands.bench.results import markdown

IDLE_MS, WORKING_MS, OTHER_MS = 500, 1_000, 800
"""Budgets, milliseconds of one processor of a server: about twice what was measured on a quiet machine."""
HEADER = ("function, entry point", "ms", "budget", "without bytecode", "modules")
PROGRAM = """
import sys, time
before = set(sys.modules)
began = time.process_time()
{program}
took = time.process_time() - began
print("{{}} {{}}".format(took * 1000, len(set(sys.modules) - before)))
"""
ENVIRONMENT = {
    "DATABASE_URL": "postgresql+pg8000://user@127.0.0.1/none",
    "STAGE": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class EntryPoint:
    """One way into a function: the program imports its modules, one after the other."""

    function: str
    name: str
    program: str
    budget_ms: int


def entry_points() -> Iterator[EntryPoint]:
    """Yield those of every function, ticks first. A batch includes what its jobs import while they wait."""
    handlers = {service.name: f"import {service.folder}.handler as one" for service in SERVICES}
    for service in SERVICES:
        program = f"{handlers[service.name]}; import scrapersky.runtime.tick"
        yield EntryPoint(service.name, "tick", program, IDLE_MS)
    for service in SERVICES:
        jobs = "import scrapersky.runtime.batch, scrapersky.runtime.web_access"
        modules = f"pkgutil.iter_modules({service.folder}.__path__)"
        every = f"[importlib.import_module('{service.folder}.' + one.name) for one in {modules}]"
        program = f"{handlers[service.name]}; {jobs}; import {service.folder}, importlib, pkgutil; {every}"
        yield EntryPoint(service.name, "batch", program, WORKING_MS)
    yield EntryPoint("dead-letter", "batch", "import dead_letter.handler", IDLE_MS)
    yield EntryPoint("api", "request", "import api.handler", OTHER_MS)
    yield EntryPoint("migrate", "deployment", "import migrate.handler, alembic.command", OTHER_MS)


def deployed(folder: Path) -> tuple[Path, ...]:
    """Install the code into ``folder`` as on Lambda, but for this machine's Python; return the import path.

    The locked layer has bytecode, our own code has none; the last entry has boto3. Raises
    :class:`infra.dependencies.LayerError`.
    """
    own = {"functions": ROOT / "functions", "common": ROOT / "layers" / "common" / "python"}
    for name, source in own.items():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "events"))
    architecture: Architecture = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
    layer = folder / "layer"
    install(layer, PLATFORM[architecture], f"{sys.version_info.major}.{sys.version_info.minor}")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(layer, quiet=1, invalidation_mode=unchecked)
    runtime = next(Path(entry) for entry in sys.path if Path(entry, "boto3").is_dir())
    return (*(folder / name for name in own), layer, runtime)


def measure(path: Sequence[Path], program: str, *, runs: int, cache: Path | None = None) -> tuple[float, int]:
    """Return the fastest of ``runs`` fresh processes, in milliseconds, and the number of imported modules.

    With an empty folder as ``cache``, no module has bytecode.
    """
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    if cache:
        environment["PYTHONPYCACHEPREFIX"] = str(cache)
    arguments = [sys.executable, "-S", "-P", "-c", PROGRAM.format(program=program)]
    measured = []
    for _ in range(runs):
        ran = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{program} failed: {ran.stderr.strip()[-2000:]}")
        measured.append(json.loads(f"[{ran.stdout.strip().replace(' ', ',')}]"))
    return min(milliseconds for milliseconds, _ in measured), measured[0][1]


def main() -> int:
    """Print the table; return 1 when a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="scripts/bench/imports", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="processes for each number, of which the fastest counts")
    options = parser.parse_args()
    machine = command.machine()
    rows, over = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = deployed(Path(folder))
        for one in entry_points():
            milliseconds, modules = measure(path, one.program, runs=options.runs)
            bare, _ = measure(path, one.program, runs=1, cache=Path(folder, "empty"))
            name = f"{one.function}, {one.name}"
            rows.append((name, *(f"{number:.0f}" for number in (milliseconds, one.budget_ms, bare, modules))))
            if milliseconds > one.budget_ms:
                over.append(name)
    print(markdown(HEADER, rows))
    print(f"\n{machine} The fastest of {options.runs} fresh processes.")
    if over:
        print(f"Over budget: {'; '.join(over)}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
