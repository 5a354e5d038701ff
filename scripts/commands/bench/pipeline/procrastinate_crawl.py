"""procrastinate: its worker, many jobs at once in one event loop, one web client for all of them."""

from collections.abc import Callable, Mapping

from scripts.commands.bench.pipeline import job
from scripts.commands.bench.status_machine import procrastinate_queue


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    procrastinate_queue.prepare(url, first=1, last=records)


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:  # noqa: ARG001
    """Drain the queue."""
    job.crawl(url, settings, lambda read: procrastinate_queue.drain(url, read, go, connections=8, at_once=at_once))
