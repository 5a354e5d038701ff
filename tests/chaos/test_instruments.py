"""The instruments of chaos work: the proxy drops bytes, virtual time passes, crash points are reached at the verbs."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.status.control import pause
from scrapersky.status.finish import complete
from scrapersky.status.recover import recover
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId
from tests.chaos.crash_points import Action, Interrupt, Points
from tests.chaos.database import pass_time
from tests.chaos.proxy import Mode, Proxy

BACKOFF = Backoff(base=30, cap=600, max_failures=3)
NO_ANSWER_SECONDS = 0.2


@contextmanager
def echo() -> Iterator[int]:
    """Run a server that echoes each byte; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        try:
            while data := client.recv(1024):
                client.sendall(data)
        except OSError:
            return

    Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy in front of an echo server."""
    with echo() as port, Proxy.before(port) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    """Return a client that has been answered once."""
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    client.sendall(b"hello")
    assert client.recv(1024) == b"hello"
    return client


@pytest.mark.parametrize("mode", [Mode.BLACK_HOLE, Mode.DEAF])
def test_a_black_hole_answers_nothing_and_healing_resets_connections_that_lost_bytes(proxy: Proxy, mode: Mode) -> None:
    client = connect(proxy)
    proxy.mode = mode
    client.sendall(b"lost")
    client.settimeout(NO_ANSWER_SECONDS)
    with pytest.raises(TimeoutError):
        client.recv(1024)
    proxy.heal()
    client.settimeout(10)
    with pytest.raises(ConnectionResetError):
        client.recv(1024)
    connect(proxy).close()


def test_a_connection_that_was_idle_in_a_black_hole_survives_it(proxy: Proxy) -> None:
    client = connect(proxy)
    proxy.mode = Mode.BLACK_HOLE
    proxy.heal()
    client.sendall(b"still here")
    assert client.recv(1024) == b"still here"


def test_a_cut_resets_every_connection(proxy: Proxy) -> None:
    client = connect(proxy)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1024)


def hold_one(connection: Connection) -> AttemptId:
    """Claim one domain with a lease of ten minutes; return its attempt."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (claimed,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600)
    return claimed.attempt_id


def test_passing_time_ends_leases_backoffs_and_pauses(connection: Connection) -> None:
    attempt = hold_one(connection)
    start(connection, [attempt], lease=600, worker="w", request_id="r")
    pass_time(connection, 599)
    assert recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5) == []
    pass_time(connection, 1)
    assert len(recover(connection, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)) == 1
    assert claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600) == [], "it backs off"
    pause(connection, METADATA, actor="ada", reason="test", seconds=45)
    pass_time(connection, 31)
    assert claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600) == [], "it is paused"
    pass_time(connection, 15)
    assert len(claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600)) == 1


def test_crash_points_are_reached_before_and_after_each_verb_and_commit(engine: Engine, connection: Connection) -> None:
    reached: list[str] = []
    points = Points(reached.append)
    names = ("claim", "start", "finish", "recover", "commit")
    points.set([Interrupt(f"{when} {name}", Action.FREEZE) for name in names for when in ("before", "after")])
    points.watch(engine)
    attempt = hold_one(connection)
    start(connection, [attempt], lease=-1, worker="w", request_id="r")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.exec_driver_sql("BEGIN")
        complete(other, METADATA, attempt, code="read", detail={})
        other.exec_driver_sql("ROLLBACK")
        recover(other, METADATA, limit=10, backoff=BACKOFF, undelivered_max=5)
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql("COMMIT")
    verbs = ("claim", "start", "finish", "recover", "commit")
    assert reached == [f"{when} {verb}" for verb in verbs for when in ("before", "after")]
