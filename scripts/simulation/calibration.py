"""The numbers of the model, from what was measured; where nothing was, a guess that says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench import page
from scripts.simulation.costs import Work

GUESS = Work(function_seconds=0.030, database_seconds=0.004, cold_start_seconds=0.9)
"""Before anything was measured on this machine."""


@dataclass(frozen=True)
class Calibration:
    """The work of a record, and which results it is from."""

    work: Work
    sources: tuple[str, ...]
    pipeline: dict[str, Any] | None


def calibrate(folder: Path = page.PAGES) -> Calibration:
    """From ``pipeline.json`` and ``cold-start.json`` in ``folder``, as far as they are there."""
    work, sources = GUESS, []
    pipeline = _read("pipeline", folder)
    if pipeline:
        ours = pipeline["contenders"]["ours"]["measures"]
        work = Work(
            function_seconds=ours["worker_cpu_ms"]["median"] / 1000,
            database_seconds=ours["database_cpu_ms"]["median"] / 1000,
            cold_start_seconds=work.cold_start_seconds,
        )
        sources.append(f"pipeline.json of {pipeline['machine']['measured_on']}")
    cold = _read("cold-start", folder)
    if cold and "domain-scheduler, batch" in cold["starts"]:
        seconds = cold["starts"]["domain-scheduler, batch"]["cpu_ms"]["median"] / 1000
        work = Work(work.function_seconds, work.database_seconds, seconds)
        sources.append(f"cold-start.json of {cold['machine']['measured_on']}")
    return Calibration(work, tuple(sources), pipeline)


def _read(name: str, folder: Path) -> dict[str, Any] | None:
    try:
        return page.read(name, folder)
    except FileNotFoundError:
        return None
