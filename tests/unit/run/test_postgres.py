"""The launcher of a real Postgres."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pg8000.native
import pytest
from sqlalchemy import make_url

from scripts.commands.run import postgres as launcher
from scripts.commands.run.postgres import Postgres, PostgresError


def connect(url: str) -> pg8000.native.Connection:
    parts = make_url(url)
    return pg8000.native.Connection(
        parts.username or "",
        host=parts.host or "",
        port=parts.port or 0,
        database=parts.database,
        password=parts.password,
        ssl_context=False,
    )


def test_a_server_starts_in_a_path_with_spaces_and_copies_a_template(tmp_path: Path) -> None:
    with Postgres.start(tmp_path / "a place with spaces") as postgres:
        template = connect(postgres.create_database("template"))
        template.run("CREATE TABLE things AS SELECT 'Zürich'::text AS name")
        template.close()
        copy = connect(postgres.create_database("copy", template="template"))
        assert copy.run("SELECT upper(name) FROM things") == [["ZÜRICH"]]
        copy.close()
        postgres.drop_database("copy")
        with pytest.raises(pg8000.native.DatabaseError, match="does not exist"):
            connect(postgres.url_of("copy"))


def test_another_port_is_tried_when_the_first_was_taken_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Postgres.start(tmp_path / "first") as first:
        free = launcher.free_port()
        offered = iter([first.port, free])
        monkeypatch.setattr(launcher, "free_port", lambda: next(offered))
        with Postgres.start(tmp_path / "second") as second:
            assert second.port == free


def test_root_without_user_namespaces_becomes_an_unprivileged_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root needs another user")
    find = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "unshare" else find(name))
    with Postgres.start(tmp_path / "server") as postgres:
        connection = connect(postgres.url)
        assert connection.run("SELECT 1") == [[1]]
        connection.close()


@pytest.mark.parametrize("crash", [False, True])
def test_a_restarted_server_keeps_data_and_port_and_drops_connections(tmp_path: Path, crash: bool) -> None:
    with Postgres.start(tmp_path / "server") as postgres:
        before = connect(postgres.url)
        before.run("SET synchronous_commit = on")
        before.run("CREATE TABLE things AS SELECT 1 AS number")
        postgres.restart(crash=crash)
        with pytest.raises((pg8000.native.InterfaceError, pg8000.native.DatabaseError, OSError)):
            before.run("SELECT 1")
        after = connect(postgres.url)
        assert after.run("SELECT number FROM things") == [[1]]
        after.close()


def test_missing_binaries_are_an_error_that_names_initdb(tmp_path: Path) -> None:
    with (
        pytest.raises(PostgresError, match="initdb"),
        Postgres.start(tmp_path / "server", binaries=tmp_path / "nowhere" / "install" / "bin"),
    ):
        pass


STARTER = """
import sys
from pathlib import Path
from scripts.commands.run.postgres import Postgres
with Postgres.start(Path(sys.argv[1])) as postgres:
    print((Path(sys.argv[1]) / "data" / "postmaster.pid").read_text().split()[0], flush=True)
    sys.stdin.read()
"""


def test_the_server_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "server")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        server = int(starter.stdout.readline())
        pidfd = os.pidfd_open(server)
        starter.send_signal(signal.SIGKILL)
    assert ended(pidfd, seconds=20)


def ended(pidfd: int, seconds: float) -> bool:
    """Wait for the end of the process of ``pidfd``; return whether it ended within ``seconds``."""
    import select

    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)
