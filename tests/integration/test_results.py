"""Saving: what does not lie in the result is tried again and counts as nothing, and one result holds no other."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import Connection, Engine, event, make_url, text

from scrapersky.database import Database, address_of_url
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, Snooze, Write
from scrapersky.runtime.registry import DEEP_SCAN, DISCOVERY, DOMAIN_EXTRACTION, METADATA, SITEMAP_SCHEDULER
from scrapersky.runtime.results import save
from scrapersky.settings import Settings
from scrapersky.status.abandon import abandon
from scrapersky.status.claim import claim
from scrapersky.status.start import Started, start
from tests.chaos.proxy import Mode, Proxy
from tests.integration.conftest import Harness
from tests.race.race import TIMEOUT_SECONDS, backend

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture
def wire(database_url: str) -> Iterator[Proxy]:
    """The function's network to Postgres, which a test can cut."""
    with Proxy.before(make_url(database_url).port or 5432) as proxy:
        yield proxy


@pytest.fixture
def environment(environment: dict[str, str], database_url: str, wire: Proxy) -> dict[str, str]:
    """The function's environment: its database is behind the wire, and it has one second for saving."""
    url = make_url(database_url).set(port=wire.port).render_as_string(hide_password=False)
    times = {"SAVING_SECONDS": "1", "START_MINIMUM_SECONDS": "1"}
    return {**environment, **times, "DATABASE_URL": url, "DOMAIN_SCHEDULER_PULL": "false"}


def done(write: Write, _: object) -> Outcome:
    """Return the outcome of a job with this write."""
    return Done("read", write=write)


def completed(connection: Connection) -> int:
    """Return the number of completed domains."""
    return int(connection.execute(text("SELECT count(*) FROM domains WHERE status = 'Completed'")).scalar_one())


def when(engine: Engine, condition: Callable[[Connection], bool], act: Callable[[], object]) -> threading.Thread:
    """Start a thread that calls ``act`` as soon as ``condition`` of the database holds."""

    def watch() -> None:
        give_up = time.monotonic() + TIMEOUT_SECONDS
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not condition(connection) and time.monotonic() < give_up:
                pass
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def metric(output: str, name: str) -> float:
    """Return the sum of a metric that was written."""
    documents = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    return float(sum(sum(one[name]) for one in documents if name in one))


@pytest.mark.parametrize("number", [1, 3])
def test_a_connection_that_is_cut_while_saving_counts_as_nothing(harness: Harness, wire: Proxy, number: int) -> None:
    names = [f"d{n}.test" for n in range(number)]
    ids = harness.add(*names)
    cuts: list[int] = []

    def write(connection: Connection) -> Made:
        if not cuts:
            cuts.append(1)
            wire.cut()
            while True:  # until the cut arrives
                connection.execute(text("SELECT 1"))
        connection.execute(text("UPDATE domains SET title = coalesce(title, '') || 'x' WHERE domain = 'd0.test'"))
        return {}

    for name in names:
        harness.behaviour[name] = partial(done, write)
    harness.drain()
    assert {(row["status"], row["failures"]) for row in map(harness.row, ids)} == {("Completed", 0)}
    assert harness.row(ids[0])["title"] == "x" * number


LOST_REPLIES: dict[str, Callable[[Callable[[], object]], Outcome]] = {
    # deafen → the outcome. In a transaction the write is the last statement before the commit.
    "a done record with a write": lambda deafen: Done("read", write=after(deafen)),
    "a done record": lambda deafen: (deafen(), Done("read"))[1],
    "a retried record": lambda deafen: Retry("http_503", "busy", write=after(deafen)),
    "a snoozed record": lambda deafen: (deafen(), Snooze("busy", "later", after=60))[1],
}


def after(act: Callable[[], object]) -> Write:
    """Return a write that calls ``act``."""

    def write(_: Connection) -> Made:
        act()
        return {}

    return write


@pytest.mark.parametrize("case", LOST_REPLIES.keys())
def test_a_commit_whose_reply_was_lost_is_found_and_reported_once(
    harness: Harness, wire: Proxy, engine: Engine, case: str,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (record_id,) = harness.add("a.test")
    threads: list[threading.Thread] = []

    def ended(connection: Connection) -> bool:
        return bool(connection.execute(text("SELECT status <> 'Processing' FROM domains")).scalar_one())

    def deafen() -> None:
        """Lose all answers until the end of the attempt is committed, and then the connection."""
        if not threads:
            wire.mode = Mode.DEAF
            threads.append(when(engine, ended, wire.heal))

    outcome = LOST_REPLIES[case]
    harness.behaviour["a.test"] = lambda _: outcome(deafen)
    harness.drain()
    threads[0].join()
    row, (made,) = harness.row(record_id), {type(one): one for one in [outcome(lambda: None)]}.values()
    expected = {Done: ("Completed", 0), Retry: ("Queued", 1), Snooze: ("Queued", 0)}[type(made)]
    assert (row["status"], row["failures"]) == expected
    ends = [vars(line) for line in caplog.records if vars(line).get("from_status") == "Processing"]
    assert [(line["to_status"], line["code"]) for line in ends] == [(expected[0], made.code)]
    assert not [line.message for line in caplog.records if "stale" in line.message or line.levelname == "ERROR"]


def test_an_attempt_that_another_has_ended_is_stale_also_after_a_lost_connection(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    (held,) = claim(harness.connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    abandon(harness.connection, METADATA, [record_id], actor="ada", reason="it hangs")
    attempt = Started(held.attempt_id, METADATA.name, record_id)
    assert save(harness.service.runtime, {attempt: Done("read")}, {attempt: Done("read")}) == {}


@pytest.fixture
def holder(engine: Engine) -> Iterator[Connection]:
    """Another transaction, which holds locks until the test ends it."""
    with engine.connect() as connection:
        yield connection


def test_a_locked_record_delays_no_other_and_is_saved_when_the_lock_ends(
    harness: Harness, engine: Engine, holder: Connection
) -> None:
    names = [f"d{n}.test" for n in range(6)]
    ids = harness.add(*names)
    harness.tick()
    holder.execute(text("SELECT 1 FROM domains WHERE id = :id FOR UPDATE"), {"id": ids[2]})
    thread = when(engine, lambda each: completed(each) == 5, holder.rollback)
    assert harness.deliver(harness.receive()) == []
    thread.join()
    assert {(row["status"], row["failures"]) for row in map(harness.row, ids)} == {("Completed", 0)}


def test_a_serialization_failure_of_several_results_is_tried_again_together(
    harness: Harness, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("a.test", "b.test")
    harness.tick()
    for statement in FIRST_ENDS_FAIL:
        connection.execute(text(statement.format(state="40001", times=1)))
    assert harness.deliver(harness.receive()) == []
    assert completed(connection) == 2
    tries = [line for line in caplog.messages if line.startswith("could not save")]
    assert tries == ["could not save results; trying again"]


FIRST_ENDS_FAIL = (
    "CREATE SEQUENCE tries",
    "GRANT USAGE ON SEQUENCE tries TO PUBLIC",
    """CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'again' USING ERRCODE = '{state}'; END IF; RETURN NEW; END $$""",
    "CREATE TRIGGER fail_first BEFORE UPDATE OF outcome ON attempts FOR EACH STATEMENT EXECUTE FUNCTION fail_first()",
)


def ended_after_failures(
    harness: Harness, connection: Connection, state: str, times: int, write: Write | None
) -> tuple[str, int]:
    """Let the first ``times`` ends of a record's attempt fail; return its status and failures after the invocation."""
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Done("read", write=write)
    for statement in FIRST_ENDS_FAIL:
        connection.execute(text(statement.format(state=state, times=times)))
    harness.drain()
    row = harness.row(record_id)
    return row["status"], row["failures"]


@pytest.mark.parametrize("state", ["0A000", "57014", "25006", "25P03", "26000", "28P01", "58030"])
@pytest.mark.parametrize("write", [None, lambda _: {}], ids=["without a write", "with a write"])
def test_an_error_of_the_server_that_passes_counts_as_nothing(
    harness: Harness, connection: Connection, state: str, write: Write | None
) -> None:
    assert ended_after_failures(harness, connection, state, 1, write) == ("Completed", 0)


@pytest.mark.parametrize(
    ("state", "write"), [("57014", None), ("40001", lambda _: {})], ids=["no write", "a lost race"]
)
def test_what_cannot_lie_in_a_write_counts_as_nothing_however_often_it_fails(
    harness: Harness, connection: Connection, state: str, write: Write | None
) -> None:
    assert ended_after_failures(harness, connection, state, 3, write) == ("Completed", 0)


def test_a_write_that_always_times_out_is_the_failure_of_its_record_only(harness: Harness) -> None:
    ids = harness.add("slow.test", "b.test")
    tries: list[int] = []

    def slow(connection: Connection) -> Made:
        tries.append(1)
        connection.execute(text("SET LOCAL statement_timeout = 1"))
        connection.execute(text("SELECT pg_sleep(9)"))
        return {}

    harness.behaviour["slow.test"] = partial(done, slow)
    harness.drain()
    rows = [harness.row(record_id) for record_id in ids]
    assert [(row["status"], row["failures"]) for row in rows] == [("Queued", 1), ("Completed", 0)]
    assert len(tries) == 3  # together with the other, and twice alone


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$ BEGIN RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200'; END $$",
    ],
    ids=["cut", "out of memory"],
)
def test_a_write_that_always_breaks_its_connection_takes_no_neighbour_with_it(harness: Harness, statement: str) -> None:
    ids = harness.add("broken.test", "b.test", "c.test")

    def break_off(connection: Connection) -> Made:
        connection.execute(text(statement))
        return {}

    harness.behaviour["broken.test"] = partial(done, break_off)
    harness.tick()
    harness.deliver(harness.receive(), remaining_ms=4_000)
    assert [harness.row(record_id)["status"] for record_id in ids] == ["Processing", "Completed", "Completed"]


def test_many_locked_records_at_the_end_of_an_invocation_take_no_other_with_them(
    harness: Harness, holder: Connection
) -> None:
    *_, free = harness.add(*(f"d{n}.test" for n in range(30)))
    harness.tick()
    records = [one for _ in range(3) for one in harness.receive()]
    holder.execute(text("SELECT FROM domains WHERE id <> :id FOR UPDATE"), {"id": free})
    harness.deliver(records, remaining_ms=3_000)
    assert (len(records), harness.row(free)["status"]) == (30, "Completed")


def test_a_connection_that_cannot_be_opened_while_saving_counts_as_nothing(
    harness: Harness, database_url: str, wire: Proxy
) -> None:
    (record_id,) = harness.add("a.test")
    url = make_url(database_url).set(port=wire.port)
    secret = json.dumps({**address_of_url(url.render_as_string(hide_password=False)), "sslmode": "disable"})
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetSecretValue")
    answers: list[str | Exception] = [secret, throttled, secret]

    def read_secret(_: str, **__: Any) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    database = Database(Settings(database_secret="a secret"), "function", read_secret)
    harness.service.runtime = replace(harness.service.runtime, database=database)

    def cut(_: object) -> Outcome:
        wire.cut()
        return Done("read")

    harness.behaviour["a.test"] = cut
    harness.drain()
    database.engine.dispose()
    assert (harness.row(record_id)["status"], harness.row(record_id)["failures"]) == ("Completed", 0)
    assert answers == []


def test_a_record_that_stays_locked_is_left_to_recovery_when_the_invocation_ends(
    harness: Harness, holder: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    ids = harness.add("a.test", "b.test")
    harness.tick()
    holder.execute(text("SELECT 1 FROM domains WHERE id = :id FOR UPDATE"), {"id": ids[0]})
    assert harness.deliver(harness.receive(), remaining_ms=2_500) == []
    assert [harness.row(record_id)["status"] for record_id in ids] == ["Processing", "Completed"]
    assert harness.row(ids[0])["failures"] == 0
    assert "could not save results before the invocation ended; recovery will pick them up" in caplog.messages
    (batch,) = [vars(line) for line in caplog.records if line.message == "batch"]
    assert batch["outcomes"] == {"read": 1, "unsaved": 1}


@pytest.mark.parametrize("write", [None, lambda _: {}], ids=["without writes", "with writes"])
def test_results_of_several_workflows_are_saved_in_one_transaction(
    environment: dict[str, str], connection: Connection, write: Write | None
) -> None:
    async def job(record: Any, ctx: Any) -> Outcome:
        raise AssertionError("only the saving is tested")

    workflows = (DISCOVERY, DEEP_SCAN, DOMAIN_EXTRACTION)
    service = BackgroundService(SITEMAP_SCHEDULER, dict.fromkeys(workflows, job), environment)
    for statement in (
        "WITH d AS (INSERT INTO domains (domain) VALUES ('a.test') RETURNING id)"
        " INSERT INTO sitemaps (domain_id, status) SELECT id, 'Queued' FROM d",
        "INSERT INTO places (place_id, deep_scan_status) VALUES ('a', 'Queued'), ('b', 'Queued')",
        "INSERT INTO local_businesses (place_id, domain_extraction_status) VALUES ('a', 'Queued')",
    ):
        connection.execute(text(statement))
    held = [
        one.attempt_id
        for workflow in workflows
        for one in claim(connection, workflow, batch=9, max_in_flight=9, dispatch_lease=60)
    ]
    started = start(connection, held, lease=60, worker="w", request_id="r")
    saved = save(service.runtime, {attempt: Done("read", write=write) for attempt in started})
    service.runtime.database.engine.dispose()
    assert len(saved) == 4
    transactions = "SELECT count(DISTINCT xmin::text) FROM status_events WHERE to_status = 'Completed'"
    assert connection.execute(text(transactions)).scalar_one() == 1


def held(harness: Harness, number: int) -> list[Started]:
    """Return started attempts at ``number`` new records."""
    harness.add(*(f"d{n}.test" for n in range(number)))
    claimed = claim(harness.connection, METADATA, batch=number, max_in_flight=number, dispatch_lease=60)
    return start(harness.connection, [one.attempt_id for one in claimed], lease=60, worker="w", request_id="r")


def test_results_that_end_differently_are_saved_together(harness: Harness) -> None:
    attempts = held(harness, 5)
    outcomes: list[Outcome] = [
        Fail("parked", "for sale"), Done("read"), Retry("http_503", "busy"), Done("empty"), Snooze("later", "", after=9),
    ]  # fmt: skip
    results = dict(zip(attempts, outcomes, strict=True))
    saved = save(harness.service.runtime, results)
    assert {one: outcome for one, (outcome, _) in saved.items()} == results
    assert [saved[one][1].status for one in attempts] == ["Error", "Completed", "Queued", "Completed", "Queued"]
    ended = harness.connection.execute(text("SELECT code FROM attempts ORDER BY attempt_id")).scalars()
    assert list(ended) == ["parked", "read", "http_503", "empty", "later"]


def is_free_while_the_lowest_is_awaited(
    harness: Harness, engine: Engine, results: Mapping[Started, Outcome], key: str, *, low: int, high: int
) -> bool:
    """Return whether the row ``high`` is unlocked while the saving of ``results`` waits for ``low``; ``key``: its column."""
    lock = f"SELECT FROM {key.partition('.')[0]} WHERE {key} = :id FOR NO KEY UPDATE"
    with engine.connect() as holder, engine.connect() as prober:
        holder.execute(text(lock), {"id": low})
        saving = threading.Thread(target=save, args=(harness.service.runtime, results))
        saving.start()
        waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE :holder = ANY (pg_blocking_pids(pid)))"
        values = {"holder": backend(holder)}
        when(engine, lambda each: bool(each.execute(text(waits), values).scalar_one()), lambda: None).join()
        free = prober.execute(text(f"{lock} SKIP LOCKED"), {"id": high}).rowcount
        prober.rollback()
        holder.rollback()
        saving.join()
    return free == 1


def test_attempts_that_end_differently_are_locked_in_ascending_order(harness: Harness, engine: Engine) -> None:
    first, second, third = held(harness, 3)
    results: dict[Started, Outcome] = {first: Fail("parked", "for sale"), second: Done("read"), third: Done("read")}
    low, high = first.attempt_id, third.attempt_id
    assert is_free_while_the_lowest_is_awaited(harness, engine, results, "attempts.attempt_id", low=low, high=high)
    assert completed(harness.connection) == 2


def test_the_records_of_attempts_that_end_differently_are_locked_in_ascending_order(
    harness: Harness, engine: Engine
) -> None:
    low, high = harness.add("a.test", "b.test")
    claims = [
        claim(harness.connection, METADATA, batch=1, max_in_flight=2, dispatch_lease=60, ids=[record_id])
        for record_id in (high, low)
    ]
    attempts = start(harness.connection, [one.attempt_id for (one,) in claims], lease=60, worker="w", request_id="r")
    results = dict.fromkeys(attempts, Fail("parked", "for sale"))
    assert is_free_while_the_lowest_is_awaited(harness, engine, results, "domains.id", low=low, high=high)
    assert {harness.row(record_id)["status"] for record_id in (low, high)} == {"Error"}


def test_results_that_are_saved_together_pause_their_workflow_once_and_for_the_longest_time(harness: Harness) -> None:
    attempts = held(harness, 3)
    seconds = dict(zip(attempts, (60, 600, 60), strict=True))
    save(harness.service.runtime, {
        one: Snooze("invalid_key", f"refused for {after} s", after=after, pause=True) for one, after in seconds.items()
    })  # fmt: skip
    pauses = harness.connection.execute(text("SELECT pause_reason, paused_until - paused_at FROM pauses")).all()
    assert pauses == [("invalid_key: refused for 600 s", timedelta(seconds=600))]


def test_only_a_result_that_asks_for_it_pauses_its_workflow(harness: Harness) -> None:
    first, second = held(harness, 2)
    save(harness.service.runtime, {
        first: Snooze("invalid_key", "refused", after=60, pause=True), second: Snooze("busy", "later", after=600)
    })  # fmt: skip
    pauses = harness.connection.execute(text("SELECT pause_reason, paused_until - paused_at FROM pauses")).all()
    assert pauses == [("invalid_key: refused", timedelta(seconds=60))]


def test_results_that_end_differently_wait_for_no_other_attempt_and_no_other_record(
    harness: Harness, holder: Connection
) -> None:
    first, second, other = held(harness, 3)
    holder.execute(text("SELECT FROM attempts WHERE attempt_id = :id FOR UPDATE"), {"id": other.attempt_id})
    holder.execute(text("SELECT FROM domains WHERE id = :id FOR UPDATE"), {"id": other.record_id})
    results: dict[Started, Outcome] = {first: Fail("parked", "for sale"), second: Done("read")}
    assert save(harness.service.runtime, results).keys() == {first, second}


@pytest.mark.parametrize(
    "outcomes",
    [
        [Done("read")],
        [Done("read"), Done("read")],
        [Fail("parked", "for sale")],
        [Retry("http_503", "busy")],
        [Snooze("later", "", after=9)],
    ],
    ids=["one done", "two done", "failed", "to be retried", "snoozed"],
)
def test_results_without_writes_are_saved_in_one_round_trip(harness: Harness, outcomes: list[Outcome]) -> None:
    attempts, sent = held(harness, len(outcomes)), []
    engine = harness.service.runtime.database.engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    assert len(save(harness.service.runtime, dict(zip(attempts, outcomes, strict=True)))) == len(outcomes)
    assert len(sent) == 1, sent


def test_what_ended_is_counted_and_what_ended_in_error(
    harness: Harness, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("a.test", "b.test", "parked.test", "busy.test")
    harness.behaviour["parked.test"] = lambda _: Fail("parked", "for sale")
    harness.behaviour["busy.test"] = lambda _: Retry("http_503", "busy")
    harness.drain()
    output = capsys.readouterr().out
    assert (metric(output, "Finished"), metric(output, "Errored")) == (3, 1)
    ends = [vars(line) for line in caplog.records if vars(line).get("from_status") == "Processing"]
    assert sorted((line["code"], line.get("error_code")) for line in ends if line["code"] != "read") == [
        ("http_503", None), ("parked", "parked"),
    ]  # fmt: skip
    assert [line.get("error_code") for line in ends if line["code"] == "read"] == [None, None]


def test_recovery_reports_what_was_lost_and_counts_what_ended_in_error(
    harness: Harness, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    started, waiting, last = harness.add("started.test", "waiting.test", "last.test")
    harness.connection.execute(text("UPDATE domains SET failures = 99 WHERE id = :id"), {"id": last})
    claimed = {
        one.record_id: one for one in claim(harness.connection, METADATA, batch=3, max_in_flight=3, dispatch_lease=60)
    }
    begun = [claimed[record_id].attempt_id for record_id in (started, last)]
    start(harness.connection, begun, lease=60, worker="w", request_id="r")
    harness.connection.execute(text("UPDATE attempts SET lease_until = now() - interval '1 s'"))
    harness.tick()
    output = capsys.readouterr().out
    assert (metric(output, "Finished"), metric(output, "Errored")) == (1, 1)
    ends = [vars(line) for line in caplog.records if vars(line).get("from_status") == "Processing"]
    assert {line["record_id"]: (line["to_status"], line["outcome"]) for line in ends} == {
        started: ("Queued", "lost"), waiting: ("Queued", "undelivered"), last: ("Error", "lost"),
    }  # fmt: skip


@pytest.mark.parametrize("raised", [asyncio.CancelledError, SystemExit, GeneratorExit])
def test_a_job_that_raises_what_is_no_exception_touches_no_neighbour(
    harness: Harness, raised: type[BaseException]
) -> None:
    ids = harness.add("a.test", "b.test")

    def bad(_: object) -> Outcome:
        raise raised

    harness.behaviour["a.test"] = bad
    harness.drain()
    rows = [harness.row(record_id) for record_id in ids]
    assert [(row["status"], row["failures"]) for row in rows] == [("Queued", 1), ("Completed", 0)]


def test_a_write_that_raises_what_is_no_exception_touches_no_neighbour(harness: Harness) -> None:
    ids = harness.add("a.test", "b.test")

    def exit_(_: Connection) -> Made:
        raise SystemExit

    harness.behaviour["a.test"] = partial(done, exit_)
    harness.drain()
    rows = [harness.row(record_id) for record_id in ids]
    assert [(row["status"], row["failures"]) for row in rows] == [("Queued", 1), ("Completed", 0)]


@pytest.mark.timeout(60)
def test_jobs_that_hang_in_threads_hold_neither_the_results_of_others_nor_the_invocation(harness: Harness) -> None:
    ids = harness.add(*(f"hangs{n}.test" for n in range(8)), "a.test", "b.test")
    released = threading.Event()

    async def job(record: Any, ctx: Any) -> Outcome:
        if record.domain.startswith("hangs"):
            await asyncio.to_thread(released.wait)
        return Done("read")

    runtime = harness.service.runtime
    settings = runtime.settings.model_copy(update={"record_deadline_seconds": 0.3})
    harness.service.runtime = replace(runtime, jobs={METADATA: job}, settings=settings)
    try:
        harness.drain()
    finally:
        released.set()  # a process does not end before its threads
    statuses = [harness.row(record_id)["status"] for record_id in ids]
    assert statuses == ["Queued"] * 8 + ["Completed"] * 2
