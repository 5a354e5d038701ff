"""A short, deterministic part of the fuzzing, for every run of the suite. ``scripts/fuzz`` runs longer."""

import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import TARGETS, main
from tests.fuzz.mutation import MAX_BYTES, mutate
from tests.fuzz.runner import Runner, Target, hold
from tests.fuzz.targets import names, pages, reader, robots, sitemaps, streams

EXAMPLES = {"sitemaps": 120, "robots": 150, "pages": 60, "names": 200, "streams": 200, "reader": 4}
BY_NAME = {
    target.name: target for target in (module.TARGET for module in (names, pages, reader, robots, sitemaps, streams))
}
SHORT = 6_000
"""Longest seed that is mutated here, in bytes."""


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_real_input_breaks_no_property(name: str) -> None:
    target = BY_NAME[name]
    seeds = [seed for seed in target.seeds() if len(seed) <= SHORT][:60]

    @settings(max_examples=EXAMPLES[name], derandomize=True, deadline=None, database=None)
    @given(which=st.integers(0, len(seeds) - 1), random=st.integers(0, 2**32))
    def check(which: int, random: int) -> None:
        target.check(mutate(seeds[which], seeds, target.words, Random(random))[:50_000])

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_tokens_in_any_order_break_no_property(name: str) -> None:
    target = BY_NAME[name]

    @settings(
        max_examples=EXAMPLES[name] // 2, derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(st.lists(st.sampled_from(target.words) | st.binary(max_size=6), max_size=60).map(b"".join))
    def check(data: bytes) -> None:
        target.check(data)

    check()


def test_mutations_are_reproducible_by_seed_and_bounded_in_size() -> None:
    seeds = [b"<url><loc>https://example.com/</loc></url>" * 100, b""]
    one, other = ([mutate(seeds[0], seeds, (b"x", b"<"), Random(n)) for n in range(300)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 200
    assert max(map(len, one)) <= MAX_BYTES


def check_toy(data: bytes) -> None:
    """Break a property for inputs with "bad" in them, and be slow for those with "slow"."""
    hold(b"bad" not in data, "the input is bad", data)
    if b"slow" in data:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass


def test_the_smallest_input_of_each_kind_of_finding_is_kept(tmp_path: Path) -> None:
    runner = Runner(Target("toy", "", check_toy, lambda: (), ()), tmp_path, base_seconds=0.05)
    for data in (b"good", b"some bad bytes", b"bad", b"longer bad bytes", b"slow"):
        runner.run(data)
    assert runner.runs == 5
    assert sorted(path.read_bytes() for path in runner.findings.values()) == [b"bad", b"slow"]
    reports = [path.read_text() for path in tmp_path.glob("*.txt")]
    assert any("the input is bad" in text for text in reports)


def test_a_kept_input_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "robots-1"
    file.write_bytes(b"\x01User-agent: *\n")
    assert main(["--again", str(file)]) == 0
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "valid targets: sitemaps, robots, pages, names, streams" in capsys.readouterr().err
