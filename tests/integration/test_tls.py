"""A connection to Postgres over TLS is refused unless certificate and host name are valid."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database, address_of_url
from scrapersky.settings import Settings
from scripts.commands.run.internet.certificates import Authority

HOST = "localhost"
Connect = Callable[[int, str], Database]


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes until one side closes."""
    try:
        while part := source.recv(65_536):
            sink.sendall(part)
    except OSError:
        pass
    for one in (source, sink):
        one.close()


def serve(client: socket.socket, tls: ssl.SSLContext, port: int) -> None:
    """Accept the SSLRequest of Postgres' protocol, and relay what follows to the server at ``port``."""
    client.recv(8)
    client.sendall(b"S")
    try:
        inside = tls.wrap_socket(client, server_side=True)
    except (ssl.SSLError, OSError):  # the client refused the certificate
        client.close()
        return
    behind = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=copy, args=(behind, inside), daemon=True).start()
    copy(inside, behind)


@contextmanager
def tls_in_front_of(port: int, tls: ssl.SSLContext) -> Iterator[int]:
    """Yield the port of a TLS proxy in front of the Postgres at ``port``, which has no TLS."""

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client, tls, port), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def connect(database_url: str) -> Iterator[Connect]:
    """Yield a function that returns the test's database, reached through a port and a private authority."""
    databases: list[Database] = []

    def through(port: int, ca_pem: str) -> Database:
        address = address_of_url(database_url) | {"host": HOST, "port": port, "ca_pem": ca_pem}
        del address["sslmode"]  # the default is verify-full
        databases.append(Database(Settings(database_secret="any"), "test", lambda _, **__: json.dumps(address)))
        return databases[-1]

    yield through
    for database in databases:
        database.engine.dispose()


@pytest.mark.parametrize(
    ("name", "trusted", "error"),
    [
        (HOST, True, None),
        ("elsewhere.example", True, "Hostname mismatch"),
        (HOST, False, "certificate verify failed"),
    ],
    ids=["valid", "another host name", "untrusted authority"],
)
def test_a_connection_needs_a_trusted_certificate_for_its_host_name(
    connect: Connect, database_url: str, tmp_path: Path, name: str, trusted: bool, error: str | None
) -> None:
    folders = [tmp_path / "own", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    own, other = (Authority(folder) for folder in folders)
    ca_pem = (own if trusted else other).ca_file.read_text()
    port = make_url(database_url).port
    assert port
    with tls_in_front_of(port, own.context(name)) as front:
        database = connect(front, ca_pem)
        if error is None:
            with database.autocommit() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        else:
            with pytest.raises((DBAPIError, ssl.SSLError), match=error), database.autocommit():
                pass
