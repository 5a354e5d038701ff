"""Workers that share a database keep the limits of a host together, as if they were one worker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, event, text

from scrapersky.errors import FetchError
from scrapersky.models import Domain
from scrapersky.politeness.lease_manager import LeaseManager
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.claim import claim
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Answer, Request
from tests.integration.conftest import message
from tests.integration.lambda_context import LambdaContext
from tests.integration.virtual_time import now, run_virtually
from tests.jobs import Answers

HOST = "shop.test"


async def visit(record: Domain, ctx: JobContext) -> Outcome:
    """A job that requests two pages of its domain."""
    for path in ("", "contact"):
        (await ctx.web.get(f"http://{record.domain}/{path}")).raise_for_status()
    return Done("read")


@dataclass
class Workers:
    """Workers in a simulated internet, each with its own database connection, like Lambda's instances."""

    environment: dict[str, str]
    connection: Connection
    services: list[BackgroundService] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    senders: set[str | None] = field(default_factory=set)

    def start(self, **settings: Any) -> BackgroundService:
        """Start another worker."""
        variables = {name.upper(): str(value) for name, value in settings.items()}
        service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: visit}, {**self.environment, **variables})
        self.services.append(service)
        return service

    def runtime(self, **settings: Any) -> Runtime:
        """Start another worker and return its runtime."""
        return self.start(**{"web_host_interval_seconds": 0, "web_host_keep_alive_seconds": 0, **settings}).runtime

    def work(self, service: BackgroundService, *domains: str) -> None:
        """Send a batch of these domains to the worker."""
        for domain in domains:
            self.connection.execute(
                text("INSERT INTO domains (domain, status) VALUES (:domain, 'Queued') ON CONFLICT DO NOTHING"),
                {"domain": domain},
            )
        claimed = claim(self.connection, METADATA, batch=100, max_in_flight=100, dispatch_lease=60)
        service.handler({"Records": [message(each.attempt_id) for each in claimed]}, LambdaContext())

    def record(self, domain: str) -> tuple[str, str, int, float | None]:
        """Return a domain's status, the code of its last attempt, its failures, and in how many seconds it is due."""
        row = self.connection.execute(
            text(
                "SELECT status, failures, extract(epoch FROM due_at - now())::float8,"
                " (SELECT code FROM attempts WHERE record_id = domains.id ORDER BY attempt_id DESC LIMIT 1) AS code"
                " FROM domains WHERE domain = :domain"
            ),
            {"domain": domain},
        ).one()
        return row.status, row.code, row.failures, row[2]

    def leases(self) -> dict[str, str | None]:
        """Return {host: holder} from the table."""
        return {row.host: row.holder for row in self.connection.execute(text("SELECT host, holder FROM host_leases"))}


@pytest.fixture
def answers() -> dict[str, Answer]:
    """The answer of a host, where it is not a plain page."""
    return {}


@pytest.fixture
def workers(
    environment: dict[str, str], connection: Connection, answers: dict[str, Answer], tmp_path: Path
) -> Iterator[Workers]:
    """Workers in a simulated internet of shop.test, www.shop.test and ten others."""
    workers = Workers(environment, connection)

    def answer(request: Request) -> Answer:
        workers.requests.append(f"{request.host}{request.path}")
        workers.senders.add(request.headers.get("from"))
        if request.path == "/robots.txt":
            return Answer(404)
        return answers.get(request.host, Answer(200, b"<p>Welcome</p>", {"Content-Type": "text/html"}))

    hosts = [HOST, f"www.{HOST}", *(f"{number}.test" for number in range(10))]
    with Internet.start(dict.fromkeys(hosts, Answers(answer)), tmp_path) as internet:
        workers.environment = {
            **environment,
            "WEB_LOOPBACK_INTERNET": str(internet.file),
            "WEB_HOST_INTERVAL_SECONDS": "0",
        }
        yield workers
    for service in workers.services:
        service.runtime.database.engine.dispose()


@asynccontextmanager
async def host_limiter(runtime: Runtime) -> AsyncIterator[HostLimiter]:
    """The host limiter of one invocation, with its leases."""
    settings = runtime.settings
    log, holder = runtime.observer.log, uuid4().hex
    async with LeaseManager(settings, runtime.database, log, holder) as leases:
        yield HostLimiter(settings, leases)


def together(go: Callable[[HostLimiter, HostLimiter], Any], *runtimes: Runtime) -> Any:
    """Run ``go`` with the host limiters of two workers."""

    async def run() -> Any:
        first, second = runtimes
        async with host_limiter(first) as one, host_limiter(second) as two:
            return await go(one, two)

    return asyncio.run(run())


def test_a_suppressed_website_gets_no_request_at_all(workers: Workers, connection: Connection) -> None:
    hash_ = "encode(sha256('shop.test'), 'hex')"
    connection.execute(text(f"INSERT INTO suppressions VALUES ({hash_}, 'domain', 'letter', 'ada')"))
    workers.work(workers.start(), HOST, f"www.{HOST}", "1.test")
    assert [workers.record(host)[:2] for host in (HOST, f"www.{HOST}", "1.test")] == [
        ("Error", "suppressed"), ("Error", "suppressed"), ("Completed", "read"),
    ]  # fmt: skip
    assert {request.partition("/")[0] for request in workers.requests} == {"1.test"}


@pytest.mark.parametrize("address", ["", "crawler@operator.test"])
def test_the_operators_address_is_sent_with_every_request_if_it_is_set(workers: Workers, address: str) -> None:
    workers.work(workers.start(web_from=address), HOST)
    assert len(workers.requests) == 3
    assert workers.senders == {address or None}


def test_only_one_of_two_workers_sends_requests_to_a_host_at_a_time(workers: Workers) -> None:
    active: Counter[str] = Counter()
    active_together: set[tuple[str, ...]] = set()
    most = 0

    async def request(limiter: HostLimiter, name: str) -> None:
        nonlocal most
        for _ in range(3):
            async with limiter.slot(HOST, polite=True, spacing=0, seconds=5):
                active[name] += 1
                active_together.add(tuple(sorted(+active)))
                most = max(most, active.total())
                await asyncio.sleep(0.01)
                active[name] -= 1

    async def go(one: HostLimiter, two: HostLimiter) -> None:
        await asyncio.gather(*(request(limiter, name) for limiter, name in [(one, "one"), (two, "two")] * 3))

    together(go, workers.runtime(), workers.runtime())
    assert active_together == {("one",), ("two",)}
    assert most == 2  # web_requests_per_host


def test_requests_of_two_workers_start_the_requested_spacing_apart(workers: Workers) -> None:
    starts = []

    async def go(one: HostLimiter, two: HostLimiter) -> None:
        for limiter in (one, two, one):
            async with limiter.slot(HOST, polite=True, spacing=0.3, seconds=5):
                starts.append(asyncio.get_running_loop().time())

    together(go, workers.runtime(), workers.runtime())
    assert starts[1] - starts[0] >= 0.299
    assert starts[2] - starts[1] >= 0.299


def test_a_cooldown_from_one_worker_holds_for_all(workers: Workers) -> None:
    async def go(one: HostLimiter, two: HostLimiter) -> list[FetchError]:
        async with one.slot(HOST, polite=True, spacing=0, seconds=5):
            one.cool_down(HOST, 600, polite=True)
        postponed = []
        for limiter in (one, two):
            with pytest.raises(FetchError) as caught:
                async with limiter.slot(HOST, polite=True, spacing=0, seconds=5):
                    pass
            postponed.append(caught.value)
        return postponed

    postponed = together(go, workers.runtime(), workers.runtime(web_host_acquire_timeout_seconds=0))
    assert [each.code for each in postponed] == ["host_cooldown", "host_cooldown"]
    assert all(500 < (each.retry_after or 0) <= 600 for each in postponed)


def test_a_cooldown_shorter_than_the_acquire_timeout_is_waited_for(workers: Workers) -> None:
    async def go(one: HostLimiter, two: HostLimiter) -> float:
        async with one.slot(HOST, polite=True, spacing=0, seconds=5):
            one.cool_down(HOST, 0.3, polite=True)
        start = asyncio.get_running_loop().time()
        async with (
            two.slot(HOST, polite=True, spacing=0, seconds=5),
            one.slot("other.test", polite=True, spacing=0, seconds=5),
        ):
            return asyncio.get_running_loop().time() - start

    assert together(go, workers.runtime(), workers.runtime()) >= 0.2


def test_a_batch_leases_all_its_hosts_in_one_statement_and_releases_them(workers: Workers) -> None:
    service = workers.start()
    statements: Counter[str] = Counter()

    @event.listens_for(service.runtime.database.engine, "before_cursor_execute")
    def count(_: Any, __: Any, statement: str, *more: Any) -> None:
        statements[statement.split(maxsplit=1)[0] if "host_leases" in statement else "other"] += 1

    domains = [f"{number}.test" for number in range(10)]
    workers.work(service, *domains)
    assert [workers.record(domain)[:3] for domain in domains] == [("Completed", "read", 0)] * 10
    assert len(workers.requests) == 30
    assert 2 <= statements["WITH"] <= 4, statements  # acquire and release, each in one statement or two
    assert workers.leases() == {}


def test_hosts_that_fall_idle_within_a_second_are_released_in_one_statement(workers: Workers) -> None:
    runtime = workers.runtime(web_host_keep_alive_seconds=2)
    released: list[tuple[float, int]] = []

    async def run() -> None:
        async with LeaseManager(runtime.settings, runtime.database, runtime.observer.log, "worker") as leases:

            @event.listens_for(runtime.database.engine, "after_cursor_execute")
            def note(_: Any, __: Any, statement: str, *___: Any) -> None:
                if "DELETE FROM host_leases" in statement:
                    released.append((round(now(), 3), len(workers.leases())))

            for seconds in (0.0, 0.5, 0.9, 5.0):
                await asyncio.sleep(seconds - now())
                async with leases.use(f"{seconds}.test"):
                    await leases.acquire(f"{seconds}.test", 1)
            await asyncio.sleep(10)

    run_virtually(run())
    assert released == [(3, 0), (8, 0)]


def test_a_record_whose_host_is_busy_is_snoozed_without_a_failure(workers: Workers) -> None:
    workers.connection.execute(
        text("INSERT INTO host_leases VALUES ('shop.test', 'another', now() + interval '1 min')")
    )
    workers.work(workers.start(web_host_acquire_timeout_seconds=0.2), HOST)
    status, code, failures, due_in = workers.record(HOST)
    assert (status, code, failures) == ("Queued", "host_busy", 0)
    assert due_in is not None
    assert due_in < 0.3
    assert workers.requests == []
    assert workers.leases() == {HOST: "another"}


def test_the_host_of_a_vanished_worker_is_free_when_its_lease_ends(workers: Workers) -> None:
    workers.connection.execute(text("INSERT INTO host_leases VALUES ('shop.test', 'vanished', now())"))
    workers.work(workers.start(), HOST)
    assert workers.record(HOST)[:2] == ("Completed", "read")


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_back_every_worker_until_then(
    workers: Workers, answers: dict[str, Answer], status: int
) -> None:
    answers[f"www.{HOST}"] = Answer(status, b"", {"Retry-After": "600"})
    workers.work(workers.start(), f"www.{HOST}")
    assert workers.record(f"www.{HOST}")[:3] == ("Queued", f"http_{status}", 1)
    before = list(workers.requests)
    workers.work(workers.start(), HOST)
    status_after, code, failures, due_in = workers.record(HOST)
    assert (status_after, code, failures) == ("Queued", "host_cooldown", 0)
    assert due_in is not None
    assert 500 < due_in <= 600
    assert workers.requests == before
    assert workers.leases() == {HOST: None}


def test_a_call_of_an_api_neither_needs_nor_waits_for_a_lease(workers: Workers) -> None:
    workers.connection.execute(
        text("INSERT INTO host_leases VALUES ('shop.test', 'another', now() + interval '1 min')")
    )

    async def call(record: Domain, ctx: JobContext) -> Outcome:
        (await ctx.web.get(f"http://{record.domain}/", robots=False)).raise_for_status()
        return Done("read")

    service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: call}, workers.environment)
    workers.services.append(service)
    workers.work(service, HOST)
    assert workers.record(HOST)[:2] == ("Completed", "read")
