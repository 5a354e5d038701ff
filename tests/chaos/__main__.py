"""``scripts/chaos``: run the services while everything fails, then check that no result was lost or applied twice."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.results import as_json, as_table
from tests.chaos.run import OutOfTime, run_chaos

DESCRIPTION = """ Run the domain-scheduler and dead-letter functions in processes of their own, against a simulated
SQS and a real Postgres. Meanwhile messages are repeated, delayed and broken, calls fail, processes are killed or
frozen, and Postgres and its network fail. When enough messages were delivered, the faults stop, the queues are worked
off, and the database is checked. Exit status: 0 when no result was lost, stale or applied twice and every record came
to an end, else 1.
"""


def main(arguments: list[str]) -> int:
    """Run, print the report and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=DESCRIPTION)
    add = parser.add_argument
    add("--deliveries", type=int, default=100_000, metavar="N", help="messages to deliver with faults (100,000)")
    add("--records", type=int, default=5_000, metavar="N", help="records; each is worked on several times (5,000)")
    add("--seed", type=int, default=1, metavar="N", help="seed of all random choices (1)")
    add("--environments", type=int, default=4, metavar="N", help="worker processes (4)")
    add(
        "--freeze",
        type=float,
        default=Plan.freeze,
        metavar="SHARE",
        help="share of batches that freeze (0.06)",
    )
    add("--time-limit", type=float, default=3_600, metavar="SECONDS", help="fail after this time (3600)")
    add("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    plan = Plan(
        seed=options.seed,
        deliveries=options.deliveries,
        records=options.records,
        environments=options.environments,
        freeze=options.freeze,
        time_limit=options.time_limit,
    )
    with tempfile.TemporaryDirectory(prefix="scrapersky-chaos-", ignore_cleanup_errors=True) as directory:
        try:
            result = run_chaos(plan, Path(directory), lambda line: print(line, file=sys.stderr, flush=True))
        except OutOfTime as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    print(json.dumps(as_json(result), indent=2) if options.json else as_table(result))
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
