"""``scripts/chaos``: the long chaos run. Exit code 1 when anything was lost, stuck, stale or applied twice."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.report import as_json, as_table
from tests.chaos.run import OutOfTime
from tests.chaos.stage import wreak


def main(arguments: list[str]) -> int:
    """Runs, prints the table (or ``--json``), judges."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000, help="messages delivered before things calm down")
    parser.add_argument("--records", type=int, default=5_000, help="records, each through several cycles")
    parser.add_argument("--seed", type=int, default=1, help="fixes every draw")
    parser.add_argument("--environments", type=int, default=4, help="worker processes at once")
    parser.add_argument("--freeze", type=float, default=Plan.freeze, help="share of batches whose worker freezes")
    parser.add_argument("--time-limit", type=float, default=3_600, help="seconds after which the run has failed")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    chosen = parser.parse_args(arguments)
    plan = Plan(
        seed=chosen.seed,
        deliveries=chosen.deliveries,
        records=chosen.records,
        environments=chosen.environments,
        freeze=chosen.freeze,
        time_limit=chosen.time_limit,
    )
    with tempfile.TemporaryDirectory(prefix="scrapersky-chaos-", ignore_cleanup_errors=True) as directory:
        try:
            outcome = wreak(plan, Path(directory), lambda line: print(line, file=sys.stderr, flush=True))
        except OutOfTime as problem:
            print(f"FAILED: {problem}", file=sys.stderr)
            return 1
    print(json.dumps(as_json(outcome), indent=2) if chosen.json else as_table(outcome))
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
