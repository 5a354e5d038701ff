"""Refresh: a tick queues what was last read too long ago, the oldest first, within a part of its batch."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import DISCOVERY, METADATA, PAGE_READING, REFRESH_DAYS, SUBMISSION, WORKFLOWS
from scrapersky.runtime.tick import REFRESH_SHARE
from scrapersky.settings import Settings
from scrapersky.status.control import pause, record_tick
from scrapersky.status.refresh import WINDOW, refresh
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId
from tests.integration.conftest import Harness
from tests.records import make, triggers_disabled

pytestmark = pytest.mark.usefixtures("invariants_hold")

READ = [METADATA, DISCOVERY, PAGE_READING]


def old(
    connection: Connection, workflow: Workflow, days: int, key: str, status: str = "Completed", **columns: Any
) -> RecordId:
    """Add a record that was read ``days`` days ago."""
    record_id = make(connection, workflow, key=key)
    code = {workflow.companion("error_code"): "http_404"} if status == "Error" else {}
    values = {workflow.field: status, **code, **columns}
    assignments = ", ".join(f"{name} = '{value}'" for name, value in values.items())
    at = f"{workflow.read_at} = now() - make_interval(days => {days})"
    with triggers_disabled(connection):
        connection.execute(text(f"UPDATE {workflow.table} SET {at}, {assignments} WHERE id = {record_id}"))
    return record_id


def refreshed(connection: Connection, workflow: Workflow, *, most: int = 10, days: int = 30) -> list[RecordId]:
    for one in READ:
        record_tick(connection, one)
    return refresh(connection, workflow, days=days, most=most)


@pytest.mark.parametrize("workflow", READ, ids=lambda one: one.name)
def test_the_oldest_completed_records_are_queued_first(connection: Connection, workflow: Workflow) -> None:
    ids = {days: old(connection, workflow, days, f"d{days}") for days in (31, 29, 40, 35)}
    assert refreshed(connection, workflow, most=2) == sorted((ids[40], ids[35]))
    positions = "SELECT workflow FROM service_controls WHERE refreshed_at IS NOT NULL"
    assert connection.execute(text(positions)).scalars().all() == [workflow.name]
    assert refreshed(connection, workflow, most=2) == [ids[31]]
    assert refreshed(connection, workflow, most=2) == []
    audit = (
        "SELECT actor, reason FROM status_events WHERE workflow = :name AND record_id = :id AND to_status = 'Queued'"
    )
    row = connection.execute(text(audit), {"name": workflow.name, "id": ids[40]}).one()
    assert tuple(row) == ("refresh", "last read more than 30 days ago")


@pytest.mark.parametrize("workflow", READ, ids=lambda one: one.name)
def test_errors_archived_suppressed_and_other_records_are_never_refreshed(
    connection: Connection, workflow: Workflow
) -> None:
    old(connection, workflow, 99, "error", status="Error")
    old(connection, workflow, 99, "new", status="New")
    old(connection, workflow, 99, "archived", curation_status="Archived")
    old(connection, workflow, 99, "of-archived")
    old(connection, workflow, 99, "suppressed")
    good = old(connection, workflow, 31, "good")
    for statement in (
        "UPDATE domains SET curation_status = 'Archived' WHERE domain = 'of-archived.test'",
        "INSERT INTO suppressions SELECT suppression_hash('suppressed.test'), 'domain', 'letter', 'ada'",
    ):
        connection.execute(text(statement))
    assert refreshed(connection, workflow) == [good]


def test_what_becomes_old_later_is_found_by_the_next_tick_after_one_that_reached_the_end(
    connection: Connection,
) -> None:
    first = old(connection, METADATA, 40, "first")
    assert refreshed(connection, METADATA, most=2) == [first]
    older = old(connection, METADATA, 45, "older")
    assert refreshed(connection, METADATA, most=2) == [older]


@pytest.mark.parametrize("at_once", [False, True])
def test_records_that_are_never_refreshed_hide_no_others_and_a_tick_looks_at_few(
    connection: Connection, at_once: bool
) -> None:
    for number in range(2 * WINDOW + 1):
        old(connection, METADATA, 99 - number, f"error-{number}", status="Error")
    if at_once:
        connection.execute(text("UPDATE domains SET last_scan = (SELECT min(last_scan) FROM domains)"))
    good = old(connection, METADATA, 31, "good")
    assert [refreshed(connection, METADATA, most=1) for _ in range(3)] == [[], [], [good]]
    younger = old(connection, METADATA, 32, "younger")
    found = [refreshed(connection, METADATA, most=1) for _ in range(4)]
    assert [one for one in found if one] == [[younger]]


def test_records_of_one_moment_are_all_reached(connection: Connection) -> None:
    ids = {old(connection, METADATA, 40, f"d{number}") for number in range(5)}
    connection.execute(text("UPDATE domains SET last_scan = (SELECT max(last_scan) FROM domains)"))
    found = [refreshed(connection, METADATA, most=2) for _ in range(3)]
    assert ([len(one) for one in found], {one for part in found for one in part}) == ([2, 2, 1], ids)


def test_a_paused_workflow_is_not_refreshed(connection: Connection) -> None:
    old(connection, METADATA, 40, "a")
    pause(connection, METADATA, actor="ada", reason="bill")
    assert refreshed(connection, METADATA) == []


def test_a_tick_queues_a_part_of_its_batch_and_claims_it(environment: dict[str, str], request: Any) -> None:
    environment |= {"METADATA_REFRESH_DAYS": "30", "DOMAIN_SCHEDULER_BATCH_SIZE": str(2 * REFRESH_SHARE)}
    harness: Harness = request.getfixturevalue("harness")
    for number in range(3):
        old(harness.connection, METADATA, 40 + number, f"d{number}")
    ticked = harness.tick()["workflows"]["metadata"]
    assert (ticked["refreshed"], ticked["claimed"]) == (2, 2)
    harness.drain()
    assert sorted(harness.worked_on) == ["d0.test", "d1.test", "d2.test"]


def test_nothing_is_refreshed_by_default(harness: Harness) -> None:
    record_id = old(harness.connection, METADATA, 4_000, "a")
    assert harness.tick()["workflows"]["metadata"]["refreshed"] == 0
    assert harness.row(record_id)["status"] == "Completed"


def test_every_workflow_with_a_setting_says_when_it_has_read() -> None:
    assert {name for name, one in WORKFLOWS.items() if one.read_at} == set(REFRESH_DAYS)
    assert {days(Settings()) for days in REFRESH_DAYS.values()} == {0}


def test_a_workflow_that_reads_nothing_cannot_be_refreshed(connection: Connection) -> None:
    with pytest.raises(ValueError, match="submission has no read_at"):
        refreshed(connection, SUBMISSION)
