"""A real PgBouncer in transaction mode in front of a test's Postgres. Debian package: pgbouncer."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from scripts.commands.run.postgres import UNPRIVILEGED, free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian package pgbouncer)")
START_TIMEOUT_SECONDS = 20

CONFIGURATION = """
[databases]
* = host={url.host} port={url.port} user={url.username} password={url.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
# Each transaction takes another server connection, where that is possible.
server_round_robin = 1
"""


@contextmanager
def pooled(database_url: str, folder: Path, *, size: int) -> Iterator[str]:
    """Run PgBouncer with ``size`` server connections; yield the URL of the same database behind it."""
    assert PGBOUNCER is not None
    url, port = make_url(database_url), free_port()
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(url=url, port=port, size=size))
    command = [PGBOUNCER, str(configuration)]
    if os.geteuid() == 0:  # which it refuses to run as
        command[1:1] = ["--user", pwd.getpwuid(UNPRIVILEGED).pw_name]
    with (folder / "pgbouncer.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _wait_for(port, process, folder / "pgbouncer.log")
            yield url.set(port=port).render_as_string(hide_password=False)
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, f"pgbouncer ended: {log.read_text()}"
            assert time.monotonic() < give_up, f"pgbouncer does not listen: {log.read_text()}"
            time.sleep(0.01)
