"""Shows progress while it happens: a live table on a terminal, a line now and then anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from scripts.commands.run.progress import Progress

LINE_SECONDS = 3

Show = Callable[[Progress], None]


@contextmanager
def display(title: str, console: Console) -> Iterator[Show]:
    """The value is called after each update of the progress."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda progress: live.update(progress.table(title), refresh=True)
    else:
        console.print(f"{title}: n new, q queued, p processing, c completed, e error", highlight=False, soft_wrap=True)
        yield Lines(console)


class Lines:
    """Prints the progress when it changed, but not more often than every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._last = time.monotonic()
        self._said = ""

    def __call__(self, progress: Progress) -> None:
        """Perhaps prints a line."""
        now, line = time.monotonic(), progress.line()
        if line != self._said and (now - self._last >= LINE_SECONDS or not self._said):
            self._console.print(f"{now - self._began:6.1f} s  {line}", highlight=False, soft_wrap=True)
            self._last, self._said = now, line
