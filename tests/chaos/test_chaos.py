"""Chaos in the suite: 20,000 deliveries with everything going wrong, and then nothing is lost, stuck, stale or twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plan import Plan
from tests.chaos.points import IN_A_BATCH
from tests.chaos.report import as_table
from tests.chaos.stage import wreak
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import LAYER, ROOT, Edit, Mutant, copy_code, search_path

DELIVERIES = 20_000
ALONE = Mutant("results are saved together", (Edit(f"{LAYER}/runtime/saving.py", "len(done) > 1", "not done"),), ())
"""Sends every result through the statement that lacks its fence."""


@pytest.mark.timeout(900)
def test_whatever_happens_each_result_is_applied_once_and_every_record_comes_to_an_end(tmp_path: Path) -> None:
    outcome = wreak(Plan(seed=20_261_123, deliveries=DELIVERIES), tmp_path)
    table = as_table(outcome)
    print(table)
    assert outcome.passed, table
    assert outcome.deliveries >= DELIVERIES
    # A calm run proves nothing: each kind of trouble must really have been there.
    for point in IN_A_BATCH:
        assert outcome.kills[f"batch: {point}"] >= 1, table
    for point in ("after claim", "after send"):
        assert outcome.kills[f"tick: {point}"] >= 1, table
    assert outcome.happened["Postgres restarted"] + outcome.happened["Postgres crashed and recovered"] >= 3, table
    for trouble in (
        "connections black-holed",
        "connections cut by the network",
        "connections cut by the server",
        "entries failed",
        "frozen and thawed",
        "leaps beyond the dispatch lease",
        "letters lingered",
        "messages dead_lettered",
        "messages duplicated",
        "messages from the past",
        "messages lingered",
        "messages reordered",
    ):
        assert outcome.happened[trouble] >= 1, f"no {trouble}\n{table}"
    assert outcome.told["stale results"] >= 1, table
    assert {"abandoned", "dead_letter", "lost", "released", "undelivered"} <= outcome.verdict.outcomes.keys(), table


@pytest.mark.timeout(300)
def test_chaos_finds_out_when_the_fence_is_missing(tmp_path: Path) -> None:
    copy_code(tmp_path)
    (fence,) = (mutant for mutant in MUTANTS if mutant.guard == "finish: this attempt, not another of the record")
    fence.apply(tmp_path)
    ALONE.apply(tmp_path)
    much = ("--deliveries", "1500", "--records", "300", "--freeze", "0.2", "--time-limit", "200")
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *much],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout
    assert "FAILED" in run.stdout, run.stderr
