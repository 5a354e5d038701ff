"""``scripts/bench/imports [--runs N]``: processor time that each handler's entry points take to import, in fresh processes.

The layer is that of the lock for this machine's Python, with the bytecode of the deployed one; beside it stands what the
same costs without bytecode. Ends with 1 when an entry point takes longer than its budget.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from scripts.commands.bench import machine
from scripts.commands.bench.imports.deployed import Deployed
from scripts.commands.bench.imports.entry_points import entry_points
from scripts.commands.bench.imports.measure import measure
from scripts.commands.bench.table import markdown

HEAD = ("function, entry point", "ms", "budget", "without bytecode", "modules")


def main() -> int:
    """Prints the table; returns 1 when a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="scripts/bench/imports", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="processes for each number, of which the fastest counts")
    given = parser.parse_args()
    where = machine.describe()
    rows, over = [], []
    with tempfile.TemporaryDirectory() as folder:
        deployed = Deployed.here(Path(folder))
        nowhere = Path(folder, "nowhere")
        for one in entry_points():
            took = measure(deployed, one.program, runs=given.runs)
            bare = measure(deployed, one.program, runs=1, nowhere=nowhere)
            name = f"{one.function}, {one.name}"
            numbers = (took.milliseconds, one.budget_ms, bare.milliseconds, took.modules)
            rows.append((name, *(f"{number:.0f}" for number in numbers)))
            if took.milliseconds > one.budget_ms:
                over.append(name)
    print(markdown(HEAD, rows))
    print(f"\n{machine.sentence(where)} The fastest of {given.runs} fresh processes.")
    if over:
        print(f"Over budget: {'; '.join(over)}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
