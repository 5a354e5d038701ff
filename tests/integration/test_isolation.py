"""An error affects one thing only: one workflow, record, entry of a send, lock or late result."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.outcomes import Done, Made, Outcome, SharedWrite, Write
from scrapersky.runtime.registry import DEEP_SCAN, DISCOVERY, DOMAIN_EXTRACTION, METADATA, SITEMAP_SCHEDULER
from scrapersky.runtime.results import save
from scrapersky.runtime.tick import TickFailed
from scrapersky.status.claim import claim
from scrapersky.status.invariants import find_breaches
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import Started
from scrapersky.vocabulary import AttemptId, RecordId
from tests.chaos.client import CallFaults, Client
from tests.chaos.environment import Context
from tests.chaos.sqs import Clock, Queue
from tests.integration.conftest import SCHEDULED, Harness

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture
def messages(harness: Harness) -> Queue:
    """A queue of the strict SQS simulator instead of moto's."""
    queue = Queue("messages", Clock())
    use_client(harness, queue, Client({queue.url: queue}))
    return queue


def use_client(harness: Harness, queue: Queue, client: Client) -> None:
    """Let the service send to ``queue`` through ``client``."""
    harness.service.runtime = replace(harness.service.runtime, queue=MessageQueue(queue.url, client))


def statuses(connection: Connection) -> list[str]:
    """Return the statuses of the domains, the oldest record first."""
    return list(connection.execute(text("SELECT status FROM domains ORDER BY id")).scalars())


@pytest.fixture
def three_workflows(environment: dict[str, str], connection: Connection) -> Iterator[tuple[BackgroundService, Queue]]:
    """sitemap-scheduler, with a queued record in each of its three workflows."""

    async def job(record: Any, ctx: Any) -> Outcome:
        return Done()

    queue = Queue("messages", Clock())
    jobs = {DISCOVERY: job, DEEP_SCAN: job, DOMAIN_EXTRACTION: job}
    service = BackgroundService(SITEMAP_SCHEDULER, jobs, environment)
    service.runtime = replace(service.runtime, queue=MessageQueue(queue.url, Client({queue.url: queue})))
    for statement in (
        "WITH d AS (INSERT INTO domains (domain) VALUES ('a.test') RETURNING id)"
        " INSERT INTO sitemaps (domain_id, status) SELECT id, 'Queued' FROM d",
        "INSERT INTO places (place_id, deep_scan_status) VALUES ('a', 'Queued')",
        "INSERT INTO local_businesses (place_id, domain_extraction_status) VALUES ('a', 'Queued')",
    ):
        connection.execute(text(statement))
    yield service, queue
    service.runtime.database.engine.dispose()


@pytest.mark.usefixtures("breaks_invariants")
@pytest.mark.parametrize("broken", ["sitemaps", "places", "local_businesses"])
def test_a_workflow_that_fails_does_not_stop_the_others_of_its_service(
    three_workflows: tuple[BackgroundService, Queue], connection: Connection, broken: str
) -> None:
    service, queue = three_workflows
    connection.execute(text(f"ALTER TABLE {broken} RENAME TO hidden"))
    with pytest.raises(TickFailed):
        service.handler(dict(SCHEDULED), Context("sitemap-scheduler", "request-1", 180_000))
    assert queue.visible() == 2


def make_unrecoverable(connection: Connection, *ids: int) -> None:
    """Make every change of these domains' status fail."""
    connection.execute(
        text(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.id = ANY (ARRAY{list(ids)}) THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$"
        )
    )
    connection.execute(text("CREATE TRIGGER refuse BEFORE UPDATE ON domains FOR EACH ROW EXECUTE FUNCTION refuse()"))


def test_a_record_that_cannot_be_recovered_is_logged_and_does_not_stop_claims(harness: Harness) -> None:
    (bad,) = harness.add("bad.test")
    claim(harness.connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=-1)
    make_unrecoverable(harness.connection, bad)
    (good,) = harness.add("good.test")
    with pytest.raises(TickFailed):
        harness.tick()
    assert harness.row(good)["status"] == "Processing"


def test_more_unrecoverable_records_than_a_tick_examines_hide_no_other(connection: Connection) -> None:
    rows = connection.execute(
        text("INSERT INTO domains (domain, status) SELECT 'd' || n, 'Queued' FROM generate_series(1, 5) n RETURNING id")
    )
    ids = list(rows.scalars())
    claim(connection, METADATA, batch=5, max_in_flight=5, dispatch_lease=-1)
    make_unrecoverable(connection, *ids[:4])
    backoff = Backoff(base=30, cap=600, max_failures=3)
    recovered = recover(connection, METADATA, limit=2, backoff=backoff, undelivered_max=5)
    assert [taken.record_id for taken in recovered] == ids[4:]


def test_entries_that_a_send_refuses_are_released_at_once_and_the_others_stay_in_flight(
    harness: Harness, messages: Queue
) -> None:
    harness.add(*(f"d{number}.test" for number in range(20)))
    use_client(harness, messages, Client({messages.url: messages}, CallFaults(entry_fails=0.3)))
    harness.tick()
    assert 0 < statuses(harness.connection).count("Queued") < 20
    assert statuses(harness.connection).count("Processing") == messages.visible()
    assert harness.connection.execute(text("SELECT max(failures) FROM domains")).scalar_one() == 0
    assert find_breaches(harness.connection, METADATA) == []


def test_a_send_that_fails_in_its_second_call_releases_only_the_unsent_records(
    harness: Harness, messages: Queue
) -> None:
    harness.add(*(f"d{number}.test" for number in range(15)))
    client = Client({messages.url: messages})

    def fail_from_the_second_on(message_id: str, *_: object) -> None:
        client.faults = CallFaults(call_fails=1.0)

    client.archive = CallbackList(fail_from_the_second_on)
    use_client(harness, messages, client)
    harness.tick()
    assert statuses(harness.connection).count("Processing") == messages.visible() == 10
    assert statuses(harness.connection).count("Queued") == 5


class CallbackList(list[Any]):
    """A list that calls ``callback`` with every appended item."""

    def __init__(self, callback: Any) -> None:
        super().__init__()
        self._callback = callback

    def append(self, item: Any) -> None:
        """Call back instead of storing the item."""
        self._callback(*item)


def test_a_claim_is_committed_before_its_message_is_sent(harness: Harness, messages: Queue, engine: Engine) -> None:
    harness.add("a.test")
    seen: list[str] = []

    def look(*_: object) -> None:
        with engine.connect() as another:
            seen.extend(statuses(another))

    client = Client({messages.url: messages}, archive=CallbackList(look))
    use_client(harness, messages, client)
    harness.tick()
    assert seen == ["Processing"]


def test_messages_return_to_the_queue_without_a_database_and_none_is_lost(harness: Harness) -> None:
    harness.add("a.test", "b.test")
    harness.tick()
    records = harness.receive()
    harness.connection.execute(text("ALTER TABLE attempts RENAME TO hidden"))
    assert sorted(harness.deliver(records)) == sorted(record["messageId"] for record in records)
    harness.connection.execute(text("ALTER TABLE hidden RENAME TO attempts"))
    assert harness.deliver(records) == []
    assert statuses(harness.connection) == ["Completed", "Completed"]


def test_a_job_that_never_ends_is_stopped_at_its_deadline_and_delays_no_other(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["RECORD_DEADLINE_SECONDS"] = "0.2"
    harness: Harness = request.getfixturevalue("harness")
    harness.add("endless.test", "quick.test")
    quick = harness.service.runtime.jobs[METADATA]

    async def endless(record: Any, ctx: Any) -> Outcome:
        if record.domain == "endless.test":
            await asyncio.Event().wait()
        return await quick(record, ctx)

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: endless})
    harness.drain()
    assert statuses(harness.connection) == ["Queued", "Completed"]
    assert (
        harness.connection.execute(text("SELECT code FROM attempts ORDER BY attempt_id")).scalars().first()
        == "deadline"
    )


def test_a_result_whose_transaction_lost_a_deadlock_is_saved_at_the_second_try(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    tries: list[int] = []

    def write(connection: Connection) -> Made:
        tries.append(1)
        if len(tries) == 1:
            connection.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"))
        connection.execute(text("UPDATE domains SET title = 'A'"))
        return {}

    harness.behaviour["a.test"] = lambda _: Done("read", write=write)
    harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["title"], row["failures"], len(tries)) == ("Completed", "A", 0, 2)


def test_a_write_that_raises_is_rolled_back(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")

    def write(connection: Connection) -> Made:
        connection.execute(text("UPDATE domains SET title = 'half'"))
        raise ZeroDivisionError("in Python, so Postgres knows of no error")

    harness.behaviour["a.test"] = lambda _: Done("read", write=write)
    harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["title"], row["failures"]) == ("Queued", None, 1)


def test_the_write_of_a_stale_result_is_never_run(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    (held,) = claim(harness.connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    release(harness.connection, METADATA, [held.attempt_id], code="send_failed")
    ran: list[int] = []

    def write(connection: Connection) -> Made:
        ran.append(1)
        return {}

    attempt = Started(held.attempt_id, "metadata", record_id)
    assert save(harness.service.runtime, {attempt: Done("read", write=write)}) == {}
    assert ran == []


def complete_together(harness: Harness, names: Mapping[str, Write]) -> list[RecordId]:
    """Queue the domains and work on them as one batch whose jobs end at the same time; return their ids."""
    ids = harness.add(*names)
    for name, write in names.items():
        harness.behaviour[name] = partial(done, write)
    harness.drain()
    return ids


def done(write: Write, _: object) -> Outcome:
    """Return the outcome of a job with a write."""
    return Done("read", write=write)


def rename(connection: Connection) -> Made:
    """A write that succeeds."""
    connection.execute(text("UPDATE domains SET title = coalesce(title, '') || 'read'"))
    return {}


def divide(connection: Connection) -> Made:
    """A write that fails after a change."""
    connection.execute(text("UPDATE domains SET title = 'half'"))
    raise ZeroDivisionError("in Python, so Postgres knows of no error")


def test_results_that_are_ready_together_are_saved_in_one_transaction(harness: Harness) -> None:
    complete_together(harness, dict.fromkeys([f"d{n}.test" for n in range(5)], rename))
    transactions = harness.connection.execute(
        text("SELECT count(DISTINCT xmin::text) FROM status_events WHERE to_status = 'Completed'")
    ).scalar_one()
    assert transactions == 1


def test_a_write_that_raises_does_not_affect_results_that_are_saved_with_it(harness: Harness) -> None:
    ids = complete_together(harness, {"a.test": rename, "b.test": divide, "c.test": rename})
    rows = [harness.row(record_id) for record_id in ids]
    assert [(row["status"], row["failures"]) for row in rows] == [("Completed", 0), ("Queued", 1), ("Completed", 0)]
    assert {row["title"] for row in rows} == {"readread"}


def test_writes_that_can_be_shared_run_once_for_all_results_that_are_saved_together(harness: Harness) -> None:
    calls: list[list[str]] = []

    def save(connection: Connection, values: Sequence[str]) -> Made:
        calls.append(sorted(values))
        connection.execute(
            text("UPDATE domains SET title = 'read' WHERE domain = ANY(:names)"), {"names": list(values)}
        )
        return {}

    names = ["a.test", "b.test", "c.test"]
    ids = complete_together(harness, {name: SharedWrite(save, [name]) for name in names})
    assert calls == [names]
    assert [harness.row(record_id)["title"] for record_id in ids] == ["read"] * 3


def test_a_shared_write_that_fails_is_run_alone_for_each_and_fails_only_the_guilty_result(harness: Harness) -> None:
    def save(connection: Connection, values: Sequence[int]) -> Made:
        for value in values:
            connection.execute(text("UPDATE domains SET title = coalesce(title, '') || (1 / :value)"), {"value": value})
        return {}

    writes = {name: SharedWrite(save, [value]) for name, value in (("a.test", 1), ("b.test", 0), ("c.test", 1))}
    rows = [harness.row(record_id) for record_id in complete_together(harness, writes)]
    assert [(row["status"], row["failures"]) for row in rows] == [("Completed", 0), ("Queued", 1), ("Completed", 0)]
    assert {row["title"] for row in rows} == {"11"}


def test_stale_results_among_others_are_left_out_and_their_writes_are_not_run(harness: Harness) -> None:
    ids = harness.add("a.test", "b.test")
    early, late = claim(harness.connection, METADATA, batch=2, max_in_flight=2, dispatch_lease=60)
    release(harness.connection, METADATA, [late.attempt_id], code="send_failed")
    ran: list[int] = []

    def run(attempt_id: AttemptId, _: Connection) -> Made:
        ran.append(attempt_id)
        return {}

    results = {
        Started(one.attempt_id, METADATA.name, one.record_id): Done("read", write=partial(run, one.attempt_id))
        for one in (early, late)
    }
    assert [one.attempt_id for one in save(harness.service.runtime, results)] == [early.attempt_id]
    assert ran == [early.attempt_id]
    assert sorted(harness.row(record_id)["status"] for record_id in ids) == ["Completed", "Queued"]
