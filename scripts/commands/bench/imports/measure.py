"""Runs an entry point's imports in fresh processes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.commands.bench.imports.deployed import Deployed

PROGRAM = """
import sys, time
before = set(sys.modules)
began = time.process_time()
{program}
took = time.process_time() - began
print("{{}} {{}}".format(took * 1000, len(set(sys.modules) - before)))
"""
ENVIRONMENT = {
    "DATABASE_URL": "postgresql+pg8000://nobody@127.0.0.1/nothing",
    "STAGE": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class Took:
    """The fastest of the runs, milliseconds of processor time, and how many modules were imported."""

    milliseconds: float
    modules: int


def measure(deployed: Deployed, program: str, *, runs: int, nowhere: Path | None = None) -> Took:
    """``program`` in ``runs`` fresh processes; with the empty folder ``nowhere``, as if no module had bytecode."""
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(map(str, deployed.path))}
    if nowhere:
        environment["PYTHONPYCACHEPREFIX"] = str(nowhere)
    command = [sys.executable, "-S", "-P", "-c", PROGRAM.format(program=program)]
    took = []
    for _ in range(runs):
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{program} failed: {ran.stderr.strip()[-2000:]}")
        took.append(json.loads(f"[{ran.stdout.strip().replace(' ', ',')}]"))
    return Took(min(milliseconds for milliseconds, _ in took), took[0][1])
