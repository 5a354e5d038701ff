"""API decisions and additions, ticks, finishes with hand-offs, abandon and requeue at once: no lost race is a failure."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from api.application import Application
from scrapersky.database import LOST_RACE, sqlstate
from scrapersky.models import Sitemap
from scrapersky.models.inserts import get_or_create
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Made
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, DOMAIN_SITEMAP_SUBMISSION, SUBMISSION
from scrapersky.runtime.results import save
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.abandon import abandon
from scrapersky.status.claim import claim
from scrapersky.status.recover import recover
from scrapersky.status.requeue import requeue
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId
from tests.integration.api import Api, domains
from tests.race.operations import BACKOFF

DOMAINS = 30
REQUESTS = 40

CURATION_FIELDS = ("curation_status", "sitemap_curation_status")


@pytest.fixture
def runtimes(database_url: str) -> Iterator[dict[Workflow, Runtime]]:
    """The runtimes of the two services that watch domains."""
    environment = {"DATABASE_URL": database_url, "STAGE": "test", "HANDOFF_METADATA_TO_SUBMISSION": "auto"}
    made = [
        BackgroundService(one, environment=environment).runtime for one in (DOMAIN_SCHEDULER, DOMAIN_SITEMAP_SUBMISSION)
    ]
    yield {runtime.service.workflows[0]: runtime for runtime in made}
    for runtime in made:
        runtime.database.engine.dispose()


def decide_and_add(application: Application, ids: Sequence[RecordId]) -> list[int]:
    """Send a client's requests; return their statuses."""
    chance, api, statuses = random.Random(1), Api(application), []
    for number in range(REQUESTS):
        some = chance.sample(ids, 8)
        if number % 3:
            decision = {"ids": some, "curation_status": chance.choice(("Selected", "Maybe"))}
            field = {"field": chance.choice(CURATION_FIELDS)}
            answer = api.post("/domains/curation", decision | field, Idempotency_Key=str(number))
        else:
            answer = api.post("/sitemaps/bulk", {"sitemaps": [{"domain_id": one} for one in some]})
        statuses.append(answer.status)
    return statuses


def work(workflow: Workflow, runtime: Runtime, _: int) -> None:
    """Tick once, and finish half of what was claimed in one transaction, as workers do; recovery takes the rest."""
    with runtime.database.autocommit() as connection:
        recover(connection, workflow, limit=10, backoff=BACKOFF, undelivered_max=50)
        claimed = claim(connection, workflow, batch=6, max_in_flight=20, dispatch_lease=0)
        begun = start(connection, [one.attempt_id for one in claimed[::2]], lease=60, worker="w", request_id="r")
    finished = {one: Done("read", write=partial(write, workflow, one.record_id)) for one in begun}
    if finished:
        save(runtime, finished)


def write(workflow: Workflow, record_id: RecordId, connection: Connection) -> Made:
    """Write what the workflow's job writes about a domain: columns of its row, or a row that refers to it."""
    if workflow is SUBMISSION:
        return {"sitemaps": [get_or_create(connection, Sitemap.domain_id, domain_id=record_id, tenant="default")]}
    connection.execute(text("UPDATE domains SET title = 'read' WHERE id = :id"), {"id": record_id})
    return {"domains": [record_id]}


def operate(engine: Engine, ids: Sequence[RecordId], workflow: Workflow, seed: int) -> None:
    """Abandon and requeue random records."""
    chance = random.Random(seed)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        abandon(connection, workflow, chance.sample(ids, 6), actor="ada", reason="stress")
        requeue(connection, workflow, ids=chance.sample(ids, 6), limit=6, actor="ada", reason="stress")


def repeated(done: Event, action: Callable[[int], None]) -> None:
    """Repeat ``action`` until ``done``, also after a lost race for locks."""
    seed = 0
    while not done.is_set():
        seed += 1
        try:
            action(seed)
        except DBAPIError as error:
            if sqlstate(error) not in LOST_RACE:
                raise


@pytest.mark.usefixtures("invariants_hold")
def test_no_request_fails_because_of_concurrent_ticks_finishes_hand_offs_and_operators(
    database_url: str, engine: Engine, connection: Connection, runtimes: dict[Workflow, Runtime]
) -> None:
    # A deadlock is then found at once, and many fit into a short test.
    connection.execute(text(f"ALTER DATABASE {engine.url.database} SET deadlock_timeout = '5ms'"))
    ids = domains(connection, *(f"d{number}.test" for number in range(DOMAINS)), status="Queued")
    application, done = Application({"DATABASE_URL": database_url, "STAGE": "test"}), Event()
    with ThreadPoolExecutor(2 * len(runtimes)) as pool:
        try:
            others = [pool.submit(repeated, done, partial(work, *one)) for one in runtimes.items()]
            others += [pool.submit(repeated, done, partial(operate, engine, ids, workflow)) for workflow in runtimes]
            statuses = decide_and_add(application, ids)
        finally:
            done.set()
            application.dependencies.database.engine.dispose()
        for other in others:
            other.result()
    assert statuses == [200] * REQUESTS
