"""The database's guard enforces the table of transitions for every writer, and audits every change."""

from itertools import product

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scrapersky.status import transitions
from scrapersky.status.claim import claim
from scrapersky.status.finish import complete, fail
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation, RecordId, Status
from tests.records import make

pytestmark = pytest.mark.usefixtures("invariants_hold")

every_workflow = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS.keys())


def status_of(connection: Connection, workflow: Workflow, record_id: int) -> str:
    """Return the record's status."""
    return str(
        connection.execute(text(f"SELECT {workflow.field} FROM {workflow.table} WHERE id = {record_id}")).scalar_one()
    )


def rejection(connection: Connection, statement: str) -> tuple[str | None, str]:
    """Return the SQLSTATE and the message with which the database rejects ``statement``."""
    with pytest.raises(DBAPIError) as error:
        connection.execute(text(statement))
    return sqlstate(error.value), str(error.value)


def test_the_guards_transitions_equal_the_python_table(connection: Connection) -> None:
    for before in (None, *Status):
        expected = transitions.CREATED if before is None else transitions.ALLOWED[before]
        allowed = connection.execute(
            text("SELECT unnest(next_statuses(CAST(:before AS work_status)))::text"),
            {"before": before.value if before else None},
        ).scalars()
        assert set(allowed) == {status.value for status in expected}


@pytest.mark.parametrize(("values", "name"), [(Status, "work_status"), (Curation, "curation_status")])
def test_an_enums_values_in_python_and_in_the_database_are_equal_and_in_the_same_order(
    connection: Connection, values: type[Status] | type[Curation], name: str
) -> None:
    stored = connection.execute(text(f"SELECT unnest(enum_range(NULL::{name}))::text")).scalars()
    assert list(stored) == [value.value for value in values]


@every_workflow
def test_a_queued_record_of_every_workflow_can_be_claimed(connection: Connection, workflow: Workflow) -> None:
    record_id = make(connection, workflow, "Queued")
    claimed = claim(connection, workflow, batch=10, max_in_flight=10, dispatch_lease=60)
    assert [one.record_id for one in claimed] == [record_id]
    assert status_of(connection, workflow, record_id) == "Processing"


@every_workflow
def test_manual_sql_may_do_what_a_router_may_and_nothing_else(connection: Connection, workflow: Workflow) -> None:
    pairs = {(before, after) for before, after in product(Status, Status) if before is not after}
    for number, (before, after) in enumerate(sorted(pairs)):
        record_id = bring_to(connection, workflow, before, f"k{number}")
        code = f", {workflow.companion('error_code')} = 'manual'" if after is Status.ERROR else ""
        change = f"UPDATE {workflow.table} SET {workflow.field} = '{after}'{code} WHERE id = {record_id}"
        if after in transitions.ALLOWED[before] and Status.PROCESSING not in (before, after):
            connection.execute(text(change))
            assert status_of(connection, workflow, record_id) == after
        else:
            state, message = rejection(connection, change)
            assert state in {transitions.ILLEGAL_TRANSITION, transitions.ATTEMPT_MISMATCH}, (before, after)
            assert f"{workflow.table} {record_id}" in message
            assert status_of(connection, workflow, record_id) == before


def bring_to(connection: Connection, workflow: Workflow, status: Status, key: str) -> RecordId:
    """Create a record and bring it to ``status`` by legal transitions; return its id."""
    if status is Status.NEW:
        return make(connection, workflow, key=key)
    record_id = make(connection, workflow, "Queued", key)
    if status is Status.QUEUED:
        return record_id
    (claimed,) = claim(connection, workflow, batch=1, max_in_flight=10_000, dispatch_lease=60, ids=[record_id])
    if status is Status.COMPLETED:
        complete(connection, workflow, claimed.attempt_id, code="read", detail={})
    elif status is Status.ERROR:
        fail(connection, workflow, claimed.attempt_id, code="parked", reason="for sale", detail={})
    return record_id


@pytest.mark.parametrize("status", ["Processing", "Completed", "Error"])
def test_a_record_can_only_be_created_new_or_queued(connection: Connection, status: str) -> None:
    state, _ = rejection(connection, f"INSERT INTO domains (domain, status) VALUES ('a.test', '{status}')")
    assert state == transitions.ILLEGAL_TRANSITION


@pytest.mark.parametrize(
    "assignment",
    [
        "due_at = now()",
        "error_code = 'x'",
        "error = 'x'",
        "failures = -1",
        "failures = 32767",
        "sitemap_analysis_due_at = now()",
        "sitemap_analysis_error = 'x'",
    ],
)
def test_a_companion_column_that_contradicts_the_status_is_rejected(connection: Connection, assignment: str) -> None:
    record_id = make(connection, WORKFLOWS["metadata"])
    state, message = rejection(connection, f"UPDATE domains SET {assignment} WHERE id = {record_id}")
    assert state == transitions.INCONSISTENT_COMPANION
    assert assignment.split(" ", maxsplit=1)[0] in message


def test_queueing_by_manual_sql_sets_and_clears_the_companion_columns(connection: Connection) -> None:
    workflow = WORKFLOWS["metadata"]
    record_id = bring_to(connection, workflow, Status.ERROR, "a")
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    row = connection.execute(text("SELECT due_at, error_code, error, failures FROM domains")).one()
    assert row.due_at is not None
    assert (row.error_code, row.error, row.failures) == (None, None, 0)
    connection.execute(text(f"UPDATE domains SET status = 'New' WHERE id = {record_id}"))
    assert connection.execute(text("SELECT due_at FROM domains")).scalar_one() is None


def test_editing_another_column_does_not_move_the_record_in_the_queue(connection: Connection) -> None:
    make(connection, WORKFLOWS["metadata"], "Queued")
    before = connection.execute(text("SELECT due_at FROM domains")).scalar_one()
    connection.execute(text("UPDATE domains SET title = 'edited', curation_status = 'Selected'"))
    assert connection.execute(text("SELECT due_at FROM domains")).scalar_one() == before


def test_every_legal_change_is_audited_with_its_actor(connection: Connection) -> None:
    record_id = make(connection, WORKFLOWS["metadata"])
    connection.execute(text("SELECT set_config('application_name', 'psql of ada', false)"))
    connection.execute(text(f"UPDATE domains SET status = 'Queued' WHERE id = {record_id}"))
    event = connection.execute(
        text("SELECT workflow, record_id, from_status, to_status, actor FROM status_events")
    ).one()
    assert tuple(event) == ("metadata", record_id, "New", "Queued", "psql of ada")


def test_without_an_application_name_the_role_is_audited_as_the_actor(connection: Connection) -> None:
    connection.execute(text("SET application_name = ''"))
    make(connection, WORKFLOWS["metadata"], "Queued")
    actor, role = connection.execute(text("SELECT actor, session_user::text FROM status_events")).one()
    assert actor == role


def test_the_history_is_immutable(connection: Connection) -> None:
    make(connection, WORKFLOWS["metadata"], "Queued")
    state, _ = rejection(connection, "UPDATE status_events SET actor = 'another'")
    assert state == transitions.IMMUTABLE


def test_every_workflow_of_the_registry_is_guarded_and_belongs_to_one_service(connection: Connection) -> None:
    triggers = set(connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")).scalars())
    for workflow in WORKFLOWS.values():
        assert {f"guard_{workflow.name}_status", f"audit_{workflow.name}_status"} <= triggers
        assert len([service for service in SERVICES if workflow in service.workflows]) == 1
