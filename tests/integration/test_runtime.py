"""The three entry points of a service, over a real database and an emulated queue."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pg8000.dbapi
import pytest
from sqlalchemy import Connection, Engine, event, text

from scrapersky.errors import FetchFailed, Misconfigured, WorkError
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.outcomes import Done, Fail, Made, Retry, Snooze
from scrapersky.runtime.registry import (
    DISCOVERY,
    DOMAIN_EXTRACTION,
    IMPORT,
    METADATA,
    SITEMAP_SCHEDULER,
    SUBMISSION,
    HandOff,
)
from scrapersky.runtime.tick import STUCK_SECONDS
from scrapersky.runtime.work import Work
from scrapersky.status.claim import claim
from scrapersky.status.invariants import find_breaches
from scrapersky.status.start import start
from scrapersky.vocabulary import RecordId
from scrapersky.web.fetched import Fetched, http_error
from tests.integration.conftest import Harness, message
from tests.integration.lambda_context import LambdaContext
from tests.records import make

pytestmark = pytest.mark.usefixtures("invariants_hold")


def title(value: str) -> Any:
    """Return a write that sets the title of domain ``a.test`` and hands it off."""

    def write(connection: Connection) -> Made:
        statement = text("UPDATE domains SET title = :title WHERE domain = 'a.test' RETURNING id")
        return {"domains": list(connection.execute(statement, {"title": value}).scalars())}

    return write


def test_a_queued_record_is_claimed_sent_worked_on_and_completed(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 1
    assert harness.row(record_id)["status"] == "Processing"
    assert harness.deliver(harness.receive()) == []
    assert harness.row(record_id)["status"] == "Completed"
    assert find_breaches(harness.connection, METADATA) == []


def test_a_record_that_is_not_queued_is_not_claimed(harness: Harness) -> None:
    (record_id,) = harness.add("a.test", status="New")
    harness.drain()
    assert harness.row(record_id)["status"] == "New"
    assert harness.worked_on == []


def test_writes_and_transition_are_one_transaction(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")

    def write(connection: Connection) -> Made:
        title("half")(connection)
        connection.execute(text("SELECT 1 / 0"))
        return {}

    harness.behaviour["a.test"] = lambda _: Done("read", write=write)
    harness.drain()
    row = harness.row(record_id)
    assert (row["title"], row["status"], row["failures"]) == (None, "Queued", 1)


def test_one_records_crash_touches_no_other(harness: Harness) -> None:
    bad, good = harness.add("bad.test", "good.test")

    def crash(_: Any) -> Done:
        raise ZeroDivisionError("an unexpected error")

    harness.behaviour["bad.test"] = crash
    harness.drain()
    assert harness.row(good)["status"] == "Completed"
    assert harness.row(bad)["status"] == "Queued"
    assert harness.row(bad)["failures"] == 1


def test_an_unexpected_exception_is_retried_twice_and_ends_in_error_with_its_text(harness: Harness) -> None:
    (record_id,) = harness.add("bad.test")

    def crash(_: Any) -> Done:
        raise ZeroDivisionError("an unexpected error")

    harness.behaviour["bad.test"] = crash
    for _ in range(3):
        harness.connection.execute(text("UPDATE domains SET due_at = now() WHERE due_at IS NOT NULL"))
        harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["error_code"]) == ("Error", "unexpected")
    assert row["error"] == "ZeroDivisionError: an unexpected error"


@pytest.mark.parametrize(
    ("error", "status", "error_code"),
    [
        (FetchFailed("timeout", "the site answered so", retry_after=90), "Queued", None),
        (http_error(503, "the site answered so", retry_after=90), "Queued", None),
        (http_error(404, "the site answered so", retry_after=90), "Error", "http_404"),
    ],
)
def test_a_raised_error_is_retried_or_failed_according_to_its_class(
    harness: Harness, error: WorkError, status: str, error_code: str | None
) -> None:
    (record_id,) = harness.add("a.test")

    def fail(_: Any) -> Done:
        raise error

    harness.behaviour["a.test"] = fail
    harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["error_code"]) == (status, error_code)
    if status == "Queued":
        wait = harness.connection.execute(text("SELECT extract(epoch FROM due_at - now()) FROM domains")).scalar_one()
        assert 80 < wait <= 90


def test_a_configuration_error_pauses_the_workflow_and_counts_no_failure(harness: Harness) -> None:
    first, second = harness.add("a.test", "b.test")

    def denied(_: Any) -> Done:
        raise Misconfigured("places_denied", "the API is not enabled")

    harness.behaviour["a.test"] = denied
    harness.drain()
    assert (harness.row(first)["status"], harness.row(first)["failures"]) == ("Queued", 0)
    assert harness.row(second)["status"] == "Completed"
    harness.connection.execute(text("UPDATE domains SET due_at = now() WHERE due_at IS NOT NULL"))
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 0
    status = harness.invoke(action="status")["workflows"]["metadata"]
    assert status["paused"] is True
    assert "places_denied" in status["pause_reason"]
    harness.invoke(action="resume", reason="key renewed")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 1


def test_fail_sets_error_at_once_and_retry_after_the_last_try(harness: Harness) -> None:
    failed, retried = harness.add("fail.test", "retry.test")
    harness.behaviour["fail.test"] = lambda _: Fail("parked", "the domain is for sale")
    harness.behaviour["retry.test"] = lambda _: Retry("timeout", "too slow")
    for _ in range(5):
        harness.connection.execute(text("UPDATE domains SET due_at = now() WHERE due_at IS NOT NULL"))
        harness.drain()
    assert harness.row(failed)["error_code"] == "parked"
    assert harness.row(failed)["error"] == "the domain is for sale"
    assert harness.row(retried)["error_code"] == "timeout"
    assert harness.worked_on.count("fail.test") == 1
    assert harness.worked_on.count("retry.test") == 5


def test_snooze_counts_no_failure(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Snooze("out_of_time", "later", after=60)
    harness.drain()
    assert (harness.row(record_id)["status"], harness.row(record_id)["failures"]) == ("Queued", 0)


def test_a_duplicate_delivery_is_acknowledged_and_not_worked_on_again(harness: Harness) -> None:
    harness.add("a.test")
    harness.tick()
    records = harness.receive()
    assert harness.deliver(records) == []
    assert harness.deliver(records) == []
    assert harness.worked_on == ["a.test"]


def test_a_malformed_message_is_redelivered_and_the_rest_of_its_batch_is_processed(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    records = harness.receive()
    broken = {**records[0], "messageId": "broken", "body": "{"}
    unknown = {**message(99, workflow="unknown"), "messageId": "unknown"}
    assert sorted(harness.deliver([broken, unknown, *records])) == ["broken", "unknown"]
    assert harness.row(record_id)["status"] == "Completed"


@pytest.mark.parametrize("attempt_id", [2**63, 10**30])
def test_an_attempt_id_beyond_the_database_spoils_only_its_own_message(harness: Harness, attempt_id: int) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    assert harness.deliver([message(attempt_id), *harness.receive()]) == [f"message-{attempt_id}"]
    assert harness.row(record_id)["status"] == "Completed"


def cut_once(harness: Harness, when: str, words: str) -> list[str]:
    """Let the first statement with these words fail; ``when``: before or after the server has executed it."""
    cut: list[str] = []

    def fail(_: object, __: object, statement: str, *___: object) -> None:
        if words in statement and not cut:
            cut.append(statement)
            raise ConnectionResetError("the connection is cut")

    event.listen(harness.service.runtime.database.engine, f"{when}_cursor_execute", fail)
    return cut


START = "-- Lock the attempts that are live and not started"


@pytest.mark.parametrize(
    ("when", "words"),
    [("after", START), ("before", START), ("before", "SELECT domains.")],
    ids=["its reply is lost", "it is not executed", "the records are not read"],
)
def test_a_cut_while_messages_are_started_counts_as_nothing_and_leaves_nothing_behind(
    harness: Harness, caplog: pytest.LogCaptureFixture, when: str, words: str
) -> None:
    ids = harness.add("a.test", "b.test")
    harness.tick()
    cut = cut_once(harness, when, words)
    records = harness.receive()
    again = harness.deliver(records)
    assert cut
    while again:
        again = harness.deliver([one for one in records if one["messageId"] in again])
    assert {(row["status"], row["failures"]) for row in map(harness.row, ids)} == {("Completed", 0)}
    assert sorted(harness.worked_on) == ["a.test", "b.test"]
    causes = {vars(line).get("correlation_id") for line in caplog.records if line.message == "transition"}
    assert causes == {"request-1"}, "the request of the tick that sent the messages"


def test_a_locked_attempt_holds_no_other_message(
    environment: dict[str, str], request: pytest.FixtureRequest, engine: Engine
) -> None:
    environment["DOMAIN_SCHEDULER_PULL"] = "false"
    harness: Harness = request.getfixturevalue("harness")
    *ids, free = harness.add("a.test", "b.test", "c.test")
    harness.tick()
    records = harness.receive()
    with engine.connect() as holder:
        holder.execute(text("SELECT FROM attempts WHERE record_id = ANY(:ids) FOR UPDATE"), {"ids": ids})
        harness.behaviour["c.test"] = lambda _: holder.rollback() or Done("read")  # type: ignore[func-returns-value]
        again = harness.deliver(records)
        assert not holder.in_transaction(), "the job began while the others were held"
    assert [harness.row(record_id)["status"] for record_id in (*ids, free)] == [*["Processing"] * 2, "Completed"]
    assert harness.deliver([one for one in records if one["messageId"] in again]) == []
    assert [harness.row(record_id)["status"] for record_id in ids] == ["Completed"] * 2


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (pg8000.dbapi.InterfaceError("network error"), ("Queued", 0), ("snoozed", "database_away")),
        (pg8000.dbapi.DatabaseError({"C": "25006"}), ("Queued", 0), ("snoozed", "database_away")),
        (pg8000.dbapi.DatabaseError({"C": "40P01"}), ("Queued", 0), ("snoozed", "database_away")),
        (pg8000.dbapi.DatabaseError({"C": "57014"}), ("Queued", 1), ("retry", "unexpected")),
        (pg8000.dbapi.DatabaseError({"C": "42P01"}), ("Queued", 1), ("retry", "unexpected")),
    ],
    ids=str,
)
def test_a_job_whose_database_is_away_is_no_failure_unless_its_statement_may_be_at_fault(
    harness: Harness, error: Exception, status: tuple[str, int], outcome: tuple[str, str]
) -> None:
    (record_id,) = harness.add("a.test")
    harness.spends = "proxy"
    engine = harness.service.runtime.database.engine

    def lose(_: object, __: object, statement: str, *___: object) -> None:
        if "INSERT INTO paid_calls" in statement:
            raise error

    event.listen(engine, "before_cursor_execute", lose)
    harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["failures"]) == status
    assert harness.connection.execute(text("SELECT outcome, code FROM attempts")).one() == outcome


def test_a_message_returns_to_the_queue_later_each_time(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment |= {"REDELIVERY_MIN_SECONDS": "20", "REDELIVERY_MAX_SECONDS": "20"}
    harness: Harness = request.getfixturevalue("harness")
    waits: dict[str, int] = {}

    class Client:
        def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> None:
            waits.update({one["ReceiptHandle"]: one["VisibilityTimeout"] for one in Entries})

    harness.service.runtime = replace(harness.service.runtime, queue=MessageQueue("queue", Client()))
    counts = {"1": 1, "2": 2, "5": 5, "99": 99}
    records = [
        {**message(name), "body": "{", "attributes": {"ApproximateReceiveCount": str(count)}}
        for name, count in counts.items()
    ]
    assert len(harness.deliver(records)) == 4
    assert waits == {"handle-1": 20, "handle-2": 40, "handle-5": 320, "handle-99": 640}


def test_a_message_with_too_little_time_left_is_not_started(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    records = harness.receive()
    assert harness.deliver(records, remaining_ms=0) == [records[0]["messageId"]]
    assert harness.worked_on == []
    assert harness.deliver(records) == []
    assert harness.row(record_id)["status"] == "Completed"


def test_a_hand_off_happens_if_its_policy_is_auto(environment: dict[str, str], request: pytest.FixtureRequest) -> None:
    environment["HANDOFF_METADATA_TO_SUBMISSION"] = "auto"
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Done("read", write=title("A"))
    harness.drain()
    assert harness.row(record_id)["sitemap_analysis_status"] == "Queued"
    assert find_breaches(harness.connection, SUBMISSION) == []


def test_each_of_several_hand_offs_takes_the_records_of_its_table_that_meet_its_condition(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = replace(METADATA, makes=("domains", "sitemap_files"))
    to_submission = HandOff(metadata, SUBMISSION, None, again=False)
    to_import = HandOff(metadata, IMPORT, None, again=False, condition="url LIKE 'https://b%'")
    monkeypatch.setattr("scrapersky.runtime.registry.HAND_OFFS", (to_submission, to_import))
    runtime = harness.service.runtime
    service, jobs = replace(runtime.service, workflows=(metadata,)), {metadata: runtime.jobs[METADATA]}
    harness.service.runtime = replace(runtime, service=service, jobs=jobs)
    (record_id,) = harness.add("a.test")
    files = [make(harness.connection, IMPORT, key=key) for key in "bc"]
    made = {"domains": [record_id], "sitemap_files": files}
    harness.behaviour["a.test"] = lambda _: Done("read", write=lambda _: made)
    harness.drain()
    assert harness.row(record_id)["sitemap_analysis_status"] == "Queued"
    statuses = "SELECT sitemap_import_status FROM sitemap_files ORDER BY id"
    assert list(harness.connection.execute(text(statuses)).scalars()) == ["Queued", "New"]


def test_a_hand_off_takes_at_most_as_many_records_of_a_host_as_its_setting_says(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment |= {"PAGE_READING_MAX_PAGES": "3", "HANDOFF_METADATA_TO_PAGE_READING": "auto"}
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("a.test")

    def write(connection: Connection) -> Made:
        statement = text("""
            INSERT INTO pages (domain_id, url, page_type, path_depth)
            SELECT :id, 'https://a.test/contact/' || n, 'contact', 2 FROM generate_series(1, 5) AS n RETURNING id
        """)
        return {"pages": list(connection.execute(statement, {"id": record_id}).scalars())}

    harness.behaviour["a.test"] = lambda _: Done("read", write=write)
    harness.drain()
    queued = "SELECT count(*) FROM pages WHERE page_reading_status = 'Queued'"
    assert harness.connection.execute(text(queued)).scalar_one() == 3


def test_a_record_of_a_table_that_the_workflow_does_not_declare_is_an_error_and_not_silently_dropped(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["RETRY_UNKNOWN_MAX_FAILURES"] = "1"
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Done("read", write=lambda _: {"places": [RecordId(1)]})
    harness.drain()
    expected = f"ValueError: metadata made records of places; its makes are {METADATA.makes}"
    assert harness.row(record_id)["error"] == expected


def test_without_the_policy_auto_a_record_is_not_handed_off(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Done("read", write=title("A"))
    harness.drain()
    assert harness.row(record_id)["title"] == "A"
    assert harness.row(record_id)["sitemap_analysis_status"] == "New"


def test_the_records_of_all_pulls_share_the_invocations_web_client(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["DOMAIN_SCHEDULER_RECORDS_AT_ONCE"] = "1"
    harness: Harness = request.getfixturevalue("harness")
    harness.add("a.test", "b.test", "c.test")
    clients: list[Any] = []

    async def job(record: Any, ctx: Any) -> Done:
        clients.append(ctx.web_client)
        return Done()

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: job})
    harness.tick()
    harness.deliver(harness.receive()[:1])
    assert len(clients) == 3
    assert all(one is clients[0] for one in clients)


def test_only_workflows_that_need_them_get_a_web_client_and_the_child_that_reads_pages(
    environment: dict[str, str], connection: Connection
) -> None:
    html = b"<link rel=sitemap href=/map.xml>"
    page = Fetched(200, "https://a.test/", "https://a.test/", (), {}, html, truncated=False, wire_bytes=len(html))

    async def extract(record: Any, ctx: Any) -> Done:
        with pytest.raises(RuntimeError, match="domain_extraction cannot read pages: set its page_function"):
            await ctx.read_page(page)
        return Done(f"{ctx.web_client is not None} {'page_reader' in vars(service.runtime)}")

    async def discover(record: Any, ctx: Any) -> Done:
        started = "page_reader" in vars(service.runtime)
        (link,) = (await ctx.read_page(page))["named"]
        return Done(f"{ctx.web_client is not None} {started} {link}")

    service = BackgroundService(SITEMAP_SCHEDULER, {DOMAIN_EXTRACTION: extract, DISCOVERY: discover}, environment)
    codes = []
    for workflow in (DOMAIN_EXTRACTION, DISCOVERY):
        record = make(connection, workflow, status="Queued")
        answer = service.handler({"action": "process", "workflow": workflow.name, "record": record}, LambdaContext())
        codes.append(answer["attempt"]["code"])
    service.runtime.page_reader.close()
    service.runtime.database.engine.dispose()
    assert codes == ["False False", "True True https://a.test/map.xml"]


def test_a_paid_call_is_charged_to_the_record_that_the_job_names(harness: Harness) -> None:
    harness.add("a.test", "b.test")

    async def job(record: Any, ctx: Any) -> Done:
        await ctx.spend("places", *([77] if record.domain == "a.test" else []))
        return Done()

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: job})
    harness.drain()
    keys = harness.connection.execute(text("SELECT key FROM paid_calls WHERE key <> '' ORDER BY key")).scalars()
    assert list(keys) == ["metadata:2", "metadata:77"]


def test_a_job_that_is_cancelled_ends_without_a_result_and_without_an_error(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    (record_id,) = harness.add("a.test")
    (claimed,) = claim(harness.connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    started = start(harness.connection, [claimed.attempt_id], lease=60, worker="w", request_id="r")
    complaints: list[Any] = []

    async def forever(record: Any, ctx: Any) -> Done:
        await asyncio.Event().wait()
        return Done()

    async def cancel() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with Work(harness.service.runtime, Invocation("r", "w", lambda: 60.0)) as work:
            await work.begin(started)
            (job,) = work.jobs
            await asyncio.sleep(0)
            job.cancel()
            await asyncio.wait([job])
            await asyncio.sleep(0)
            assert work.tasks == set()

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: forever})
    asyncio.run(cancel())
    assert complaints == []
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []
    assert harness.row(record_id)["status"] == "Processing"


def test_an_interrupt_ends_the_invocation_and_its_other_jobs(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = harness.add("a.test", "b.test")
    ended: list[str] = []

    async def job(record: Any, ctx: Any) -> Done:
        if record.domain == "b.test":
            raise KeyboardInterrupt
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(9):
                await asyncio.sleep(0)
            ended.append(record.domain)
        return Done()

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: job})
    harness.tick()
    with pytest.raises(KeyboardInterrupt):
        harness.deliver(harness.receive())
    assert ended == ["a.test"]
    assert [harness.row(record_id)["status"] for record_id in ids] == ["Processing"] * 2
    errors = [line.message for line in caplog.records if line.levelname == "ERROR"]
    assert errors == ["could not end the attempt; recovery will pick the record up"]


def test_a_job_slower_than_its_deadline_is_stopped_and_retried(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["RECORD_DEADLINE_SECONDS"] = "0.05"
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("slow.test")

    async def wait(record: Any, ctx: Any) -> Done:
        await asyncio.Event().wait()
        return Done("read")

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: wait})
    harness.drain()
    attempt = harness.connection.execute(text("SELECT outcome, code FROM attempts")).one()
    assert tuple(attempt) == ("retry", "deadline")
    assert harness.row(record_id)["failures"] == 1


def test_a_job_that_answers_its_deadline_with_an_error_of_its_own_is_unexpected(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["RECORD_DEADLINE_SECONDS"] = "0.05"
    harness: Harness = request.getfixturevalue("harness")
    harness.add("slow.test")

    async def stumble(record: Any, ctx: Any) -> Done:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stopped:
            raise ValueError("the page was half read") from stopped
        return Done("read")

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: stumble})
    harness.drain()
    assert harness.connection.execute(text("SELECT code FROM attempts")).scalars().all() == ["unexpected"]


def test_a_timeout_of_the_jobs_own_is_unexpected_and_logged(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    harness.add("a.test")

    def time_out(_: Any) -> Done:
        raise TimeoutError("the job's own socket timed out")

    harness.behaviour["a.test"] = time_out
    harness.drain()
    attempt = harness.connection.execute(text("SELECT outcome, code FROM attempts")).one()
    assert tuple(attempt) == ("retry", "unexpected")
    assert "unexpected exception in a job" in caplog.messages


def test_a_failed_send_releases_the_records_at_once(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    queue = MessageQueue("https://sqs.eu-west-1.amazonaws.com/000000000000/nowhere")
    harness.service.runtime = replace(harness.service.runtime, queue=queue)
    with pytest.raises(RuntimeError, match="could not serve metadata"):
        harness.tick()
    assert harness.row(record_id)["status"] == "Queued"
    assert harness.row(record_id)["failures"] == 0


def test_every_transition_is_one_log_line_with_the_same_keys(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    (record_id,) = harness.add("a.test")
    harness.drain()
    lines = [vars(record) for record in caplog.records if record.message == "transition"]
    assert [(line["from_status"], line["to_status"]) for line in lines] == [
        ("Queued", "Processing"),
        ("Processing", "Completed"),
    ]
    assert {"workflow": "metadata", "record_id": record_id, "code": "read"}.items() <= lines[-1].items()
    assert {"attempt_id", "duration_ms", "receive_count", "correlation_id", "outcome"} <= lines[-1].keys()


def test_a_failure_is_logged_with_its_number_and_a_success_without(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("a.test", "busy.test")
    harness.connection.execute(text("UPDATE domains SET failures = 2"))
    harness.behaviour["busy.test"] = lambda _: Retry("http_503", "busy")
    harness.drain()
    ends = [vars(line) for line in caplog.records if vars(line).get("from_status") == "Processing"]
    assert {line["code"]: line.get("attempt") for line in ends} == {"http_503": 3, "read": None}


def test_ticks_and_batches_emit_the_metrics_of_the_alarms(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    harness.add("a.test")
    harness.drain()
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert all(document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ScraperSky" for document in documents)
    documents = [document for document in documents if "workflow" in document]
    assert all((document["service"], document["stage"]) == ("domain-scheduler", "test") for document in documents)
    assert {
        (document["workflow"], *document["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for document in documents
    } == {("metadata", "stage", "service", "workflow")}
    emitted = {name for document in documents for name in document}
    assert {"Finished", "OldestQueuedSeconds", "OldestProcessingSeconds"} <= emitted


def test_an_attempt_that_outlives_every_lease_is_a_broken_invariant(
    harness: Harness, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.add("a.test")
    harness.tick()
    harness.tick()
    assert "InvariantBreaches" not in capsys.readouterr().out
    longest = harness.service.runtime.settings.dispatch_lease_seconds
    old = text("UPDATE attempts SET dispatched_at = now() - make_interval(secs => :seconds)")
    connection.execute(old, {"seconds": longest + STUCK_SECONDS + 60})
    harness.tick()
    assert '"InvariantBreaches":[1.0]' in capsys.readouterr().out


def test_a_paid_call_beyond_the_days_budget_pauses_the_workflow_and_counts_no_failure(
    environment: dict[str, str], request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    environment |= {"PLACES_CALLS_PER_DAY": "1", "PLACES_CALLS_PER_RECORD": "1"}
    harness: Harness = request.getfixturevalue("harness")
    first, second = harness.add("a.test", "b.test")
    harness.spends = "places"
    harness.drain()
    assert {harness.row(first)["status"], harness.row(second)["status"]} == {"Completed", "Queued"}
    assert harness.invoke(action="status")["workflows"]["metadata"]["pause_reason"].startswith("budget_of_the_day")
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    spent = [sum(sum(one.get(name, [0])) for one in documents) for name in ("PaidCalls", "BudgetSpent")]
    assert spent == [1, 1]


def test_a_record_may_not_spend_more_than_its_own_budget(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment |= {"PLACES_CALLS_PER_DAY": "9", "PLACES_CALLS_PER_RECORD": "2"}
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("a.test")
    harness.spends = "places"
    harness.behaviour["a.test"] = lambda _: Retry("timeout", "too slow")
    for _ in range(3):
        harness.connection.execute(text("UPDATE domains SET due_at = now() WHERE due_at IS NOT NULL"))
        harness.drain()
    assert harness.row(record_id)["error_code"] == "budget_of_the_record"
    assert harness.connection.execute(text("SELECT calls FROM paid_calls WHERE key = ''")).scalar_one() == 2


@pytest.mark.parametrize("by", ["message", "pull", "process"])
def test_the_lease_of_the_work_ends_after_the_invocation(harness: Harness, by: str) -> None:
    harness.add("a.test")
    if by == "process":
        harness.service.handler(
            {"action": "process", "workflow": "metadata", "record": "a.test"}, LambdaContext(remaining_ms=100_000)
        )
    else:
        if by == "message":
            harness.tick()
        harness.deliver(harness.receive(), remaining_ms=100_000)
    lease = harness.connection.execute(
        text("SELECT extract(epoch FROM lease_until - started_at) FROM attempts")
    ).scalar_one()
    margin = harness.service.runtime.settings.start_lease_margin_seconds
    assert 90 + margin < lease <= 100 + margin


def test_a_job_that_outlives_the_invocation_is_snoozed_as_out_of_time(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment |= {"START_MINIMUM_SECONDS": "0.1", "SAVING_SECONDS": "5", "RECORD_DEADLINE_SECONDS": "50"}
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("a.test")

    async def forever(record: Any, ctx: Any) -> Done:
        assert ctx.remaining() < 1, "the invocation has half a second left without the time for saving"
        await asyncio.Event().wait()
        return Done()

    harness.service.runtime = replace(harness.service.runtime, jobs={METADATA: forever})
    harness.tick()
    harness.deliver(harness.receive(), remaining_ms=5_500)
    row = harness.row(record_id)
    assert (row["status"], row["failures"]) == ("Queued", 0)
    code = harness.connection.execute(text("SELECT outcome || ' ' || code FROM attempts")).scalar_one()
    assert code == "snoozed out_of_time"


def test_a_wait_that_a_website_asks_for_is_bounded_by_the_longest_backoff(harness: Harness) -> None:
    harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Retry("http_503", "busy", after=1e9)
    harness.drain()
    wait = harness.connection.execute(text("SELECT extract(epoch FROM due_at - now()) FROM domains")).scalar_one()
    cap = harness.service.runtime.settings.retry_cap_seconds
    assert cap - 60 < wait <= cap


@pytest.mark.parametrize(
    ("detail", "stored"),
    [
        ({"title": "a\0b", "literal": "\\u0000"}, {"title": "ab", "literal": "\\u0000"}),
        ({"title": "\ud800"}, {"title": "?"}),
        ({"text": "x" * 20_000}, {"dropped": "detail of 20012 bytes, more than 16384"}),
    ],
    ids=["NUL", "surrogate", "too long"],
)
def test_details_that_postgres_cannot_store_or_that_are_too_long_do_not_fail_the_record(
    harness: Harness, detail: dict[str, str], stored: dict[str, str]
) -> None:
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Done("read", detail=detail)
    harness.drain()
    assert harness.row(record_id)["status"] == "Completed"
    assert harness.connection.execute(text("SELECT detail FROM attempts")).scalar_one() == stored
