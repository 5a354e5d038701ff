"""Progress of the pipeline: records per workflow and status, watched until all is quiet."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.table import Table
from sqlalchemy import Connection, Engine

from scrapersky.models import Status
from scrapersky.runtime.registry import HAND_OFFS, WORKFLOWS, Service
from scrapersky.status.gauges import count_by_status

PIPELINE: tuple[str, ...] = tuple(
    dict.fromkeys([*(one.name for arrow in HAND_OFFS for one in (arrow.source, arrow.target)), *WORKFLOWS])
)
"""The workflows in the order in which records go through them; those that no arrow touches last."""

WAITING = (Status.QUEUED, Status.PROCESSING)
ENDED = (Status.COMPLETED, Status.ERROR)
RATE_SECONDS = 5

Counts = Mapping[str, Mapping[str, int]]
"""{workflow: {status: records}}."""


def count(connection: Connection) -> Counts:
    """Records per workflow and status, now."""
    return {name: count_by_status(connection, WORKFLOWS[name]) for name in PIPELINE}


def waiting(counts: Counts, workflows: tuple[str, ...] = PIPELINE) -> int:
    """Records that are Queued or Processing."""
    return sum(counts.get(name, {}).get(status, 0) for name in workflows for status in WAITING)


@dataclass
class Progress:
    """The latest counts, and how fast records end. Written by one thread, read by those that press ticks."""

    counts: Counts = field(default_factory=dict)
    _history: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)

    def update(self, counts: Counts) -> None:
        """Takes note of ``counts``."""
        now = time.monotonic()
        self.counts = counts
        self._history.append((now, {name: self.ended(name) for name in PIPELINE}))
        while self._history[0][0] < now - RATE_SECONDS:
            self._history.popleft()

    def ended(self, workflow: str) -> int:
        """Records that are Completed or Error."""
        return sum(self.counts.get(workflow, {}).get(status, 0) for status in ENDED)

    def rate(self, workflow: str) -> float:
        """Records ended per second, over the last seconds."""
        (first, before), (last, after) = self._history[0], self._history[-1]
        return max(0, after[workflow] - before[workflow]) / (last - first) if last > first else 0.0

    def has_work(self, service: Service) -> bool:
        """Whether a tick of ``service`` has anything to do."""
        return waiting(self.counts, tuple(workflow.name for workflow in service.workflows)) > 0

    def table(self, title: str) -> Table:
        """The live table."""
        table = Table(title=title, title_justify="left")
        table.add_column("Workflow")
        for status in Status:
            table.add_column(status.value, justify="right")
        table.add_column("Rate", justify="right")
        for name in PIPELINE:
            numbers = [self.counts.get(name, {}).get(status, 0) for status in Status]
            rate = self.rate(name) if self._history else 0
            table.add_row(
                name.replace("_", " "), *(str(number or "·") for number in numbers), f"{rate:.1f}/s" if rate else "·"
            )
        return table

    def line(self) -> str:
        """The same on one line, for a log."""
        return " | ".join(f"{name} {self._shares(name)}" for name in PIPELINE if self.counts.get(name))

    def _shares(self, name: str) -> str:
        counts = self.counts[name]
        return " ".join(f"{counts[status]}{status.value[0].lower()}" for status in Status if counts.get(status))


def watch(engine: Engine, progress: Progress, *, every: float) -> Iterator[Progress]:
    """Updates ``progress`` ``every`` seconds, for ever."""
    while True:
        with engine.connect() as connection:
            progress.update(count(connection))
        yield progress
        time.sleep(every)
