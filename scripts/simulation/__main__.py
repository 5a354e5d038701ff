"""``scripts/simulate``: what settings drain ten million domains a day, what they cost, and where the bottleneck is."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.bench import machine, page
from scripts.simulation import answers, report
from scripts.simulation.calibration import Calibration, calibrate
from scripts.simulation.system import CORE_MB

PRICES = Path(__file__).parent.parent / "pricing" / "prices.json"


def main(arguments: list[str]) -> int:
    """Simulates, prints, publishes."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--window", type=float, default=answers.WINDOW, help="seconds of each scenario")
    parser.add_argument("--records", type=int, default=20_000, help="records of each cost")
    parser.add_argument("--only-cost", action="store_true", help="only the page of costs")
    parser.add_argument("--output", type=Path, default=page.PAGES, help="where results are read, and the answers go")
    given = parser.parse_args(arguments)
    prices = json.loads(PRICES.read_text())["prices"]
    price = {name: float(one["value"]) for name, one in prices.items()}
    calibration = calibrate(given.output)
    if not given.only_cost:
        simulated = simulate(calibration, price, given.window)
        said = report.simulation_parts(simulated)
        page.publish("simulation", simulated, said, report.simulation_charts(simulated), given.output)
        print(said["machine"], said["scenarios"], said["check"], sep="\n\n")
    counted = count(calibration, price, given.output, given.records)
    said = report.cost_parts(counted)
    page.publish("cost", counted, said, report.cost_charts(counted), given.output)
    print(said["cost"], said["pages"], sep="\n\n")
    return 0


def simulate(calibration: Calibration, price: Mapping[str, float], window: float) -> dict[str, Any]:
    """The result of the simulation."""
    return {
        **_common(calibration),
        "window_seconds": window,
        "scenarios": answers.grid(calibration.work, price, window),
        "check": answers.check(calibration),
    }


def count(calibration: Calibration, price: Mapping[str, float], folder: Path, records: int) -> dict[str, Any]:
    """The result of the costs."""
    return {
        **_common(calibration),
        "rows": answers.costs(calibration.work, price, records),
        "pages": _pages(price, folder),
    }


def _pages(price: Mapping[str, float], folder: Path, memory_mb: int = 512) -> dict[str, Any] | None:
    try:
        measured = page.read("sitemaps", folder)
    except FileNotFoundError:
        return None
    urls = measured["settings"]["urls"]
    seconds = measured["storing"]["ours: parse, COPY, upsert"]["seconds"]["median"] / urls * 1_000_000
    gb_seconds = seconds * CORE_MB / memory_mb * memory_mb / 1024
    return {
        "urls": urls,
        "memory_mb": memory_mb,
        "seconds_per_million": seconds,
        "gb_seconds_per_million": gb_seconds,
        "dollars_per_million": gb_seconds * price["lambda_gb_second_arm64"],
    }


def _common(calibration: Calibration) -> dict[str, Any]:
    return {"machine": machine.describe(), "work": asdict(calibration.work), "sources": calibration.sources}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
