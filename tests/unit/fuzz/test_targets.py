"""A short, fixed part of the fuzzing for every run of the suite; ``scripts/fuzz`` goes on for as long as one likes."""

import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import TARGETS, main
from tests.fuzz.mutation import LONGEST, mutated
from tests.fuzz.target import Target, hold
from tests.fuzz.targets import names, pages, robots, sitemaps, streams
from tests.fuzz.watch import Watch

EXAMPLES = {"sitemaps": 120, "robots": 150, "pages": 60, "names": 200, "streams": 200}
BY_NAME = {target.name: target for target in (module.TARGET for module in (names, pages, robots, sitemaps, streams))}
SHORT = 6_000
"""Bytes of a seed that is mutated here."""


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_real_input_break_nothing(name: str) -> None:
    target = BY_NAME[name]
    seeds = [seed for seed in target.seeds() if len(seed) <= SHORT][:60]

    @settings(max_examples=EXAMPLES[name], derandomize=True, deadline=None, database=None)
    @given(which=st.integers(0, len(seeds) - 1), random=st.integers(0, 2**32))
    def check(which: int, random: int) -> None:
        target.check(mutated(seeds[which], seeds, target.words, Random(random))[:50_000])

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_words_in_any_order_break_nothing(name: str) -> None:
    target = BY_NAME[name]

    @settings(
        max_examples=EXAMPLES[name] // 2, derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(st.lists(st.sampled_from(target.words) | st.binary(max_size=6), max_size=60).map(b"".join))
    def check(data: bytes) -> None:
        target.check(data)

    check()


def test_a_mutation_is_fixed_by_its_seed_and_bounded() -> None:
    seeds = [b"<url><loc>https://example.com/</loc></url>" * 100, b""]
    one, other = ([mutated(seeds[0], seeds, (b"x", b"<"), Random(n)) for n in range(300)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 200
    assert max(map(len, one)) <= LONGEST


def broken(data: bytes) -> None:
    hold(b"bad" not in data, "there is something bad", data)
    if b"slow" in data:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass


def test_each_kind_of_finding_is_kept_once_by_its_smallest_input(tmp_path: Path) -> None:
    watch = Watch(Target("toy", "", broken, lambda: (), ()), tmp_path, base_seconds=0.05)
    for data in (b"good", b"some bad bytes", b"bad", b"longer bad bytes", b"slow"):
        watch.run(data)
    assert watch.runs == 5
    assert sorted(path.read_bytes() for path in watch.findings.values()) == [b"bad", b"slow"]
    told = [path.read_text() for path in tmp_path.glob("*.txt")]
    assert any("there is something bad" in text for text in told)


def test_an_input_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "robots-1"
    file.write_bytes(b"\x01User-agent: *\n")
    assert main(["--again", str(file)]) == 0
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "there are sitemaps, robots, pages, names, streams" in capsys.readouterr().err
