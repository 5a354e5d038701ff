"""``scripts/mutants [NAME …]``: removes each guard in turn and shows the test that fails. Exit code 1 when one survives."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.trial import ROOT, Trial, run_tests, try_out


def main(arguments: list[str]) -> int:
    """First without any mutant: a test that fails anyway kills nothing. Then each mutant."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("guard", nargs="*", help="only mutants whose guard contains one of these words")
    parser.add_argument("--at-once", type=int, default=2, help="mutants tried at once")
    parser.add_argument("--list", action="store_true", help="only say what would be removed")
    chosen = parser.parse_args(arguments)
    mutants = [one for one in MUTANTS if not chosen.guard or any(word in one.guard for word in chosen.guard)]
    if chosen.list:
        print("\n".join(mutant.guard for mutant in mutants))
        return 0
    began = time.monotonic()
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    told, code = run_tests(tests, ROOT)
    if code != 0:
        print(f"the tests fail without any mutant:\n{told}", file=sys.stderr)
        return 1
    trials = []
    for trial in try_all(mutants, chosen.at_once):
        print(line(trial), flush=True)
        trials.append(trial)
    killed = sum(trial.killer is not None for trial in trials)
    print(f"\n{killed} of {len(trials)} mutants killed, in {time.monotonic() - began:.0f} s")
    return 0 if killed == len(trials) else 1


def try_all(mutants: Sequence[Mutant], at_once: int) -> Iterator[Trial]:
    """The trials, in the mutants' order."""
    with tempfile.TemporaryDirectory(prefix="scrapersky-mutants-") as directory, ThreadPoolExecutor(at_once) as threads:
        scratch = (Path(directory) / str(number) for number in range(len(mutants)))
        yield from threads.map(try_out, mutants, scratch)


def line(trial: Trial) -> str:
    """One row of the table."""
    end = trial.killer or (f"TROUBLE {trial.trouble}" if trial.trouble else "SURVIVED")
    return f"{trial.mutant.guard:<66} {trial.seconds:4.0f} s  {end}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
