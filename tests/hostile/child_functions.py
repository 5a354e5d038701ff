"""Functions that a page reader's child process runs in tests: they try to do what a hole in the parser would allow."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scrapersky.web.fetched import Fetched

Action = Callable[[Fetched], object]

HELD: list[bytes] = []


def warm_up() -> None:
    """Import nothing more."""


def act(fetched: Fetched, *, what: str) -> dict[str, Any]:
    """Do what is asked; return what came of it, and the process that did it."""
    return {"result": ACTIONS[what](fetched), "process": os.getpid()}


def _error(attempt: Callable[[], object]) -> Action:
    def action(_: Fetched) -> str:
        try:
            attempt()
        except Exception as error:
            return type(error).__name__
        return "succeeded"

    return action


def _raise(fetched: Fetched) -> None:
    raise ValueError(fetched.body.decode())


def _allocate(_: Fetched) -> None:
    while True:
        HELD.append(b"x" * 1_000_000)


def _spin(_: Fetched) -> None:
    while True:
        pass


ACTIONS: dict[str, Action] = {
    "nothing": lambda _: None,
    "read the parent's environment": _error(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    "open a file": _error(lambda: Path(__file__).read_bytes()),
    "write a file": _error(lambda: Path("/dev/shm/scrapersky").write_bytes(b"x")),
    "open a socket": _error(lambda: socket.create_connection(("127.0.0.1", 9))),
    "start a process": _error(lambda: subprocess.run(["/bin/true"], check=True)),
    "return the environment": lambda _: dict(os.environ),
    "hold memory": lambda _: HELD.append(b"x" * 90_000_000),
    "allocate without end": _allocate,
    "spin": _spin,
    "stop itself": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "kill itself": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "raise": _raise,
}
