"""Progress of the pipeline: records per workflow and status, watched until all is quiet, as a live table or as lines."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from sqlalchemy import Connection, Engine

from scrapersky.runtime.registry import HAND_OFFS, WORKFLOWS, Service
from scrapersky.status.gauges import count_by_status
from scrapersky.vocabulary import Status

PIPELINE: tuple[str, ...] = tuple(
    dict.fromkeys([*(end.name for hand_off in HAND_OFFS for end in (hand_off.source, hand_off.target)), *WORKFLOWS])
)
"""The workflows in the order in which records pass through them; those without a hand-off last."""

WAITING = (Status.QUEUED, Status.PROCESSING)
ENDED = (Status.COMPLETED, Status.ERROR)
RATE_SECONDS = 5
LINE_SECONDS = 3
LEGEND = "n New, q Queued, p Processing, c Completed, e Error"

Counts = Mapping[str, Mapping[str, int]]
"""{workflow: {status: records}}."""


def count(connection: Connection) -> Counts:
    """Return the number of records per workflow and status."""
    return {name: count_by_status(connection, WORKFLOWS[name]) for name in PIPELINE}


def waiting(counts: Counts, workflows: tuple[str, ...] = PIPELINE) -> int:
    """Return how many records are Queued or Processing."""
    return sum(counts.get(name, {}).get(status, 0) for name in workflows for status in WAITING)


@dataclass
class Progress:
    """The latest counts, and how fast records end. Written by one thread, read by the threads that invoke ticks."""

    counts: Counts = field(default_factory=dict)
    _history: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)

    def update(self, counts: Counts) -> None:
        """Replace the counts, and remember the old ones for the rate."""
        now = time.monotonic()
        self.counts = counts
        self._history.append((now, {name: self.ended(name) for name in PIPELINE}))
        while self._history[0][0] < now - RATE_SECONDS:
            self._history.popleft()

    def ended(self, workflow: str) -> int:
        """Return how many records are Completed or Error."""
        return sum(self.counts.get(workflow, {}).get(status, 0) for status in ENDED)

    def rate(self, workflow: str) -> float:
        """Return the records ended per second, over the last seconds."""
        (first, before), (last, after) = self._history[0], self._history[-1]
        return max(0, after[workflow] - before[workflow]) / (last - first) if last > first else 0.0

    def has_work(self, service: Service) -> bool:
        """Return whether a tick of ``service`` has anything to do."""
        return waiting(self.counts, tuple(workflow.name for workflow in service.workflows)) > 0

    def table(self, title: str) -> Table:
        """Return the live table."""
        table = Table(title=title, title_justify="left")
        table.add_column("Workflow")
        for status in Status:
            table.add_column(status.value, justify="right")
        table.add_column("Rate", justify="right")
        for name in PIPELINE:
            numbers = [self.counts.get(name, {}).get(status, 0) for status in Status]
            rate = self.rate(name) if self._history else 0
            table.add_row(name, *(str(number or "·") for number in numbers), f"{rate:.1f}/s" if rate else "·")
        return table

    def line(self) -> str:
        """Return the counts as one line, abbreviated as in :data:`LEGEND`."""
        return " | ".join(f"{name} {self._abbreviated(name)}" for name in PIPELINE if self.counts.get(name))

    def _abbreviated(self, name: str) -> str:
        counts = self.counts[name]
        return " ".join(f"{counts[status]}{status.value[0].lower()}" for status in Status if counts.get(status))


def watch(engine: Engine, progress: Progress, *, every: float) -> Iterator[Progress]:
    """Update ``progress`` every ``every`` seconds, without end."""
    while True:
        with engine.connect() as connection:
            progress.update(count(connection))
        yield progress
        time.sleep(every)


@contextmanager
def display(title: str, console: Console) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows the progress: a live table on a terminal, else a line every few seconds."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda progress: live.update(progress.table(title), refresh=True)
    else:
        console.print(f"{title}: {LEGEND}", highlight=False, soft_wrap=True)
        yield Lines(console)


class Lines:
    """Prints the progress when it has changed, but not more often than every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._last = time.monotonic()
        self._printed = ""

    def __call__(self, progress: Progress) -> None:
        """Print a line if one is due."""
        now, line = time.monotonic(), progress.line()
        if line != self._printed and (now - self._last >= LINE_SECONDS or not self._printed):
            self._console.print(f"{now - self._began:6.1f} s  {line}", highlight=False, soft_wrap=True)
            self._last, self._printed = now, line
