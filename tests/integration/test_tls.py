"""A connection to Postgres over TLS: made when certificate and name are right, refused when one is not."""

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


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Copies bytes until either side has had enough."""
    try:
        while part := source.recv(65_536):
            sink.sendall(part)
    except OSError:
        pass
    for one in (source, sink):
        one.close()


def serve(client: socket.socket, tls: ssl.SSLContext, port: int) -> None:
    """Answers the request for TLS (Postgres' protocol, "SSLRequest") with yes, and hands on what comes after."""
    client.recv(8)
    client.sendall(b"S")
    try:
        inside = tls.wrap_socket(client, server_side=True)
    except (ssl.SSLError, OSError):  # the client did not like what it saw
        client.close()
        return
    behind = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pass_on, args=(behind, inside), daemon=True).start()
    pass_on(inside, behind)


@contextmanager
def tls_in_front_of(port: int, tls: ssl.SSLContext) -> Iterator[int]:
    """The port of a server that speaks TLS as Postgres does, in front of the one at ``port``, which does not."""

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
    """A function's database by its secret: the test's own, at another port, with a private authority's certificate."""
    made: list[Database] = []

    def through(port: int, ca_pem: str) -> Database:
        address = address_of_url(database_url) | {"host": HOST, "port": port, "ca_pem": ca_pem}
        del address["sslmode"]  # what a secret does not say is verify-full
        made.append(Database(Settings(database_secret="any"), "test", lambda _, **__: json.dumps(address)))
        return made[-1]

    yield through
    for one in made:
        one.engine.dispose()


@pytest.mark.parametrize(
    ("name", "trusted", "complaint"),
    [
        (HOST, True, None),
        ("elsewhere.example", True, "Hostname mismatch"),
        (HOST, False, "certificate verify failed"),
    ],
    ids=["the right name and a trusted authority", "another name", "an authority that is not trusted"],
)
def test_a_database_is_spoken_to_only_when_its_certificate_and_its_name_are_right(
    connect: Connect, database_url: str, tmp_path: Path, name: str, trusted: bool, complaint: str | None
) -> None:
    folders = [tmp_path / "its", tmp_path / "anothers"]
    for folder in folders:
        folder.mkdir()
    its, anothers = (Authority(folder) for folder in folders)
    ca_pem = (its if trusted else anothers).ca_file.read_text()
    port = make_url(database_url).port
    assert port
    with tls_in_front_of(port, its.context(name)) as front:
        database = connect(front, ca_pem)
        if complaint is None:
            with database.autocommit() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        else:
            with pytest.raises((DBAPIError, ssl.SSLError), match=complaint), database.autocommit():
                pass
