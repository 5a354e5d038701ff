"""``scripts/mutants``: remove each guard of the code in turn, and show the test that fails without it."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.forked import Refused, try_all_forked
from tests.mutants.generated import generated
from tests.mutants.mutant import ROOT, Mutant, Trial, run_tests, try_out
from tests.mutants.survivors import reason_of

DESCRIPTION = """ Remove each guard of the status machine, its runtime and its database schema in turn, in a copy of
the code, and run the tests that must notice. Prints one line per mutant: the guard, the time, and the test that
failed ("SURVIVED" if none did). The tests first run against the unchanged code. With --generated the mutants are made
from the source: one condition, assignment or branch each, of all statements. Exit status: 0 when every mutant was killed
or has a reason in tests/mutants/survivors.py, else 1.
"""


def main(arguments: list[str]) -> int:
    """Run the tests without a mutant first (a test that fails anyway proves nothing), then try each mutant."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=DESCRIPTION)
    parser.add_argument("words", nargs="*", metavar="WORD", help="try only guards that contain one of these words")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="mutants to try in parallel (default: 2)")
    parser.add_argument("--generated", action="store_true", help="mutants made from the source, not the catalogue's")
    parser.add_argument("--list", action="store_true", help="list the guards and exit")
    options = parser.parse_args(arguments)
    all_mutants = generated() if options.generated else MUTANTS
    mutants = [one for one in all_mutants if not options.words or any(word in one.guard for word in options.words)]
    if not mutants:
        print(f"no guard contains {' or '.join(options.words)}; --list shows all", file=sys.stderr)
        return 1
    if options.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # not for tests, which close pipes
        print("\n".join(mutant.guard for mutant in mutants))
        return 0
    began = time.monotonic()
    killed = explained = 0
    try:
        for trial in (try_all_forked if options.generated else try_all)(mutants, options.at_once):
            print(line(trial), flush=True)
            killed += trial.killer is not None
            explained += trial.survived and reason_of(trial.mutant) is not None
    except Refused as refused:
        print(f"the tests fail without any mutant:\n{refused}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    print(f"\n{killed} of {len(mutants)} mutants killed, {explained} survived with a known reason, in {seconds:.0f} s")
    return 0 if killed + explained == len(mutants) else 1


def try_all(mutants: Sequence[Mutant], at_once: int) -> Iterator[Trial]:
    """Yield the trials in the order of ``mutants``. Raises :class:`Refused`."""
    output, code = run_tests(sorted({test for mutant in mutants for test in mutant.tests}), ROOT)
    if code != 0:
        raise Refused(output)
    with tempfile.TemporaryDirectory(prefix="scrapersky-mutants-") as directory, ThreadPoolExecutor(at_once) as threads:
        scratch = (Path(directory) / str(number) for number in range(len(mutants)))
        yield from threads.map(try_out, mutants, scratch)


def line(trial: Trial) -> str:
    """Return one row of the table."""
    survived = f"SURVIVED ({reason_of(trial.mutant)})" if reason_of(trial.mutant) else "SURVIVED"
    result = trial.killer or (f"ERROR {trial.error}" if trial.error else survived)
    return f"{trial.mutant.guard:<66} {trial.seconds:4.0f} s  {result}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
