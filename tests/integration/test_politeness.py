"""Workers that share a database are as polite to a website together as one of them would be alone."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from scrapersky.errors import FetchError
from scrapersky.models import Domain
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.politeness import polite_turns
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.runtime.runtime import BackgroundService, Runtime
from scrapersky.status.claim import claim
from scrapersky.web.turns import Turns
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Answer, Request
from tests.integration.conftest import message
from tests.integration.lambda_context import LambdaContext
from tests.jobs import Answers

HOST = "shop.test"


async def visit(record: Domain, ctx: JobContext) -> Outcome:
    """A job that asks for its domain's home page, and for another one."""
    for path in ("", "contact"):
        (await ctx.web.get(f"http://{record.domain}/{path}")).raise_for_status()
    return Done("read")


@dataclass
class Workers:
    """Services in an internet of websites, each with a connection of its own, as Lambda's instances have."""

    environment: dict[str, str]
    connection: Connection
    services: list[BackgroundService] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def start(self, **settings: Any) -> BackgroundService:
        """One more worker."""
        more = {name.upper(): str(value) for name, value in settings.items()}
        service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: visit}, {**self.environment, **more})
        self.services.append(service)
        return service

    def runtime(self, **settings: Any) -> Runtime:
        """What one more worker runs with."""
        return self.start(**{"web_host_interval_seconds": 0, "web_host_keep_alive_seconds": 0, **settings}).runtime

    def work(self, service: BackgroundService, *domains: str) -> None:
        """Hands a batch of these domains to the worker."""
        for domain in domains:
            self.connection.execute(
                text("INSERT INTO domains (domain, status) VALUES (:domain, 'Queued') ON CONFLICT DO NOTHING"),
                {"domain": domain},
            )
        held = claim(self.connection, METADATA, batch=100, max_in_flight=100, dispatch_lease=60)
        service.handler({"Records": [message(each.attempt_id) for each in held]}, LambdaContext())

    def record(self, domain: str) -> tuple[str, str, int, float | None]:
        """Its status, its last attempt's code, its failures, and in how many seconds it is due."""
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
        """{host: holder}."""
        return {row.host: row.holder for row in self.connection.execute(text("SELECT host, holder FROM host_leases"))}


@pytest.fixture
def answers() -> dict[str, Answer]:
    """What a host answers, where it is not a plain page."""
    return {}


@pytest.fixture
def workers(
    environment: dict[str, str], connection: Connection, answers: dict[str, Answer], tmp_path: Path
) -> Iterator[Workers]:
    """Workers in an internet of shop.test, www.shop.test and ten others."""
    made = Workers(environment, connection)

    def answer(request: Request) -> Answer:
        made.asked.append(f"{request.host}{request.path}")
        if request.path == "/robots.txt":
            return Answer(404)
        return answers.get(request.host, Answer(200, b"<p>Welcome</p>", {"Content-Type": "text/html"}))

    hosts = [HOST, f"www.{HOST}", *(f"{number}.test" for number in range(10))]
    with Internet.start(dict.fromkeys(hosts, Answers(answer)), tmp_path) as internet:
        made.environment = {
            **environment,
            "WEB_LOOPBACK_INTERNET": str(internet.file),
            "WEB_HOST_INTERVAL_SECONDS": "0",
        }
        yield made
    for service in made.services:
        service.runtime.database.engine.dispose()


def together(go: Callable[[Turns, Turns], Any], *runtimes: Runtime) -> Any:
    """Runs ``go`` with the turns of two workers."""

    async def run() -> Any:
        first, second = runtimes
        async with polite_turns(first, asyncio.Lock()) as one, polite_turns(second, asyncio.Lock()) as two:
            return await go(one, two)

    return asyncio.run(run())


def test_only_one_of_two_workers_speaks_to_a_host_at_a_time(workers: Workers) -> None:
    speaking: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    most = 0

    async def request(turns: Turns, name: str) -> None:
        nonlocal most
        for _ in range(3):
            async with turns.turn(HOST, 0, 5):
                speaking[name] += 1
                seen.add(tuple(sorted(+speaking)))
                most = max(most, speaking.total())
                await asyncio.sleep(0.01)
                speaking[name] -= 1

    async def go(one: Turns, two: Turns) -> None:
        await asyncio.gather(*(request(turns, name) for turns, name in [(one, "one"), (two, "two")] * 3))

    together(go, workers.runtime(), workers.runtime())
    assert seen == {("one",), ("two",)}
    assert most == 2  # web_requests_per_host


def test_requests_of_two_workers_start_as_far_apart_as_those_of_one(workers: Workers) -> None:
    starts = []

    async def go(one: Turns, two: Turns) -> None:
        for turns in (one, two, one):
            async with turns.turn(HOST, 0.3, 5):
                starts.append(asyncio.get_running_loop().time())

    together(go, workers.runtime(), workers.runtime())
    assert starts[1] - starts[0] >= 0.299
    assert starts[2] - starts[1] >= 0.299


def test_a_host_that_one_worker_is_told_to_leave_alone_is_left_alone_by_all(workers: Workers) -> None:
    async def go(one: Turns, two: Turns) -> list[FetchError]:
        async with one.turn(HOST, 0, 5):
            one.rest(HOST, 600)
        refused = []
        for turns in (one, two):
            with pytest.raises(FetchError) as caught:
                async with turns.turn(HOST, 0, 5):
                    pass
            refused.append(caught.value)
        return refused

    refused = together(go, workers.runtime(), workers.runtime(web_host_acquire_timeout_seconds=0))
    assert [each.code for each in refused] == ["host_resting", "host_resting"]
    assert all(500 < (each.retry_after or 0) <= 600 for each in refused)


def test_a_rest_shorter_than_the_patience_is_waited_for(workers: Workers) -> None:
    async def go(one: Turns, two: Turns) -> float:
        async with one.turn(HOST, 0, 5):
            one.rest(HOST, 0.3)
        start = asyncio.get_running_loop().time()
        async with two.turn(HOST, 0, 5), one.turn("other.test", 0, 5):
            return asyncio.get_running_loop().time() - start

    assert together(go, workers.runtime(), workers.runtime()) >= 0.2


def test_a_batch_takes_all_its_hosts_in_one_statement_and_leaves_none_behind(workers: Workers) -> None:
    service = workers.start()
    said: Counter[str] = Counter()

    @event.listens_for(service.runtime.database.engine, "before_cursor_execute")
    def count(_: Any, __: Any, statement: str, *more: Any) -> None:
        said[statement.split(maxsplit=1)[0] if "host_leases" in statement else "other"] += 1

    domains = [f"{number}.test" for number in range(10)]
    workers.work(service, *domains)
    assert [workers.record(domain)[:3] for domain in domains] == [("Completed", "read", 0)] * 10
    assert len(workers.asked) == 30
    assert said["WITH"] <= 4, said  # take and give back, in a burst or two each
    assert workers.leases() == {}


def test_a_record_whose_host_is_taken_waits_its_turn_without_blame(workers: Workers) -> None:
    workers.connection.execute(
        text("INSERT INTO host_leases VALUES ('shop.test', 'another', now() + interval '1 min')")
    )
    workers.work(workers.start(web_host_acquire_timeout_seconds=0.2), HOST)
    status, code, failures, due_in = workers.record(HOST)
    assert (status, code, failures) == ("Queued", "host_busy", 0)
    assert due_in is not None
    assert due_in < 0.3
    assert workers.asked == []
    assert workers.leases() == {HOST: "another"}


def test_the_host_of_a_worker_that_vanished_is_free_when_its_lease_ends(workers: Workers) -> None:
    workers.connection.execute(text("INSERT INTO host_leases VALUES ('shop.test', 'vanished', now())"))
    workers.work(workers.start(), HOST)
    assert workers.record(HOST)[:2] == ("Completed", "read")


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_holds_back_every_worker_and_the_record_until_then(
    workers: Workers, answers: dict[str, Answer], status: int
) -> None:
    answers[f"www.{HOST}"] = Answer(status, b"", {"Retry-After": "600"})
    workers.work(workers.start(), f"www.{HOST}")
    assert workers.record(f"www.{HOST}")[:3] == ("Queued", f"http_{status}", 1)
    asked = list(workers.asked)
    workers.work(workers.start(), HOST)
    status_of_it, code, failures, due_in = workers.record(HOST)
    assert (status_of_it, code, failures) == ("Queued", "host_resting", 0)
    assert due_in is not None
    assert 500 < due_in <= 600
    assert workers.asked == asked
    assert workers.leases() == {HOST: None}


def test_a_call_of_an_api_takes_no_lease_and_waits_for_none(workers: Workers) -> None:
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
