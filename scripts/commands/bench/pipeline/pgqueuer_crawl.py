"""pgqueuer: its manager on asyncpg, many jobs at once in one event loop, one web client for all of them."""

from collections.abc import Callable, Mapping

from scripts.commands.bench.pipeline import job
from scripts.commands.bench.status_machine import pgqueuer_queue


def prepare(url: str, records: int) -> None:
    """Queue the records."""
    pgqueuer_queue.prepare(url, first=1, last=records)


def work(url: str, records: int, settings: Mapping[str, str], at_once: int, go: Callable[[], None]) -> None:  # noqa: ARG001
    """Drain the queue."""
    options = {"connections": 8, "batch_size": max(1, min(10, at_once // 2)), "max_concurrent_tasks": max(2, at_once)}
    job.crawl(url, settings, lambda read: pgqueuer_queue.drain(url, read, go, **options))
