"""Retention: each tick deletes a batch of old history, and nothing that is live, recent, or counted by recovery."""

from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.runtime.registry import METADATA
from scrapersky.runtime.tick import TickFailed
from scrapersky.status import retention
from scrapersky.status.claim import claim
from scrapersky.status.control import pause, resume
from scrapersky.status.explain import as_text, explain
from scrapersky.status.recover import recover
from scrapersky.status.retention import delete_history
from scrapersky.status.retry_policy import Backoff
from tests.integration.conftest import Harness
from tests.records import triggers_disabled

pytestmark = pytest.mark.usefixtures("invariants_hold")

TABLES = ("attempts", "status_events", "pauses", "paid_calls")
BY: dict[str, Any] = {"actor": "ada", "reason": "test"}


def age(connection: Connection, days: int, where: str = "true") -> None:
    """Move the history that ``where`` selects ``days`` into the past, with the seconds that the ids carry."""
    moved = {"days": days}
    with triggers_disabled(connection):
        for statement in (
            f"UPDATE attempts SET attempt_id = attempt_id - (:days * 86400)::bigint * 1000000,"
            f" dispatched_at = dispatched_at - make_interval(secs => :days * 86400),"
            f" finished_at = finished_at - make_interval(secs => :days * 86400) WHERE {where}",
            f"UPDATE status_events SET at = at - make_interval(secs => :days * 86400) WHERE {where}",
        ):
            connection.execute(text(statement), moved)


def age_the_rest(connection: Connection, days: int) -> None:
    """Move pauses and paid calls ``days`` into the past."""
    moved = ", ".join(
        f"{name} = {name} - make_interval(days => :days)" for name in ("paused_at", "paused_until", "resumed_at")
    )
    with triggers_disabled(connection):
        connection.execute(text(f"UPDATE pauses SET {moved}"), {"days": days})
        connection.execute(text("UPDATE paid_calls SET day = day - CAST(:days AS int)"), {"days": days})


def sizes(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table with history."""
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES}


@pytest.fixture
def history(harness: Harness) -> Harness:
    """A service with three completed records, an ended pause, an open one, and paid calls."""
    harness.add("a.test", "b.test", "c.test")
    harness.drain()
    pause(harness.connection, METADATA, **BY)
    resume(harness.connection, METADATA, **BY)
    harness.connection.execute(text("INSERT INTO paid_calls VALUES ('places', current_date, '', 2)"))
    return harness


def test_each_tick_deletes_history_beyond_the_setting_and_logs_and_counts_it(
    history: Harness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    age(history.connection, 91)
    age_the_rest(history.connection, 91)
    before = sizes(history.connection)
    history.tick()
    assert before == {"attempts": 3, "status_events": 9, "pauses": 1, "paid_calls": 1}
    assert sizes(history.connection) == dict.fromkeys(TABLES, 0)
    *_, logged = (vars(record)["history_deleted"] for record in caplog.records if record.message == "tick")
    assert logged == {"attempts": 3, "events": 9, "pauses": 1, "paid_calls": 1, "overdue_days": 0}
    assert "HistoryOverdueDays" not in capsys.readouterr().out


def test_a_tick_that_cannot_keep_up_counts_the_days_that_are_overdue(
    history: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    age(history.connection, 100)
    history.tick()
    assert '"HistoryOverdueDays":[10.0' in capsys.readouterr().out


def test_attempts_that_a_batch_leaves_are_overdue_without_any_events(history: Harness) -> None:
    age(history.connection, 100)
    history.connection.execute(text("DELETE FROM status_events"))
    assert delete_history(history.connection, days=90, batch=2).overdue_days == pytest.approx(10, abs=0.1)


def test_events_that_a_full_batch_leaves_are_overdue_as_well(history: Harness) -> None:
    age(history.connection, 100)
    delete_history(history.connection, days=90, batch=5)
    left = sizes(history.connection)
    assert (left["attempts"], left["status_events"]) == (0, 4)
    assert delete_history(history.connection, days=90, batch=3).overdue_days == pytest.approx(10, abs=0.1)
    assert delete_history(history.connection, days=90, batch=3).overdue_days == 0


def test_a_timeline_whose_attempts_are_gone_and_whose_events_are_not_says_so(history: Harness) -> None:
    (record_id,) = history.connection.execute(text("SELECT id FROM domains WHERE domain = 'a.test'")).scalars()
    before = explain(history.connection, METADATA, record_id)
    history.connection.execute(text("DELETE FROM attempts WHERE record_id = :id"), {"id": record_id})
    after = explain(history.connection, METADATA, record_id)
    assert before is not None
    assert after is not None
    assert (before["history_deleted"], after["history_deleted"]) == (False, True)


@pytest.mark.parametrize("days", [0, 91])
def test_history_within_the_setting_and_with_the_setting_0_all_history_stays(
    environment: dict[str, str], request: pytest.FixtureRequest, days: int
) -> None:
    environment["HISTORY_DAYS"] = str(days)
    history: Harness = request.getfixturevalue("history")
    age(history.connection, 90)
    age_the_rest(history.connection, 90)
    before = sizes(history.connection)
    history.tick()
    assert sizes(history.connection) == before


def test_one_call_deletes_at_most_a_batch_of_each_table_the_oldest_attempts_first(history: Harness) -> None:
    connection = history.connection
    age(connection, 100)
    first, *_ = connection.execute(text("SELECT attempt_id FROM attempts ORDER BY attempt_id")).scalars()
    deleted = delete_history(connection, days=90, batch=2)
    assert (deleted.attempts, deleted.events) == (2, 2)
    assert round(deleted.overdue_days) == 10
    left = list(connection.execute(text("SELECT attempt_id FROM attempts")).scalars())
    assert len(left) == 1
    assert first not in left
    while delete_history(connection, days=90, batch=2).events:
        pass
    assert sizes(connection)["status_events"] == 0


def test_old_live_attempts_and_open_pauses_stay(harness: Harness) -> None:
    harness.add("a.test")
    claim(harness.connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=600)
    age(harness.connection, 400)
    pause(harness.connection, METADATA, **BY)
    age_the_rest(harness.connection, 400)
    delete_history(harness.connection, days=90)
    assert sizes(harness.connection) == {"attempts": 1, "status_events": 0, "pauses": 1, "paid_calls": 0}


def lose(connection: Connection, times: int, undelivered_max: int) -> str:
    """Claim and recover ``times`` without a start; return the record's status."""
    for _ in range(times):
        claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=-1)
        recover(connection, METADATA, limit=1, backoff=Backoff(1, 1, 5), undelivered_max=undelivered_max)
    return str(connection.execute(text("SELECT status FROM domains")).scalar_one())


def test_undelivered_attempts_that_recovery_counts_stay_longer(harness: Harness) -> None:
    harness.add("a.test")
    assert lose(harness.connection, 2, undelivered_max=3) == "Queued"
    age(harness.connection, 100)
    kept = delete_history(harness.connection, days=90)
    assert (kept.attempts, kept.overdue_days) == (0, 0)
    assert lose(harness.connection, 1, undelivered_max=3) == "Error"
    age(harness.connection, 25)
    assert delete_history(harness.connection, days=90).attempts == 2


def test_a_deleted_success_does_not_join_the_failures_around_it(harness: Harness) -> None:
    connection = harness.connection
    harness.add("a.test")
    lose(connection, 2, undelivered_max=3)
    age(connection, 20)
    harness.drain()
    age(connection, 20)
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    delete_history(connection, days=10)
    assert lose(connection, 2, undelivered_max=3) == "Queued"


def test_explain_says_that_older_history_was_deleted(history: Harness) -> None:
    connection = history.connection
    (record_id, *_) = connection.execute(text("SELECT id FROM domains ORDER BY id")).scalars()
    whole = explain(connection, METADATA, record_id)
    assert whole is not None
    assert not whole["history_deleted"]
    for where in (f"record_id = {record_id} AND to_status = 'Queued'", "true"):
        columns = where.replace(" AND to_status = 'Queued'", "")
        with triggers_disabled(connection):
            connection.execute(text(f"UPDATE status_events SET at = at - interval '100 days' WHERE {where}"))
        age(connection, 0, columns)
        delete_history(connection, days=90)
        timeline = explain(connection, METADATA, record_id)
        assert timeline is not None
        assert timeline["history_deleted"]
        assert "Older history was deleted: it is kept for HISTORY_DAYS." in as_text(timeline).splitlines()
        assert "No history yet" not in as_text(timeline)


@pytest.mark.parametrize(("days", "batch"), [(0, 5_000), (90, 0), (90, 50_001)])
def test_the_database_refuses_to_delete_the_last_day_or_too_much_at_once(
    connection: Connection, days: int, batch: int
) -> None:
    with pytest.raises(DBAPIError) as refused:
        delete_history(connection, days=days, batch=batch)
    assert sqlstate(refused.value) == "SS003"


def test_a_failed_deletion_is_reported_and_stops_neither_claims_nor_sends(history: Harness) -> None:
    history.connection.execute(text("DROP FUNCTION delete_history"))
    (record_id,) = history.add("d.test")
    with pytest.raises(TickFailed, match="history"):
        history.tick()
    assert history.row(record_id)["status"] == "Processing"
    assert len(history.receive()) == 1


def test_old_events_in_a_large_table_are_found_in_a_bounded_number_of_calls(history: Harness) -> None:
    connection = history.connection
    connection.execute(
        text(
            "INSERT INTO status_events (workflow, record_id, to_status, at, actor, reason)"
            " SELECT 'metadata', 1000000 + n, 'Queued', now() - CASE WHEN n % 1000 = 0 THEN interval '91 days'"
            " ELSE interval '1 day' END, 'ada', repeat('x', 1000) FROM generate_series(1, 5000) AS n"
        )
    )
    assert connection.execute(text("SELECT pg_relation_size('status_events') / 8192")).scalar_one() > 512
    for _ in range(60):  # a page is read by each call with a chance of at least 1 in 4
        delete_history(connection, days=90)
    left = connection.execute(text("SELECT count(*) FROM status_events WHERE at < now() - interval '90 days'"))
    assert left.scalar_one() == 0
