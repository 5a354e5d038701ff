"""Every call ends before the function does: AWS and Postgres may accept a connection and never answer."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from api.application import Application
from api.in_time import InTime
from scrapersky import aws, postgres
from scrapersky.database import Database, address_of_url
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SITEMAP_SCHEDULER
from scrapersky.runtime.tick import TickFailed
from scrapersky.secret_store import cache, read_secret
from scrapersky.settings import Settings
from tests.api_server import event_of
from tests.chaos.client import Client
from tests.chaos.proxy import Mode, Proxy
from tests.chaos.sqs import Clock, Queue
from tests.integration.api import ADA, Api
from tests.integration.conftest import SCHEDULED
from tests.integration.lambda_context import LambdaContext
from tests.silence import silent_server

SHORTEST_TIMEOUT_SECONDS = 29
"""Of all functions: the API's."""


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that never answers."""
    with silent_server() as port:
        yield port


@pytest.fixture
def silent_aws(silent: int, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS accepts connections and never answers; the functions wait for a fifth of a second."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent}")
    monkeypatch.setattr(aws, "READ_SECONDS", 0.2)


def test_a_call_of_aws_that_hangs_ends_before_the_function_does(environment: dict[str, str]) -> None:
    for service in ("sqs", "secretsmanager"):
        config: Any = aws.client(service).meta.config
        tries = config.retries["total_max_attempts"]
        assert tries * (config.connect_timeout + config.read_timeout) < aws.LONGEST_CALL_SECONDS
    assert aws.LONGEST_CALL_SECONDS < SHORTEST_TIMEOUT_SECONDS


def add_domains(connection: Connection, number: int) -> None:
    """Queue this many domains."""
    connection.execute(
        text("INSERT INTO domains (domain, status) SELECT n || '.test', 'Queued' FROM generate_series(1, :n) AS n"),
        {"n": number},
    )


def domain_scheduler(environment: dict[str, str], queue: MessageQueue | None = None) -> BackgroundService:
    """Return the service, with ``queue`` instead of its own."""
    service = BackgroundService(DOMAIN_SCHEDULER, {}, environment)
    if queue is not None:
        service.runtime = replace(service.runtime, queue=queue)
    return service


def statuses(connection: Connection) -> dict[str, int]:
    """Return the number of domains by status; none may have a failure."""
    rows = connection.execute(text("SELECT status, count(*), max(failures) FROM domains GROUP BY status")).all()
    assert {failures for _, _, failures in rows} == {0}
    return {status: number for status, number, _ in rows}


@pytest.mark.usefixtures("silent_aws", "invariants_hold")
def test_claims_are_released_when_sqs_does_not_answer(environment: dict[str, str], connection: Connection) -> None:
    add_domains(connection, 25)
    service = domain_scheduler({**environment, "QUEUE_URL": "https://sqs.test/0/messages"})
    with pytest.raises(TickFailed):
        service.handler(dict(SCHEDULED), LambdaContext())
    service.runtime.database.engine.dispose()
    assert statuses(connection) == {"Queued": 25}


@pytest.mark.usefixtures("invariants_hold")
def test_a_tick_stops_sending_in_time_and_releases_the_rest(
    environment: dict[str, str], connection: Connection
) -> None:
    add_domains(connection, 25)
    queue = Queue("messages", Clock())
    client = Client({queue.url: queue})
    service = domain_scheduler(environment, MessageQueue(queue.url, client))

    class Archive(list[Any]):
        def append(self, _: Any) -> None:
            """Take away the time that is needed for another call."""
            service.runtime.database.end = time.monotonic() + aws.LONGEST_CALL_SECONDS

    client.archive = Archive()
    service.handler(dict(SCHEDULED), LambdaContext())
    service.runtime.database.engine.dispose()
    assert queue.visible() == 10
    assert statuses(connection) == {"Processing": 10, "Queued": 15}


@pytest.mark.usefixtures("silent_aws")
def test_a_secret_that_cannot_be_read_ends_the_call() -> None:
    cache.clear()
    with pytest.raises(ReadTimeoutError):
        read_secret("scrapersky/test/database")


@pytest.mark.timeout(40)
@pytest.mark.parametrize("number", [1, 3])
def test_a_database_that_does_not_answer_is_tried_once_a_tick_and_reported(
    environment: dict[str, str], silent: int, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql+pg8000://me:secret@127.0.0.1:{silent}/none"
    environment |= {"DATABASE_URL": url, "DATABASE_CONNECT_TIMEOUT_SECONDS": "0.2"}
    service = BackgroundService({1: DOMAIN_SCHEDULER, 3: SITEMAP_SCHEDULER}[number], {}, environment)
    assert len(service.runtime.service.workflows) == number
    with pytest.raises(TickFailed):
        service.handler(dict(SCHEDULED), LambdaContext())
    assert [line.message for line in caplog.records] == ["could not serve the workflow", "tick"]
    assert len(vars(caplog.records[-1])["failed"]) == number


@pytest.mark.usefixtures("breaks_invariants")
def test_the_metrics_of_a_workflow_are_written_before_the_next_one_is_served(
    environment: dict[str, str], connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    service = BackgroundService(SITEMAP_SCHEDULER, {}, environment)
    connection.execute(text("ALTER TABLE places RENAME TO hidden"))
    written: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "places" in statement:
            written.append(capsys.readouterr().out)

    event.listen(service.runtime.database.engine, "before_cursor_execute", note)
    with pytest.raises(TickFailed):
        service.handler(dict(SCHEDULED), LambdaContext())
    service.runtime.database.engine.dispose()
    written.append(capsys.readouterr().out)
    lines = [[json.loads(line) for line in output.splitlines() if '"_aws"' in line] for output in written]
    workflows = [[line["workflow"] for line in of_one if "workflow" in line] for of_one in lines]
    assert (workflows[0], workflows[-1]) == (["discovery"], ["domain_extraction"])


def function(url: str, **settings: float) -> Database:
    """Return a function's database."""
    return Database(Settings(database_url=url, **settings), "function", read_secret)


def test_the_time_to_connect_is_shared_by_the_addresses_of_the_host(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, connect = make_url(database_url).port or 5432, socket.create_connection
    addresses = [("192.0.2.1", port), ("192.0.2.2", port), ("127.0.0.1", port)]
    resolved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    tried: list[tuple[str, float]] = []

    def create_connection(address: tuple[str, int], seconds: float) -> socket.socket:
        tried.append((address[0], seconds))
        if address[0] != "127.0.0.1":
            raise TimeoutError  # at once, and the time is the same for the next one
        return connect(address, seconds)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: resolved)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    database = function(database_url, database_connect_timeout_seconds=30)
    with database.autocommit() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.engine.dispose()
    assert [address for address, _ in tried] == [address for address, _ in addresses]
    assert all(seconds <= 30 / (3 - number) for number, (_, seconds) in enumerate(tried))


@pytest.mark.timeout(40)
def test_an_idle_connection_that_does_not_answer_is_found_within_the_time_to_connect(
    environment: dict[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "FRESH_SECONDS", 0)
    with Proxy.before(make_url(database_url).port or 5432) as wire:
        url = make_url(database_url).set(port=wire.port).render_as_string(hide_password=False)
        database = function(url, database_connect_timeout_seconds=0.2)
        with database.autocommit() as connection:
            raw: Any = connection.connection.dbapi_connection
            assert raw.is_usable()
            wire.mode = Mode.BLACK_HOLE
            assert not raw.is_usable()
            connection.invalidate()


def test_the_kernel_gives_up_a_peer_that_acknowledges_nothing_within_seconds(database_url: str) -> None:
    database = function(database_url)
    with database.autocommit() as connection:
        raw: Any = connection.connection.dbapi_connection
        options = {option: raw._usock.getsockopt(socket.IPPROTO_TCP, option) for option in postgres.DEAD_PEER}
        assert raw._usock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    database.engine.dispose()
    assert options == postgres.DEAD_PEER
    assert options[socket.TCP_USER_TIMEOUT] <= 10_000


@pytest.mark.timeout(40)
def test_nothing_waits_for_the_database_beyond_the_invocations_end(database_url: str, engine: Engine) -> None:
    database = function(database_url)
    with database.autocommit() as connection:
        connection.execute(text("SELECT 1"))
        database.end = time.monotonic() + 0.2
        with pytest.raises(DBAPIError, match="network error") as raised:
            connection.execute(text("SELECT pg_sleep(50)"))
        assert raised.value.connection_invalidated
    with pytest.raises(DBAPIError, match="no time is left"), database.autocommit():
        pass


Answer = dict[str, Any]


def serve(application: InTime, seconds: float) -> Answer:
    """Send a GET of the domains to a function with this much time left."""
    return Api(application, context=LambdaContext(remaining_ms=round(seconds * 1_000))).get("/domains").__dict__


@pytest.mark.timeout(40)
def test_the_api_answers_before_its_timeout_when_the_database_does_not(
    environment: dict[str, str], silent: int
) -> None:
    environment |= {"DATABASE_URL": f"postgresql+pg8000://me:secret@127.0.0.1:{silent}/none"}
    answer = serve(InTime(partial(Application, environment)), 1.8)
    assert (answer["status"], answer["json"]["detail"][:29]) == (503, "the database does not answer;")


@pytest.mark.timeout(40)
@pytest.mark.parametrize(
    ("path", "media_type"), [("/domains", "application/problem+json"), ("/console/errors", "text/html; charset=utf-8")]
)
def test_the_api_answers_before_its_timeout_whatever_hangs_and_serves_the_next_request(
    environment: dict[str, str], database_url: str, path: str, media_type: str
) -> None:
    released, hung = threading.Event(), threading.Event()
    del environment["DATABASE_URL"]
    environment["DATABASE_SECRET"] = "scrapersky/test/database"

    def secrets(name: str, **_: object) -> str:
        if not hung.is_set():
            hung.set()
            released.wait()
        return json.dumps(address_of_url(database_url))

    application = InTime(partial(Application, environment, secrets))
    first = application.handler(event_of("GET", path, [], b"", ADA), LambdaContext(remaining_ms=1_200))
    second = serve(application, 29)
    released.set()
    assert (first["statusCode"], first["headers"]["Content-Type"]) == (503, media_type)
    assert "the request was not served in time;" in first["body"]
    assert second["status"] == 200
