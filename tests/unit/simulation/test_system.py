"""Laws that hold for the simulated system whatever its settings are."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.simulation.calibration import GUESS, calibrate
from scripts.simulation.clock import Clock
from scripts.simulation.costs import Work, bench_web, steady, wait_of
from scripts.simulation.servers import Servers
from scripts.simulation.system import Measured, Settings, System

chosen = st.builds(
    Settings,
    batch=st.integers(1, 200),
    interval=st.sampled_from([1.0, 10.0, 60.0]),
    max_in_flight=st.integers(1, 300),
    concurrency=st.integers(1, 40),
    together=st.integers(1, 50),
    inside=st.integers(1, 50),
    memory_mb=st.sampled_from([128, 512, 1_769, 3_538]),
    database_cores=st.integers(1, 4),
    database_connections=st.integers(1, 60),
    per_host=st.integers(1, 3),
    hosts=st.none() | st.integers(1, 20),
    ramp=st.booleans(),
    shared_cores=st.none() | st.integers(1, 4),
)


def run(settings: Settings, records: int = 300, seed: int = 1, work: Work = GUESS) -> Measured:
    return System(settings, work, bench_web(), records, seed).run()


@settings(max_examples=60, deadline=None)
@given(chosen, st.integers(1, 400))
def test_every_record_is_done_once_and_no_cap_is_passed(chosen: Settings, records: int) -> None:
    told = run(chosen, records)
    assert told.done == len(told.waits) == records
    assert told.most_live <= chosen.max_in_flight
    # Environments that are there from the start are an order, not a wish.
    assert told.most_environments <= max(chosen.database_connections, 0 if chosen.ramp else chosen.concurrency)
    assert told.most_environments <= chosen.concurrency
    assert told.invocations >= -(-records // chosen.together)
    assert told.ticks >= -(-records // min(chosen.batch, chosen.max_in_flight))
    assert told.waits == sorted(told.waits)


@settings(max_examples=30, deadline=None)
@given(chosen, st.integers(1, 200))
def test_nothing_is_faster_than_its_ticks_its_processors_and_its_database_allow(chosen: Settings, records: int) -> None:
    told = run(chosen, records)
    assert told.seconds >= (told.ticks - 1) * chosen.interval
    cores = chosen.shared_cores or chosen.database_cores
    least = GUESS.database_seconds + (GUESS.function_seconds if chosen.shared_cores else 0.0)
    assert told.seconds * cores >= records * least - 1e-6
    assert 0 <= told.database_busy <= 1 + 1e-9
    assert told.billed_seconds <= told.seconds * chosen.concurrency + 1e-6


@settings(max_examples=20, deadline=None)
@given(chosen)
def test_the_same_seed_gives_the_same_run(chosen: Settings) -> None:
    assert run(chosen, seed=7) == run(chosen, seed=7)


def test_waiting_together_costs_less_than_waiting_alone() -> None:
    flooded = Settings(batch=1_000, max_in_flight=1_000, concurrency=10, ramp=False)
    billed = [
        System(replace(flooded, together=n, inside=n), GUESS, steady(3), 1_000).run().billed_seconds
        for n in (1, 10, 50)
    ]
    assert billed[0] > 5 * billed[1] > 10 * billed[2]


def test_one_host_of_a_long_queue_is_asked_by_no_more_than_politeness_allows() -> None:
    shared = Settings(batch=1_000, max_in_flight=1_000, concurrency=20, hosts=1, per_host=2, ramp=False)
    told = System(shared, GUESS, lambda _: 1.0, 100).run()
    assert told.seconds >= 50


def test_lambda_lets_environments_grow_by_three_hundred_a_minute_from_five() -> None:
    flood = Settings(batch=100_000, max_in_flight=100_000, concurrency=1_000, database_connections=2_000)
    told = System(flood, GUESS, steady(100), 100_000).run(until=12)
    assert 5 <= told.most_environments <= 5 + 300 * 12 / 60


def test_connections_that_the_database_refuses_are_told() -> None:
    few = Settings(batch=500, max_in_flight=500, concurrency=50, database_connections=2)
    told = run(few)
    assert told.refused_connections > 0
    assert told.most_environments == 2


def test_the_clock_keeps_order_and_refuses_the_past() -> None:
    clock, seen = Clock(), list[str]()
    clock.after(2, lambda: seen.append("later"))
    clock.after(1, lambda: seen.append("first"))
    clock.after(1, lambda: seen.append("second"))
    clock.run(until=1.5)
    assert seen == ["first", "second"]
    assert clock.now == 1.5
    with pytest.raises(ValueError, match="past"):
        clock.after(-1, seen.clear)


def test_servers_serve_so_many_at_once_in_order() -> None:
    clock, ended = Clock(), list[float]()
    servers = Servers(clock, count=2, speed=0.5)
    for _ in range(4):
        servers.serve(1.0, lambda: ended.append(clock.now))
    clock.run(until=100)
    assert ended == [2, 2, 4, 4]
    assert servers.busy_seconds == 8


def test_without_measurements_the_model_says_that_it_guesses(tmp_path: Path) -> None:
    calibration = calibrate(tmp_path)
    assert (calibration.work, calibration.sources, calibration.pipeline) == (GUESS, (), None)


def test_the_waits_are_those_of_the_bench_s_web() -> None:
    assert wait_of(1) == 2 * (0.05 + 7919 % 251 / 1000)
    assert {wait_of(number) for number in range(1, 101)} >= {0.0, 10.0}
