"""The local run cannot be reached from another machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)

LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
"""127.0.0.1 and ::1, as /proc/net writes them."""


def sockets_of(process: Path) -> Iterator[str]:
    """Yield the inodes of the process's open sockets."""
    for descriptor in (process / "fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").removesuffix("]")


def processes(running: Running) -> Iterator[Path]:
    """Yield this process (it serves the internet) and those whose arguments or environment name the folder of the run."""
    folder = str(running.system.aws.log.parents[1]).encode()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if folder in known or int(process.name) == os.getpid():
                yield process


def test_every_port_is_on_loopback_only(running: Running) -> None:
    inodes = {inode for process in processes(running) for inode in sockets_of(process)}
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()[1:]]
    addresses = [row[1].partition(":")[0] for row in rows if row[3] == LISTENING and row[9] in inodes]
    assert len(addresses) >= 4, "Postgres, AWS, http and https"
    assert set(addresses) <= LOOPBACK
