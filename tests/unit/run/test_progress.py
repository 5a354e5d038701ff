"""Progress: the numbers of the live table and of the lines of a log."""

import io
import time

import pytest
from rich.console import Console

from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SITEMAP_SCHEDULER
from scrapersky.vocabulary import Status
from scripts.commands.run.progress import Progress, display, waiting


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows its first element."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_the_rate_counts_the_last_seconds_only(clock: list[float]) -> None:
    progress = Progress()
    progress.update({"metadata": {Status.COMPLETED: 100, Status.ERROR: 0}})
    clock[0] += 10
    progress.update({"metadata": {Status.COMPLETED: 200}})
    clock[0] += 2
    progress.update({"metadata": {Status.COMPLETED: 205, Status.ERROR: 1, Status.QUEUED: 7}})
    assert progress.rate("metadata") == 3.0
    assert progress.rate("import") == 0.0


def test_a_service_has_work_while_a_record_of_its_workflows_is_queued_or_processing() -> None:
    progress = Progress()
    assert not progress.has_work(SITEMAP_SCHEDULER)
    progress.update({"discovery": {Status.PROCESSING: 1}, "metadata": {Status.NEW: 5, Status.COMPLETED: 5}})
    assert progress.has_work(SITEMAP_SCHEDULER)
    assert not progress.has_work(DOMAIN_SCHEDULER)
    assert waiting(progress.counts) == 1


def test_a_terminal_shows_a_table_with_every_status_and_a_log_a_line_per_change() -> None:
    progress = Progress()
    progress.update({"metadata": {Status.QUEUED: 2, Status.COMPLETED: 31}})
    screen, log = io.StringIO(), io.StringIO()
    with display("the title", Console(file=screen, force_terminal=True, width=100)) as show:
        show(progress)
    assert all(word in screen.getvalue() for word in ("the title", "Processing", "deep_scan", "31"))
    with display("the title", Console(file=log)) as show:
        show(progress)
        show(progress)
    assert log.getvalue().count("metadata 2q 31c") == 1
