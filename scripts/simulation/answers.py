"""The questions: what drains ten million a day, what it costs, where the bottleneck is; and can the model be believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scripts.simulation.bill import dollars, gb_seconds
from scripts.simulation.calibration import Calibration
from scripts.simulation.costs import Wait, Work, bench_web, steady, wait_of
from scripts.simulation.system import Measured, Settings, System

TEN_MILLION = 10_000_000
DAY = 86_400.0
WINDOW = 1_200.0
"""Seconds that are simulated; the rate of their second half is what a day goes on with."""


@dataclass(frozen=True)
class Scenario:
    """Settings, and why they are looked at."""

    name: str
    settings: Settings


DEFAULTS = Settings()
FULL_TICKS = replace(DEFAULTS, batch=1_000, max_in_flight=2_000)
HUGE_TICKS = replace(DEFAULTS, batch=10_000, max_in_flight=20_000, concurrency=100, database_connections=250)
"""A tick of ten thousand: the most that the setting ``batch_size`` allows."""
BY_THE_HUNDRED = replace(HUGE_TICKS, together=100, inside=100)
"""An invocation of a hundred: the most that the setting ``tickets_per_invocation`` allows."""
SCENARIOS: Sequence[Scenario] = (
    Scenario("the defaults", DEFAULTS),
    Scenario("ticks of 1,000", FULL_TICKS),
    Scenario("ticks of 1,000, 50 environments", replace(FULL_TICKS, concurrency=50)),
    Scenario("ticks of 10,000, 50 environments", replace(HUGE_TICKS, concurrency=50)),
    Scenario("ticks of 10,000, 100 environments", HUGE_TICKS),
    Scenario("the same, a hundred tickets each", BY_THE_HUNDRED),
    Scenario("the same, 25 whole cores", replace(BY_THE_HUNDRED, concurrency=25, memory_mb=1_769)),
    Scenario("ticks of 60,000, 400 environments", replace(HUGE_TICKS, batch=60_000, max_in_flight=120_000, concurrency=400)),
    Scenario("the same, 500 connections", replace(
        HUGE_TICKS, batch=60_000, max_in_flight=120_000, concurrency=400, database_connections=500)),
)  # fmt: skip


def scenario(
    one: Scenario, work: Work, wait: Wait, price: Mapping[str, float], window: float = WINDOW
) -> dict[str, Any]:
    """What a day of ``one`` does to an endless queue, and what a million records of it cost."""
    half = System(one.settings, work, wait, records=TEN_MILLION).run(window / 2)
    whole = System(one.settings, work, wait, records=TEN_MILLION).run(window)
    rate = (whole.done - half.done) / (window / 2)
    cost = dollars(whole, one.settings, price)
    million = 1_000_000 / max(1, whole.done)
    return {
        "name": one.name,
        "settings": asdict(one.settings),
        "per_day": rate * DAY,
        "hours_for_ten_million": TEN_MILLION / rate / 3_600 if rate else None,
        "dollars_per_million": sum(cost.values()) * million,
        "gb_seconds_per_million": gb_seconds(whole, one.settings) * million,
        "database_busy": whole.database_busy,
        "environments_busy": whole.environments_busy,
        "most_live": whole.most_live,
        "connections": whole.most_environments,
        "bottleneck": bottleneck(whole, one.settings),
    }


def bottleneck(measured: Measured, settings: Settings) -> str:
    """What has no room left."""
    share = min(1.0, settings.memory_mb / 1_769)
    processor = measured.processor_seconds / share / max(1e-9, measured.billed_seconds)
    if measured.database_busy > 0.9:
        return "the database's processor"
    if measured.refused_connections:
        return "the database's connections"
    if measured.environments_busy > 0.85:
        return "environments, by their processor" if processor > 0.7 else "environments, waiting for sites"
    if measured.claimed_less_than_batch > measured.ticks / 2:
        return "max in flight"
    return f"the ticks: {settings.batch:,} a claim"


def grid(work: Work, price: Mapping[str, float], window: float = WINDOW) -> list[dict[str, Any]]:
    """All scenarios on the bench's web."""
    return [scenario(one, work, bench_web(), price, window) for one in SCENARIOS]


def costs(work: Work, price: Mapping[str, float], records: int) -> list[dict[str, Any]]:
    """Dollars per million records, ours against one record an invocation, on several webs."""
    webs: Mapping[str, Wait] = {
        "the bench's web": bench_web(),
        "sites of 1 s": steady(1),
        "sites of 3 s": steady(3),
        "sites of 10 s": steady(10),
    }
    ways: Mapping[str, Settings] = {
        "one record an invocation": Settings(together=1, inside=1),
        "ten at once (the default)": Settings(together=10, inside=10),
        "fifty at once": Settings(together=50, inside=50),
        "a hundred at once": Settings(together=100, inside=100),
        "a hundred at once, 1,769 MB": Settings(together=100, inside=100, memory_mb=1_769),
    }
    rows = []
    for web, wait in webs.items():
        base: float | None = None
        for way, settings in ways.items():
            flooded = replace(
                settings, batch=records, max_in_flight=records, concurrency=50, ramp=False, database_connections=1_000
            )
            measured = System(flooded, work, wait, records).run()
            cost = dollars(measured, flooded, price)
            lambda_ = cost["lambda time"] + cost["lambda requests"]
            million = 1_000_000 / measured.done
            base = lambda_ if base is None else base
            rows.append(
                {
                    "web": web,
                    "way": way,
                    "gb_seconds_per_million": gb_seconds(measured, flooded) * million,
                    "lambda_dollars_per_million": lambda_ * million,
                    "dollars_per_million": sum(cost.values()) * million,
                    "cheaper": base / lambda_,
                }
            )
    return rows


def check(calibration: Calibration) -> dict[str, Any] | None:
    """What the model says of the local run of the pipeline's bench, and what was measured; None without a measurement."""
    measured = calibration.pipeline
    if measured is None:
        return None
    settings, ours = measured["settings"], measured["contenders"]["ours"]["measures"]
    records = settings["records"]
    modelled = Settings(
        batch=1_000, interval=1.0, max_in_flight=2 * settings["at_once"], concurrency=max(1, settings["at_once"] // 10),
        together=10, inside=10, ramp=False, shared_cores=measured["machine"]["cores"],
    )  # fmt: skip
    # The server of the web is on the same cores, and works for every record as for a request of its own.
    server = ours["web_cpu_ms"]["median"] / 1000
    work = replace(calibration.work, database_seconds=calibration.work.database_seconds + server)
    told = System(modelled, work, _in_order(wait_of), records).run()
    waits = sorted(told.waits)
    return {
        "seconds": [told.seconds, ours["seconds"]["median"]],
        "per_second": [told.per_second, ours["per_second"]["median"]],
        "p50_seconds": [waits[len(waits) // 2], ours["p50_seconds"]["median"]],
        "p95_seconds": [waits[int(len(waits) * 0.95)], ours["p95_seconds"]["median"]],
    }


def _in_order(wait: Callable[[int], float]) -> Wait:
    """The waits of hosts 1, 2, 3 …, as the records are claimed."""
    numbers = iter(range(1, TEN_MILLION))
    return lambda _: wait(next(numbers))
