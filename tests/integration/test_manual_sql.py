"""Manual SQL: what is allowed and what the database rejects, each as an operator would type it into psql."""

from io import BytesIO

import pytest
from pg8000 import DatabaseError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.runtime.registry import METADATA, SUBMISSION
from scrapersky.status import transitions
from scrapersky.status.claim import claim
from scrapersky.status.control import pause, resume
from scrapersky.status.finish import complete, fail
from scrapersky.status.invariants import count_cheap_breaches, find_breaches
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId
from tests.records import triggers_disabled

pytestmark = pytest.mark.usefixtures("invariants_hold")

END = "UPDATE attempts SET finished_at = now(), outcome = 'abandoned' WHERE finished_at IS NULL"
PLANT_CHECK = "INSERT INTO pending_attempt_checks VALUES ('import', 1, 1)"
HOLD = """
INSERT INTO attempts (workflow, record_id, trigger, lease_until)
SELECT 'metadata', id, 'manual', now() FROM domains WHERE domain =
"""
SELECTED_QUEUES = """
CREATE FUNCTION selected_queues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.curation_status = 'Selected' THEN NEW.status := '{status}'; NEW.due_at := {due_at}; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {name} BEFORE UPDATE OF curation_status ON domains FOR EACH ROW EXECUTE FUNCTION selected_queues()
"""


@pytest.fixture
def held(connection: Connection) -> AttemptId:
    """The live attempt of the domain held.test, which is Processing."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('held.test', 'Queued')"))
    (claimed,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    return claimed.attempt_id


@pytest.fixture
def others(connection: Connection, held: AttemptId) -> None:
    """Records 2 and 3: new.test is New and queued.test is Queued."""
    connection.execute(
        text("INSERT INTO domains (domain, status) VALUES ('new.test', 'New'), ('queued.test', 'Queued')")
    )


def statuses(connection: Connection) -> dict[str, str]:
    """Return the status of each domain."""
    return {row.domain: row.status for row in connection.execute(text("SELECT domain, status FROM domains"))}


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("statement", "state", "message"),
    [
        # records
        ("INSERT INTO domains (domain, status) VALUES ('a.test', 'Processing')", "SS001", "may not go from (created)"),
        (
            "INSERT INTO domains (domain, status) VALUES ('held.test', 'Queued')"
            " ON CONFLICT (domain) DO UPDATE SET status = excluded.status, due_at = excluded.due_at",
            "SS002",
            "held by live attempt {held}",
        ),
        (
            "MERGE INTO domains USING (VALUES ('held.test')) AS named (domain) ON domains.domain = named.domain"
            " WHEN MATCHED THEN UPDATE SET status = 'Queued' WHEN NOT MATCHED THEN DO NOTHING",
            "SS002",
            "held by live attempt {held}",
        ),
        (
            "MERGE INTO domains USING (VALUES ('a.test')) AS named (domain) ON domains.domain = named.domain"
            " WHEN NOT MATCHED THEN INSERT (domain, status) VALUES (named.domain, 'Completed')",
            "SS001",
            "allowed: New, Queued",
        ),
        (
            "UPDATE domains SET status = 'Queued', sitemap_analysis_status = 'Completed' WHERE domain = 'new.test'",
            "SS001",
            "sitemap_analysis_status may not go from New to Completed; allowed: Queued",
        ),
        ("DELETE FROM domains", "SS002", "abandon it before it is deleted"),
        ("TRUNCATE domains CASCADE", "SS002", "metadata 1 is held by live attempt {held}"),
        ("UPDATE domains SET id = DEFAULT WHERE domain = 'held.test'", "SS004", "domains 1: its id is immutable"),
        # attempts without their records
        (END, "SS002", "domains 1: status is Processing … would stay so without live attempt {held}"),
        ("DELETE FROM attempts", "SS002", "would stay so without live attempt {held}"),
        ("TRUNCATE attempts", "SS002", "held by live attempt {held}"),
        ("TRUNCATE pauses", "SS004", "pauses is history and immutable: TRUNCATE is refused"),
        ("UPDATE attempts SET record_id = record_id + 1", "SS004", "attempt {held}: it always belongs to metadata 1"),
        ("UPDATE attempts SET workflow = 'import'", "SS004", "attempt {held}: it always belongs to metadata 1"),
        ("UPDATE attempts SET lease_until = 'infinity'", "SS003", "its lease must end"),
        ("UPDATE attempts SET lease_until = now() + interval '401 days'", "SS003", "its lease must end"),
        ("UPDATE attempts SET attempt_id = attempt_id + 1", "SS004", "attempt {held}: it always belongs to metadata 1"),
        (
            "INSERT INTO attempts (attempt_id, workflow, record_id, trigger, lease_until)"
            " VALUES (7, 'metadata', 2, 'manual', now())",
            "SS004",
            "attempt 7: the database chooses the ids",
        ),
        (PLANT_CHECK, "SS004", "written by the guard only"),
        (f"{HOLD} 'new.test'", "SS002", "domains 2: status is New, and live attempt … needs Processing"),
        (
            "INSERT INTO attempts (workflow, record_id, trigger, lease_until) VALUES ('metadata', 99, 'manual', now())",
            "SS002",
            "domains 99: status is missing",
        ),
        # timestamps out of range
        ("UPDATE domains SET due_at = 'infinity' WHERE domain = 'queued.test'", "SS003", "and not infinity"),
        ("UPDATE domains SET due_at = '-infinity' WHERE domain = 'queued.test'", "SS003", "and not -infinity"),
        (
            "UPDATE domains SET due_at = '0044-03-15 BC' WHERE domain = 'queued.test'",
            "SS003",
            "the year 2000 to 400 days from now",
        ),
        (
            "UPDATE domains SET due_at = now() + interval '401 days' WHERE domain = 'queued.test'",
            "SS003",
            "the year 2000 to 400 days from now",
        ),
    ],
)
def test_an_inconsistent_change_is_rejected_with_its_record_and_the_work_goes_on(
    connection: Connection, held: AttemptId, statement: str, state: str, message: str
) -> None:
    before = statuses(connection)
    with pytest.raises(DBAPIError) as error:
        connection.execute(text(statement))
    assert sqlstate(error.value) == state
    assert all(part in str(error.value) for part in message.format(held=held).split(" … "))
    assert statuses(connection) == before
    assert complete(connection, METADATA, held, code="read", detail={}).record_id == 1


@pytest.mark.usefixtures("others")
def test_copy_is_guarded_like_any_other_statement(connection: Connection) -> None:
    with pytest.raises(DatabaseError) as error:
        copy(connection, "a.test\tQueued\nb.test\tProcessing\n")
    assert error.value.args[0]["C"] == transitions.ILLEGAL_TRANSITION
    assert "a.test" not in statuses(connection)
    copy(connection, "a.test\tQueued\n")
    assert len(claim(connection, METADATA, batch=9, max_in_flight=9, dispatch_lease=60)) == 2


def copy(connection: Connection, rows: str) -> None:
    r"""Send what psql's \copy sends."""
    driver = connection.connection.cursor()
    driver.execute("COPY domains (domain, status) FROM STDIN", stream=BytesIO(rows.encode()))  # type: ignore[call-arg]


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    "statements",
    [
        (END, "UPDATE domains SET status = 'Queued' WHERE domain = 'held.test'"),
        ("DELETE FROM attempts", "UPDATE domains SET status = 'Queued' WHERE domain = 'held.test'"),
        (f"{HOLD} 'queued.test'", "UPDATE domains SET status = 'Processing' WHERE domain = 'queued.test'"),
    ],
)
def test_manual_sql_may_take_two_statements_of_one_transaction_for_what_a_verb_does_in_one(
    connection: Connection, statements: tuple[str, str]
) -> None:
    connection.exec_driver_sql("BEGIN")
    for statement in statements:
        connection.execute(text(statement))
    connection.exec_driver_sql("COMMIT")
    assert connection.execute(text("SELECT count(*) FROM pending_attempt_checks")).scalar_one() == 0


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("half", [END, "DELETE FROM attempts", f"{HOLD} 'new.test'"])
def test_only_the_first_of_the_two_is_rejected_at_the_commit(
    connection: Connection, held: AttemptId, half: str
) -> None:
    connection.exec_driver_sql("BEGIN")
    connection.execute(text(half))
    with pytest.raises(DBAPIError) as error:
        connection.exec_driver_sql("COMMIT")
    assert sqlstate(error.value) == transitions.ATTEMPT_MISMATCH
    complete(connection, METADATA, held, code="read", detail={})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attempts SET finished_at = NULL, outcome = NULL",
        "UPDATE attempts SET outcome = 'lost'",
        "UPDATE attempts SET detail = NULL",
        "UPDATE attempts SET worker = 'another'",
        "TRUNCATE attempts",
        "TRUNCATE status_events",
        "UPDATE pauses SET pause_reason = 'another'",
        "UPDATE erasures SET actor = 'another'",
        "TRUNCATE pauses",
        "TRUNCATE erasures",
        "INSERT INTO pending_attempt_checks VALUES ('metadata', 1, 1)",
        "TRUNCATE pending_attempt_checks",
    ],
)
def test_what_has_ended_is_immutable_and_the_guards_own_table_is_written_by_the_guard_only(
    connection: Connection, held: AttemptId, statement: str
) -> None:
    complete(connection, METADATA, held, code="read", detail={})
    pause(connection, METADATA, actor="ada", reason="maintenance")
    resume(connection, METADATA, actor="ada", reason="done")
    connection.execute(text("SELECT erase_history('metadata', '{1}', 'ada', 'request 7')"))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text(statement))
    assert sqlstate(error.value) == transitions.IMMUTABLE


@pytest.mark.parametrize("moment", ["NULL", "started_at - interval '1 h'"])
def test_an_attempt_that_a_worker_has_started_starts_no_second_time(
    connection: Connection, held: AttemptId, moment: str
) -> None:
    start(connection, [held], lease=60, worker="w", request_id="r")
    with pytest.raises(DBAPIError, match=f"attempt {held} of metadata 1: it started at 2") as error:
        connection.execute(text(f"UPDATE attempts SET started_at = {moment}"))
    assert sqlstate(error.value) == transitions.IMMUTABLE
    assert complete(connection, METADATA, held, code="read", detail={}).record_id == 1


def test_a_check_that_is_pending_cannot_be_deleted(connection: Connection, held: AttemptId) -> None:
    connection.exec_driver_sql("BEGIN")
    connection.execute(text(END))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("DELETE FROM pending_attempt_checks"))
    assert sqlstate(error.value) == transitions.IMMUTABLE
    connection.exec_driver_sql("ROLLBACK")


def test_a_check_constraint_bounds_leases_and_due_times_even_without_triggers(
    connection: Connection, held: AttemptId
) -> None:
    with triggers_disabled(connection):
        for change in ("attempts SET lease_until =", "domains SET status = 'Queued', due_at ="):
            for moment in ("'infinity'", "'-infinity'", "now() + interval '401 days'"):
                with pytest.raises(DBAPIError) as error:
                    connection.execute(text(f"UPDATE {change} {moment}"))
                assert "_in_range" in str(error.value)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("moved", ["status", "sitemap_analysis_status"])
def test_a_statement_that_ends_attempts_of_two_workflows_must_move_the_records_of_both(
    connection: Connection, moved: str
) -> None:
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued'"))
    claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    left = {"status", "sitemap_analysis_status"} - {moved}
    end = f"WITH ended AS ({END} RETURNING record_id) UPDATE domains SET {{}} WHERE id IN (SELECT record_id FROM ended)"
    with pytest.raises(DBAPIError) as error:
        connection.execute(text(end.format(f"{moved} = 'Queued'")))
    assert f"domains 1: {left.pop()} is Processing" in str(error.value)
    connection.execute(text(end.format("status = 'Queued', sitemap_analysis_status = 'Queued'")))


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("ended", ["metadata", "submission"])
def test_the_live_attempt_of_one_workflow_does_not_stand_for_that_of_the_other(
    connection: Connection, held: AttemptId, ended: str
) -> None:
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued'"))
    (other,) = claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    with pytest.raises(DBAPIError, match="would stay so without live attempt") as refused:
        connection.execute(text(f"{END} AND workflow = '{ended}'"))
    assert sqlstate(refused.value) == "SS002"
    live = connection.execute(text("SELECT attempt_id FROM attempts WHERE finished_at IS NULL")).scalars()
    assert sorted(live) == sorted([held, other.attempt_id])


@pytest.mark.usefixtures("held")
def test_both_workflows_of_one_row_move_in_one_statement_and_each_is_audited(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain) VALUES ('both.test')"))
    connection.execute(
        text("UPDATE domains SET status = 'Queued', sitemap_analysis_status = 'Queued' WHERE domain = 'both.test'")
    )
    events = connection.execute(text("SELECT workflow, to_status FROM status_events WHERE record_id = 2")).all()
    assert sorted(map(tuple, events)) == [("metadata", "Queued"), ("submission", "Queued")]
    for workflow in (METADATA, SUBMISSION):
        assert len(claim(connection, workflow, batch=9, max_in_flight=9, dispatch_lease=60)) == 1


@pytest.mark.parametrize("name", ["another_trigger", "guard_metadata_status_later"])
def test_an_illegal_status_set_by_a_trigger_is_rejected(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO domains (domain) VALUES ('new.test')"))
    connection.exec_driver_sql(SELECTED_QUEUES.format(status="Completed", due_at="NULL", name=name))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("UPDATE domains SET curation_status = 'Selected'"))
    assert sqlstate(error.value) == transitions.ILLEGAL_TRANSITION
    assert "domains 1" in str(error.value)


def test_a_record_that_a_trigger_creates_in_an_illegal_status_is_rejected(connection: Connection) -> None:
    later = SELECTED_QUEUES.format(status="Completed", due_at="NULL", name="guard_metadata_status_later")
    connection.exec_driver_sql(later.replace("BEFORE UPDATE OF curation_status", "BEFORE INSERT"))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("INSERT INTO domains (domain, curation_status) VALUES ('new.test', 'Selected')"))
    assert sqlstate(error.value) == transitions.ILLEGAL_TRANSITION
    assert "domains 1" in str(error.value)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("name", ["another_trigger", "guard_metadata_status_later"])
def test_no_trigger_moves_a_record_past_its_live_attempt(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(SELECTED_QUEUES.format(status="Queued", due_at="now()", name=name))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("UPDATE domains SET curation_status = 'Selected'"))
    assert sqlstate(error.value) == transitions.ATTEMPT_MISMATCH
    assert statuses(connection) == {"held.test": "Processing"}


def test_a_trigger_may_queue_a_record_and_is_audited(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain) VALUES ('new.test')"))
    connection.exec_driver_sql(SELECTED_QUEUES.format(status="Queued", due_at="NULL", name="another_trigger"))
    connection.execute(text("UPDATE domains SET curation_status = 'Selected'"))
    assert connection.execute(text("SELECT to_status FROM status_events")).scalars().all() == ["Queued"]
    assert len(claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)) == 1


@pytest.mark.usefixtures("held")
def test_a_table_is_truncated_while_only_others_have_live_attempts(connection: Connection) -> None:
    connection.execute(text("INSERT INTO place_searches (text, area) VALUES ('bakeries', 'Town')"))
    connection.execute(text("TRUNCATE place_searches CASCADE"))
    assert connection.execute(text("SELECT count(*) FROM place_searches")).scalar_one() == 0


REWRITES = """
CREATE TABLE anything (id int);
CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE erasures SET actor = 'another'; RETURN NEW; END $$;
CREATE TRIGGER rewrites AFTER INSERT ON anything FOR EACH STATEMENT EXECUTE FUNCTION rewrite();
CREATE ROLE writer; GRANT INSERT ON anything TO writer; GRANT SELECT, UPDATE ON erasures TO writer;
GRANT USAGE ON SCHEMA public TO writer;
"""


@pytest.mark.usefixtures("held")
def test_a_trigger_of_another_than_the_owner_rewrites_no_history_either(connection: Connection) -> None:
    connection.execute(text("SELECT erase_history('metadata', '{1}', 'ada', 'request 7')"))
    connection.exec_driver_sql(REWRITES)
    connection.execute(text("SET ROLE writer"))
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("INSERT INTO anything VALUES (1)"))
    connection.execute(text("RESET ROLE"))
    connection.exec_driver_sql("DROP TABLE anything; DROP OWNED BY writer; DROP ROLE writer")
    assert sqlstate(error.value) == transitions.IMMUTABLE


def test_history_and_records_without_live_attempt_may_be_deleted(connection: Connection, held: AttemptId) -> None:
    complete(connection, METADATA, held, code="read", detail={})
    for table in ("attempts", "status_events", "domains"):
        connection.execute(text(f"DELETE FROM {table}"))
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_the_event_of_a_record_whose_live_attempt_was_deleted_names_no_earlier_attempt(
    connection: Connection, held: AttemptId
) -> None:
    complete(connection, METADATA, held, code="read", detail={})
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    (second,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    connection.exec_driver_sql("BEGIN")
    connection.execute(text("DELETE FROM attempts WHERE finished_at IS NULL"))
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    connection.exec_driver_sql("COMMIT")
    named = connection.execute(text("SELECT attempt_id FROM status_events ORDER BY event_id")).scalars().all()
    assert named == [None, held, held, None, second.attempt_id, None]


def test_the_event_of_an_end_names_its_attempt_also_when_the_numbers_of_attempts_began_again(
    connection: Connection, held: AttemptId
) -> None:
    complete(connection, METADATA, held, code="read", detail={})
    with triggers_disabled(connection):  # as if the first attempt had the last number of this second
        connection.execute(text("UPDATE attempts SET attempt_id = attempt_id + 60000000"))
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    (second,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    complete(connection, METADATA, second.attempt_id, code="read", detail={})
    named = connection.execute(text("SELECT attempt_id FROM status_events ORDER BY event_id DESC LIMIT 2")).scalars()
    assert named.all() == [second.attempt_id, second.attempt_id]


def test_queueing_by_manual_sql_resets_the_failures(connection: Connection, held: AttemptId) -> None:
    fail(connection, METADATA, held, code="parked", reason="sold", detail={})
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 1
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 0


@pytest.mark.usefixtures("breaks_invariants", "held")
@pytest.mark.parametrize(
    ("statement", "breach"),
    [
        (END, "processing_without_live_attempt"),
        ("DELETE FROM attempts", "processing_without_live_attempt"),
        ("DELETE FROM attempts WHERE workflow = 'metadata'", "processing_without_live_attempt"),
        ("DELETE FROM domains", "live_attempt_without_processing"),
    ],
)
def test_the_invariants_find_what_a_superuser_did_with_triggers_disabled(
    connection: Connection, statement: str, breach: str
) -> None:
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued'"))
    claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60)
    assert (find_breaches(connection, METADATA), count_cheap_breaches(connection, METADATA)) == ([], 0)
    with triggers_disabled(connection):
        connection.execute(text(statement))
    assert [found.breach for found in find_breaches(connection, METADATA)] == [breach]
    assert count_cheap_breaches(connection, METADATA) == 1
