"""Every handler's entry points: what they import, and the budget for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from scrapersky.runtime.registry import SERVICES

IDLE_MS, WORKING_MS, OTHER_MS = 500, 1_000, 800
"""Budgets, milliseconds of one processor of a server, about twice what was measured on a quiet one."""


_ALL_OF = "import {folder}, importlib, pkgutil; " + (
    "[importlib.import_module('{folder}.' + one.name) for one in pkgutil.iter_modules({folder}.__path__)]"
)
"""Also what a job imports while it waits."""


@dataclass(frozen=True)
class EntryPoint:
    """One way into a function: the modules that it comes to import, one after the other."""

    function: str
    name: str
    program: str
    budget_ms: int


def entry_points() -> Iterator[EntryPoint]:
    """Those of every function, ticks first."""
    for service in SERVICES:
        handler = f"import {service.folder}.handler as one"
        yield EntryPoint(service.name, "tick", f"{handler}; import scrapersky.runtime.tick", IDLE_MS)
    for service in SERVICES:
        handler = f"import {service.folder}.handler as one"
        work = (
            f"import scrapersky.runtime.batch; dict(one.service.runtime.jobs); {_ALL_OF.format(folder=service.folder)}"
        )
        yield EntryPoint(service.name, "batch", f"{handler}; {work}", WORKING_MS)
    yield EntryPoint("dead-letter", "batch", "import dead_letter.handler", IDLE_MS)
    yield EntryPoint("api", "request", "import api.handler", OTHER_MS)
    yield EntryPoint("migrate", "deployment", "import migrate.handler, alembic.command", OTHER_MS)
