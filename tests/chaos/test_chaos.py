"""Chaos in the suite: 5,000 deliveries with faults lose no result, apply none twice, and leave no record stuck."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.crash_points import IN_BATCH
from tests.chaos.plan import Plan
from tests.chaos.results import as_table
from tests.chaos.run import run_chaos
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT, copy_code, search_path
from tests.mutants.runtime_guards import SAVED_ALONE

PLAN = Plan(
    seed=20_261_123,
    deliveries=5_000,
    records=600,
    kill_in_batch=0.3,
    kill_in_tick=0.7,
    terminate_every=100,
    restart_every=900,
    black_hole_every=600,
    time_jump_every=750,
)
"""As many faults as in a run of 20,000 deliveries at the usual rates."""


@pytest.mark.timeout(900)
def test_with_all_faults_each_result_is_applied_once_and_every_record_ends(tmp_path: Path) -> None:
    result = run_chaos(PLAN, tmp_path)
    table = as_table(result)
    print(table)
    assert result.passed, table
    assert result.deliveries >= PLAN.deliveries
    # Each kind of fault must have occurred, or the run proves nothing.
    for point in IN_BATCH:
        assert result.kills[f"batch: {point}"] >= 1, table
    for point in ("after claim", "after send"):
        assert result.kills[f"tick: {point}"] >= 1, table
    assert result.happened["Postgres restarted"] + result.happened["Postgres crashed and recovered"] >= 3, table
    for event in (
        "connections black-holed",
        "connections cut by the network",
        "connections cut by the server",
        "entries failed",
        "frozen and resumed",
        "jumps beyond the dispatch lease",
        "dead letters delayed",
        "messages dead_lettered",
        "messages duplicated",
        "old messages sent",
        "messages delayed",
        "messages reordered",
    ):
        assert result.happened[event] >= 1, f"no {event}\n{table}"
    assert result.observed["stale results"] >= 1, table
    assert result.observed["pulled"] >= 100, table
    assert result.observed["Pulled"] >= 1, table
    # A pull takes an attempt over long before its dispatch lease ends, or its message is a dead letter.
    assert {"abandoned", "lost", "released"} <= result.database.attempts.keys(), table


@pytest.mark.timeout(600)
def test_chaos_detects_a_missing_fence(tmp_path: Path) -> None:
    copy_code(tmp_path)
    (fence,) = (mutant for mutant in MUTANTS if mutant.guard == "finish: this attempt, not another of the record")
    fence.apply(tmp_path)
    SAVED_ALONE.apply(tmp_path)
    # A run this short may miss it: a frozen worker has to wake while another works on its record. Three do not.
    assert any(_short_run(tmp_path, seed) == "FAILED" for seed in (1, 2, 3))


def _short_run(code: Path, seed: int) -> str:
    """Return the outcome, PASSED or FAILED, on 1,500 deliveries with many freezes."""
    options = ("--deliveries", "1500", "--records", "300", "--freeze", "0.2", "--time-limit", "200")
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options, "--seed", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path(code))},
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = run.stdout.rstrip().rpartition("\n")[2]
    assert (run.returncode, outcome) in {(0, "PASSED"), (1, "FAILED")}, run.stderr
    return outcome
