"""The benchmark of the pipeline in its smallest form, with our own contenders; and the web that it reads."""

import json
from collections import Counter
from pathlib import Path

import pytest

from scripts.commands.bench.pipeline.__main__ import main
from scripts.commands.bench.pipeline.draining import with_waiting
from scripts.commands.bench.pipeline.web import DEAD, HANGING, SLOW, home_pages, host


def test_every_hundred_hosts_have_their_share_of_dead_hanging_and_slow_ones() -> None:
    hosts = [host(number) for number in range(1, 1_001)]
    kinds = Counter(
        "dead" if not one.exists else "hanging" if one.seconds is None else "slow" if one.seconds >= 2 else "ordinary"
        for one in hosts
    )
    assert kinds == {"dead": 10 * DEAD, "hanging": 10 * HANGING, "slow": 10 * SLOW, "ordinary": 920}
    latencies = [one.seconds for one in hosts if one.seconds is not None and one.seconds < 2]
    assert 0.05 <= min(latencies) < 0.06
    assert 0.29 < max(latencies) <= 0.3
    assert host(7) == host(7)


def test_on_the_slow_web_every_host_takes_three_to_ten_seconds() -> None:
    latencies = [host(number, slow=True).seconds or 0 for number in range(1, 1_001)]
    assert 3 <= min(latencies) < 3.1
    assert 9.9 < max(latencies) <= 10


def test_without_a_corpus_the_sites_of_the_local_run_are_read(tmp_path: Path) -> None:
    assert all(b"<" in page for page in home_pages(tmp_path))


@pytest.mark.parametrize(
    ("batches", "seconds"), [([5, 5], 65), ([59, 61, 3], 183), ([60, 1], 61), ([], 0), ([130], 130)]
)
def test_a_batch_starts_at_the_next_full_minute_after_the_one_before(batches: list[float], seconds: float) -> None:
    assert with_waiting(batches) == seconds


def test_a_run_reads_real_pages_prints_its_tables_and_fills_its_page(tmp_path: Path) -> None:
    page, result = tmp_path / "pipeline.md", tmp_path / "result.json"
    page.write_text("<!-- results -->\nOLD TEXT\n<!-- /results -->\n")
    small = ["--records=2", "--at-once=10", "--rounds=1", "--slow-records=0", "--own-only", "--without-durability"]
    assert main([*small, "--publish", str(tmp_path), "--json", str(result)]) == 0

    measured = json.loads(result.read_text())
    assert measured["contact_pages"]["statements"]["median"] > 0
    (run,) = measured["runs"]
    ours = run["contenders"]["ours"]
    assert (ours["records"], ours["read"], ours["different"]) == (2, 2, 0)
    assert ours["measures"]["statements"]["median"] > 0
    assert ours["measures"]["out_of_time"]["median"] == 0
    assert "OLD TEXT" not in page.read_text()
