"""When a running invocation pulls, how much and of which workflow, and when it ends: on virtual time."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pg8000.dbapi
import pytest
from sqlalchemy import Connection, event, text

from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import (
    DEEP_SCAN,
    DISCOVERY,
    DOMAIN_EXTRACTION,
    DOMAIN_SCHEDULER,
    IMPORT,
    METADATA,
    SITEMAP_IMPORT_SCHEDULER,
    SITEMAP_SCHEDULER,
)
from scrapersky.status.claim import claim
from scrapersky.status.control import pause
from tests.integration.conftest import Harness, message
from tests.integration.test_verbs import queue, queue_files
from tests.integration.virtual_time import Simulation, advance, now, run_virtually

pytestmark = pytest.mark.usefixtures("invariants_hold")

SERVICE = {"DOMAIN_SCHEDULER_RECORDS_AT_ONCE": "10", "DOMAIN_SCHEDULER_MAX_INSTANCES": "2"}


class Jobs:
    """A job that takes ``seconds(record id)`` of virtual time; ``began`` and ``ended`` have the times by record id."""

    def __init__(self, seconds: Callable[[int], float] = lambda _: 1.0) -> None:
        self.seconds = seconds
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.running = 0
        self.most = 0

    async def __call__(self, record: Any, _: Any) -> Outcome:
        self.began[record.id] = now()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds(record.id))
        finally:
            self.running -= 1
            self.ended[record.id] = now()
        return Done("read")


def simulate(environment: dict[str, str], jobs: Jobs, **settings: str) -> Simulation:
    """Return domain-scheduler with these jobs."""
    return Simulation.of(DOMAIN_SCHEDULER, {METADATA: jobs}, {**environment, **SERVICE, **settings})


def codes(connection: Connection) -> dict[str, int]:
    """Count the ended attempts by code."""
    rows = connection.execute(text("SELECT code, count(*) FROM attempts WHERE code IS NOT NULL GROUP BY 1"))
    return {row[0]: row[1] for row in rows}


def live(connection: Connection) -> list[int]:
    """Return the live attempts."""
    return list(connection.execute(text("SELECT attempt_id FROM attempts WHERE finished_at IS NULL")).scalars())


def invoke(simulation: Simulation, seconds: float = 180, during: Callable[[], object] | None = None) -> float:
    """Run one invocation without live messages for at most ``seconds``; return how long it took."""

    async def run() -> float:
        if during:
            asyncio.get_running_loop().call_later(5, during)
        await simulation.invoke([], seconds)
        return now()

    return run_virtually(run())


def test_an_invocation_whose_messages_are_all_stale_drains_what_is_due(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 35)
    jobs = Jobs()
    assert invoke(simulate(environment, jobs)) == pytest.approx(4)
    assert (len(jobs.began), jobs.most) == (35, 10)
    assert codes(connection) == {"read": 35}


def test_a_free_slot_is_filled_while_a_slow_record_still_runs(
    environment: dict[str, str], connection: Connection
) -> None:
    slow, *_ = queue(connection, 40)
    jobs = Jobs(lambda record: 60 if record == slow else 1)
    invoke(simulate(environment, jobs))
    assert max(at for record, at in jobs.ended.items() if record != slow) < 10


def test_nothing_is_pulled_before_a_quarter_of_the_slots_is_free(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 16)
    jobs = Jobs(lambda record: 10.0 + record)
    invoke(simulate(environment, jobs, DOMAIN_SCHEDULER_RECORDS_AT_ONCE="8"))
    assert sorted(jobs.began.values()) == [*8 * [0], *2 * [12], *2 * [14], *2 * [16], *2 * [18]]


def test_results_wait_for_others_as_long_as_they_took_at_most_a_second_and_the_last_not_at_all(
    environment: dict[str, str], connection: Connection
) -> None:
    first, *_ = queue(connection, 7)
    seconds = dict(enumerate([0.3, 1.0, 1.5, 1.9, 2.1, 3.0, 5.0], first))
    assert invoke(simulate(environment, Jobs(seconds.__getitem__))) == pytest.approx(5)
    together = text("SELECT array_agg(record_id ORDER BY record_id) FROM attempts GROUP BY finished_at ORDER BY 1")
    ids = list(seconds)
    assert list(connection.execute(together).scalars()) == [ids[:1], ids[1:4], ids[4:6], ids[6:]]


def test_without_pulling_an_invocation_works_on_its_messages_only(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 5)
    jobs = Jobs()
    assert invoke(simulate(environment, jobs, DOMAIN_SCHEDULER_PULL="false")) == 0
    assert jobs.began == {}


def test_pulls_stop_when_less_than_the_minimum_is_left(environment: dict[str, str], connection: Connection) -> None:
    queue(connection, 100)
    jobs = Jobs(lambda _: 10.0)
    invoke(simulate(environment, jobs, DOMAIN_SCHEDULER_PULL_MINIMUM_SECONDS="61"), seconds=100)
    assert max(jobs.began.values()) == 30


def test_nothing_is_pulled_when_the_minimum_has_passed_before_the_database_was_reached(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 5)
    jobs = Jobs()
    simulation = simulate(environment, jobs, DOMAIN_SCHEDULER_PULL_MINIMUM_SECONDS="45")
    began: list[str] = []
    waited: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        began.append(statement)

    def delay(*_: object) -> None:
        if began and not waited:
            waited.append("for a connection")
            advance(50)

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", note)
    event.listen(simulation.runtime.database.engine, "checkout", delay)
    invoke(simulation, seconds=80)
    assert (waited, jobs.began) == (["for a connection"], {})


def test_a_pause_stops_pulling_at_once_and_work_in_flight_goes_on(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 100)
    jobs = Jobs(lambda _: 2.0)
    invoke(simulate(environment, jobs), during=lambda: pause(connection, METADATA, actor="ada", reason="wait"))
    assert max(jobs.began.values()) == 4
    assert codes(connection) == {"read": 30}


def test_pulls_leave_room_for_one_ticks_messages(environment: dict[str, str], connection: Connection) -> None:
    queue(connection, 50)
    jobs = Jobs()
    own = {"DOMAIN_SCHEDULER_MAX_IN_FLIGHT": "12", "DOMAIN_SCHEDULER_BATCH_SIZE": "5"}
    invoke(simulate(environment, jobs, **own))
    assert jobs.most == 7


def test_an_empty_pull_is_repeated_after_one_second_then_two_up_to_ten(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 1)
    simulation = simulate(environment, Jobs(lambda _: 60.0))
    asked: list[float] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "taken_over" in statement:
            asked.append(now())

    event.listen(simulation.runtime.database.engine, "before_cursor_execute", note)
    assert invoke(simulation) == pytest.approx(60)
    assert asked == pytest.approx([0, 0, 1, 3, 7, 15, 25, 35, 45, 55, 60])


def test_no_workflow_holds_all_slots_and_free_slots_are_shared(
    environment: dict[str, str], connection: Connection
) -> None:
    add_discoveries(connection, 100)
    slow, quick, none = Jobs(lambda _: 50.0), Jobs(lambda _: 1.0), Jobs()
    jobs = {DISCOVERY: slow, DEEP_SCAN: quick, DOMAIN_EXTRACTION: none}
    simulation = Simulation.of(SITEMAP_SCHEDULER, jobs, {**environment, "SITEMAP_SCHEDULER_RECORDS_AT_ONCE": "10"})
    invoke(simulation, during=lambda: add_places(connection, 20))
    assert slow.most == 8
    assert len(quick.began) == 20
    assert sorted(quick.began.values())[:2] == pytest.approx([7, 8]), "one kept slot, asked again 1, 2 and 4 s after"


def test_workflows_with_due_records_share_the_slots(environment: dict[str, str], connection: Connection) -> None:
    add_discoveries(connection, 100)
    add_places(connection, 100)
    scans, places = Jobs(lambda _: 50.0), Jobs(lambda _: 50.0)
    jobs = {DISCOVERY: scans, DEEP_SCAN: places, DOMAIN_EXTRACTION: Jobs()}
    simulation = Simulation.of(SITEMAP_SCHEDULER, jobs, {**environment, "SITEMAP_SCHEDULER_RECORDS_AT_ONCE": "12"})
    invoke(simulation)
    assert min(scans.most, places.most) >= 4


@pytest.mark.parametrize("pulls", ["true", "false"])
def test_ticks_and_pulls_keep_to_the_cap_of_a_host(
    environment: dict[str, str], connection: Connection, pulls: str
) -> None:
    queue_files(connection, "one.test", 9, "1 hour")
    queue_files(connection, "two.test", 9, "1 hour")
    jobs = Jobs(lambda _: 400.0)
    own = {"SITEMAP_IMPORT_SCHEDULER_MAX_PER_HOST": "2", "SITEMAP_IMPORT_SCHEDULER_PULL": pulls}
    simulation = Simulation.of(SITEMAP_IMPORT_SCHEDULER, {IMPORT: jobs}, {**environment, **own})
    if pulls == "true":
        invoke(simulation)
    else:
        run_virtually(simulation.run(100))
    assert jobs.most == 4


@pytest.mark.parametrize("slots", ["1", "2"])
def test_every_workflow_has_its_turn_where_slots_are_fewer_than_workflows(
    environment: dict[str, str], connection: Connection, slots: str
) -> None:
    add_discoveries(connection, 100)
    add_places(connection, 100)
    add_businesses(connection, 100)
    jobs = {DISCOVERY: Jobs(), DEEP_SCAN: Jobs(), DOMAIN_EXTRACTION: Jobs()}
    simulation = Simulation.of(SITEMAP_SCHEDULER, jobs, {**environment, "SITEMAP_SCHEDULER_RECORDS_AT_ONCE": slots})
    invoke(simulation)
    worked = [len(one.began) for one in jobs.values()]
    assert min(worked) >= 0.8 * max(worked), worked


def test_with_ten_thousand_slow_discoveries_due_a_deep_scan_starts_within_90_seconds(
    environment: dict[str, str], connection: Connection
) -> None:
    add_discoveries(connection, 10_000)
    slow, quick = Jobs(lambda record: 100.0 + record % 20), Jobs()
    jobs = {DISCOVERY: slow, DEEP_SCAN: quick, DOMAIN_EXTRACTION: Jobs()}
    own = {"SITEMAP_SCHEDULER_MAX_INSTANCES": "2", "SITEMAP_SCHEDULER_RECORDS_AT_ONCE": "20"}
    simulation = Simulation.of(SITEMAP_SCHEDULER, jobs, {**environment, **own})
    added: dict[int, float] = {}

    async def run() -> None:
        running = asyncio.create_task(simulation.run(500))
        for at in range(30, 390, 20):
            await asyncio.sleep(at - now())
            (place,) = add_places(connection, 1)
            added[place] = now()
        await running

    run_virtually(run())
    waited = [quick.began[place] - at for place, at in added.items()]
    assert max(waited) <= 90, waited
    assert slow.most >= 30, "the discoveries keep the slots busy meanwhile"


def test_after_a_drain_no_invocation_outlives_its_last_job(environment: dict[str, str], connection: Connection) -> None:
    queue(connection, 150)
    jobs = Jobs(lambda record: record % 7 + 0.5)
    simulation = simulate(environment, jobs)
    run_virtually(simulation.run(150))
    last = {
        request: max(jobs.ended[record] for record in records)
        for request, records in connection.execute(
            text("SELECT request_id, array_agg(record_id) FROM attempts GROUP BY 1")
        ).all()
    }
    assert len(jobs.ended) == 150
    assert last, "some invocations worked"
    assert all(one.ended <= last.get(one.request_id, one.began) + 15 for one in simulation.ran)


def test_out_of_time_is_rare_in_the_ordinary_case(environment: dict[str, str], connection: Connection) -> None:
    queue(connection, 1_000)
    # As on the benchmark's web: most sites are quick, 3 in 100 take seconds, 2 never answer.
    jobs = Jobs(lambda record: 30.0 if record % 50 == 0 else 8.0 if record % 33 == 0 else 2.0 + record % 4)
    simulation = simulate(environment, jobs)
    run_virtually(simulation.run(420))
    assert len(jobs.ended) == 1_000
    assert len([one for one in simulation.ran if one.ended - one.began > 60]) >= 2, "invocations reached their end"
    assert codes(connection).get("out_of_time", 0) <= 1


def test_a_record_that_ran_out_of_time_is_not_taken_again_by_the_same_invocation(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 1)
    jobs = Jobs(lambda _: 100.0)
    simulation = simulate(environment, jobs, RECORD_DEADLINE_SECONDS="110")
    assert invoke(simulation, seconds=60) == pytest.approx(50)
    assert codes(connection) == {"out_of_time": 1}
    invoke(simulation, seconds=119)
    assert codes(connection) == {"out_of_time": 1}, "too little time for its whole deadline"
    invoke(simulation, seconds=121)
    assert codes(connection) == {"out_of_time": 1, "read": 1}


def test_a_pull_whose_reply_was_lost_is_taken_up_by_its_request_id(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    jobs = Jobs()
    simulation = simulate(environment, jobs)

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if "taken_over" in statement and not jobs.began:
            event.remove(simulation.runtime.database.engine, "after_cursor_execute", lose)
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", lose)
    assert invoke(simulation) == pytest.approx(2), "a second to let the server commit, and the job"
    assert len(jobs.began) == 3
    assert codes(connection) == {"read": 3}


def test_what_a_lost_pull_started_is_looked_for_again_where_the_first_look_failed(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    jobs = Jobs(lambda _: 60 if len(jobs.began) == 1 else 1)
    simulation = simulate(environment, jobs, DOMAIN_SCHEDULER_RECORDS_AT_ONCE="2")
    to_lose = ["taken_over", "<> ALL"]

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if jobs.began and to_lose and to_lose[0] in statement:
            del to_lose[0]
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", lose)
    assert invoke(simulation) == pytest.approx(60)
    assert (to_lose, codes(connection), live(connection)) == ([], {"read": 3}, [])


def test_what_a_lost_pull_started_is_looked_for_until_the_database_answers(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    jobs = Jobs()
    simulation = simulate(environment, jobs)

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if now() < 60 and "attempts" in statement:
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", lose)
    assert invoke(simulation) < 60 + 10 + 1 + 1
    assert (codes(connection), live(connection)) == ({"read": 3}, [])


def test_what_a_lost_pull_started_is_looked_for_until_a_connection_can_be_opened(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    simulation = simulate(environment, Jobs())
    lost: list[float] = []

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if "taken_over" in statement and not lost:
            lost.append(now())
            raise pg8000.dbapi.InterfaceError("network error")

    def refuse(*_: object) -> None:
        if lost and now() < 20:
            raise pg8000.dbapi.DatabaseError({"C": "3D000", "M": "the database does not exist"})

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", lose)
    event.listen(simulation.runtime.database.engine, "checkout", refuse)
    invoke(simulation)
    assert (codes(connection), live(connection)) == ({"read": 3}, [])


def test_what_was_started_is_not_looked_for_where_the_database_refuses_the_question(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    simulation = simulate(environment, Jobs())
    connection.execute(text("ALTER TABLE attempts RENAME TO hidden"))
    assert invoke(simulation) <= 2 * 1.0, "one look, a second after the pull"
    connection.execute(text("ALTER TABLE hidden RENAME TO attempts"))


def test_an_invocation_that_cannot_connect_has_started_nothing_and_ends(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    simulation = simulate(environment, Jobs())

    async def refused() -> float:
        engine = simulation.runtime.database.engine
        event.listen(engine, "engine_connect", lambda *_: (_ for _ in ()).throw(ConnectionResetError("refused")))
        work = simulation.invoke([], 180)
        await work
        return now()

    assert run_virtually(refused()) == 0
    assert live(connection) == []


def test_an_invocation_does_not_return_while_a_pull_is_under_way(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 4)
    jobs = Jobs(lambda _: 1.5)
    simulation = simulate(environment, jobs, DOMAIN_SCHEDULER_RECORDS_AT_ONCE="1")
    lost: list[float] = []

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if "taken_over" in statement:
            lost.append(now())
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "after_cursor_execute", lose)
    assert invoke(simulation) == pytest.approx(4 * (1 + 1.5) + 1), "each reply is looked for a second later"
    assert codes(connection) == {"read": 4}
    assert not live(connection), "nothing that a pull started is left behind"


def test_records_that_cannot_be_read_after_a_pull_are_taken_up_as_well(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 3)
    jobs = Jobs()
    simulation = simulate(environment, jobs)

    def fail(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM domains" in statement and "taken_over" not in statement:
            event.remove(simulation.runtime.database.engine, "before_cursor_execute", fail)
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "before_cursor_execute", fail)
    invoke(simulation)
    assert codes(connection) == {"read": 3}


def test_a_pull_that_fails_ends_no_job_and_is_tried_again(environment: dict[str, str], connection: Connection) -> None:
    queue(connection, 1)
    jobs = Jobs(lambda _: 20.0)
    simulation = simulate(environment, jobs)

    def fail(_: object, __: object, statement: str, *___: object) -> None:
        if "taken_over" in statement and 1 < now() < 10:
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "before_cursor_execute", fail)
    invoke(simulation, during=lambda: queue_later(connection))
    assert codes(connection) == {"read": 2}


def queue_later(connection: Connection) -> None:
    """Queue one more domain."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('later.test', 'Queued')"))


def test_ticks_and_manual_payloads_do_not_pull(harness: Harness) -> None:
    harness.add("a.test", "b.test", "c.test")
    harness.invoke(action="process", workflow="metadata", record="a.test")
    assert harness.worked_on == ["a.test"]
    harness.tick()
    harness.invoke(action="status")
    assert harness.worked_on == ["a.test"]


def test_a_batch_sends_no_message(harness: Harness) -> None:
    harness.add("a.test", "b.test")
    assert harness.deliver([]) == []
    assert harness.worked_on == ["a.test", "b.test"]
    assert harness.receive() == []


def test_messages_to_redeliver_are_made_visible_before_the_work_begins(harness: Harness) -> None:
    harness.add("a.test")
    order: list[str] = []
    harness.behaviour["a.test"] = lambda _: order.append("job") or Done("read")  # type: ignore[func-returns-value]
    harness.service.runtime.queue.return_to_queue = lambda *_: order.append("visible")  # type: ignore[method-assign]
    broken = {"messageId": "broken", "receiptHandle": "handle", "body": "{"}
    assert harness.deliver([broken]) == ["broken"]
    assert order == ["visible", "job"]


def test_malformed_messages_are_made_visible_before_the_database_is_waited_for(
    environment: dict[str, str], connection: Connection
) -> None:
    queue(connection, 1)
    (one,) = claim(connection, METADATA, batch=1, max_in_flight=10, dispatch_lease=600)
    simulation = simulate(environment, Jobs())
    visible: list[float] = []
    simulation.runtime.queue.return_to_queue = lambda handles, *_: visible.append(now()) if handles else None  # type: ignore[method-assign]

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if now() < 60 and "attempts" in statement:
            raise pg8000.dbapi.InterfaceError("network error")

    event.listen(simulation.runtime.database.engine, "before_cursor_execute", lose)
    run_virtually(simulation.invoke([message("broken"), message(one.attempt_id)], 180))
    assert visible[0] == 0


def test_a_message_whose_attempt_was_pulled_is_counted_apart_from_a_stale_one(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("worked.test")
    harness.tick()
    worked = harness.receive()
    harness.deliver(worked)
    harness.add("pulled.test")
    harness.tick()
    harness.deliver([])
    pulled = harness.receive()
    assert harness.deliver([*worked, *pulled]) == []
    batches = [vars(line) for line in caplog.records if line.message == "batch"]
    assert [(line["stale"], line["pulled_before"]) for line in batches] == [(0, 0), (0, 0), (1, 1)]
    stale = [vars(line)["attempt_id"] for line in caplog.records if line.message == "stale delivery"]
    assert stale == [json.loads(worked[0]["body"])["attempt_id"]]


def test_transitions_of_pulled_attempts_carry_the_request_id(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("a.test")
    harness.deliver([], aws_request_id="the-invocation")
    lines = [vars(record) for record in caplog.records if record.message == "transition"]
    assert [(line["from_status"], line["to_status"], line["correlation_id"]) for line in lines] == [
        ("Queued", "Processing", "the-invocation"),
        ("Processing", "Completed", "the-invocation"),
    ]


def add_discoveries(connection: Connection, number: int) -> None:
    """Queue ``number`` domains for discovery."""
    connection.execute(
        text(
            "WITH d AS (INSERT INTO domains (domain) SELECT 'd' || n || '.test' FROM generate_series(1, :n) n RETURNING id)"
            " INSERT INTO sitemaps (domain_id, status) SELECT id, 'Queued' FROM d"
        ),
        {"n": number},
    )


def add_businesses(connection: Connection, number: int) -> None:
    """Queue ``number`` businesses for domain extraction."""
    connection.execute(
        text(
            "INSERT INTO local_businesses (place_id, domain_extraction_status)"
            " SELECT 'p' || n, 'Queued' FROM generate_series(1, :n) n"
        ),
        {"n": number},
    )


def add_places(connection: Connection, number: int) -> list[int]:
    """Queue ``number`` places for a deep scan; return their ids."""
    rows = connection.execute(
        text(
            "INSERT INTO places (place_id, deep_scan_status) SELECT 'p' || gen_random_uuid(), 'Queued'"
            " FROM generate_series(1, :n) RETURNING id"
        ),
        {"n": number},
    )
    return list(rows.scalars())
