"""Actions of operators, routers and manual SQL: each is done in the database and in the model."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status import transitions
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.control import pause, resume
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status
from tests.integration.machine import Machine
from tests.integration.machine_model import Key, Record

QUEUEABLE = {Status.NEW, Status.COMPLETED, Status.ERROR}
BY: dict[str, Any] = {"actor": "ada", "reason": "test"}


class OperatorActions(Machine):
    """Everything that is done from outside the services."""

    def add_domain(self, status: Status) -> None:
        """Add a domain, which two workflows watch."""
        record_id = self.connection.execute(
            text(f"INSERT INTO domains (domain, status) VALUES (gen_random_uuid() || '.test', '{status}') RETURNING id")
        ).scalar_one()
        self.model.records["metadata", record_id] = Record(status, due=status is Status.QUEUED)
        self.model.records["submission", record_id] = Record()

    def add_file(self, status: Status) -> None:
        """Add a sitemap file of the first domain."""
        record_id = self.connection.execute(
            text(
                "INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status)"
                f" VALUES (1, gen_random_uuid(), 'manual', '{status}') RETURNING id"
            )
        ).scalar_one()
        self.model.records["import", record_id] = Record(status, due=status is Status.QUEUED)

    def requeue(self, workflow: Workflow, chosen: list[RecordId], limit: int) -> None:
        """Requeue records by id."""
        expected = self.model.in_status(workflow.name, QUEUEABLE, chosen)[:limit]
        assert sorted(requeue(self.connection, workflow, ids=chosen, limit=limit, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def requeue_error_code(self, workflow: Workflow, code: str) -> None:
        """Requeue records by error code."""
        failed = self.model.in_status(workflow.name, {Status.ERROR})
        expected = [n for n in failed if self.model.records[workflow.name, n].error_code == code]
        assert sorted(requeue(self.connection, workflow, error_code=code, limit=100, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def hand_off(self, workflow: Workflow, chosen: list[RecordId], again: bool) -> None:
        """Hand records off from a preceding workflow."""
        expected = self.model.in_status(workflow.name, QUEUEABLE if again else {Status.NEW}, chosen)
        assert sorted(hand_off(self.connection, workflow, chosen, again=again, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def cancel(self, workflow: Workflow, chosen: list[RecordId]) -> None:
        """Cancel records."""
        expected = self.model.in_status(workflow.name, {Status.QUEUED}, chosen)
        assert sorted(cancel(self.connection, workflow, chosen, **BY)) == expected
        for n in expected:
            self.model.move((workflow.name, n), Status.NEW)

    def abandon(self, workflow: Workflow, chosen: list[RecordId]) -> None:
        """Abandon records, whatever their workers do."""
        expected = self.model.in_status(workflow.name, {Status.PROCESSING}, chosen)
        assert sorted(abandon(self.connection, workflow, chosen, **BY)) == expected
        for n in expected:
            holder = self.model.holder((workflow.name, n))
            assert holder is not None
            self.model.end(holder, "abandoned", Status.ERROR, code="abandoned", failed=True)

    def pause_or_resume(self, workflow: Workflow) -> None:
        """Resume a paused workflow, pause another."""
        if workflow.name in self.model.paused:
            assert resume(self.connection, workflow, **BY)
        else:
            pause(self.connection, workflow, **BY)
        self.model.paused ^= {workflow.name}

    def write_status(self, key: Key, to: Status) -> None:
        """Write a status by SQL: accepted if a router may do it, otherwise rejected with its SQLSTATE."""
        workflow, before = WORKFLOWS[key[0]], self.model.records[key].status
        if to is before:
            return
        code = ", {error_code} = 'manual'" if to is Status.ERROR else ""
        statement = workflow.sql("UPDATE {table} SET {status} = '%s'%s WHERE id = %d" % (to, code, key[1]))  # noqa: UP031
        if to not in transitions.ALLOWED[before]:
            self._rejected(statement, transitions.ILLEGAL_TRANSITION)
        elif Status.PROCESSING in (before, to):
            self._rejected(statement, transitions.ATTEMPT_MISMATCH)
        else:
            self.connection.exec_driver_sql(statement)
            self.model.move(key, to)

    def write_companion(self, key: Key, assignment: str) -> None:
        """Write a companion column that contradicts the status."""
        record = self.model.records[key]
        column, value = assignment.split(" = ")
        owner = Status.QUEUED if column == "due_at" else Status.ERROR
        out_of_range = value in {"'infinity'", "-1"}
        if not out_of_range and (value == "NULL") != (record.status is owner):
            return
        workflow = WORKFLOWS[key[0]]
        statement = f"UPDATE {workflow.table} SET {workflow.companion(column)} = {value} WHERE id = {key[1]}"
        self._rejected(statement, transitions.INCONSISTENT_COMPANION)

    def add_second_live_attempt(self, attempt: AttemptId) -> None:
        """Insert a second live attempt: rejected by the unique index."""
        if not self.is_live(attempt):
            return
        workflow, record_id = self.model.attempts[attempt].key
        self._rejected(
            "INSERT INTO attempts (workflow, record_id, trigger, lease_until)"
            f" VALUES ('{workflow}', {record_id}, 'manual', now())",
            "23505",
        )

    def separate_attempt_and_record(self, attempt: AttemptId) -> None:
        """End or delete a live attempt without its record, delete its record, or revive an ended attempt."""
        found = self.model.attempts[attempt]
        workflow, record_id = WORKFLOWS[found.key[0]], found.key[1]
        if found.outcome is None:
            where = f"WHERE attempt_id = {attempt}"
            self._rejected(
                f"UPDATE attempts SET finished_at = now(), outcome = 'done' {where}", transitions.ATTEMPT_MISMATCH
            )
            self._rejected(f"DELETE FROM attempts {where}", transitions.ATTEMPT_MISMATCH)
            self._rejected(f"DELETE FROM {workflow.table} WHERE id = {record_id}", transitions.ATTEMPT_MISMATCH)
        elif self.model.records[found.key].status is not Status.PROCESSING:
            revive = f"UPDATE attempts SET finished_at = NULL, outcome = NULL WHERE attempt_id = {attempt}"
            self._rejected(revive, transitions.IMMUTABLE)

    def rewrite_history(self) -> None:
        """Update the history, if there is any: rejected."""
        if self.connection.execute(text("SELECT EXISTS (SELECT FROM status_events)")).scalar_one():
            self._rejected("UPDATE status_events SET actor = 'another'", transitions.IMMUTABLE)

    def _rejected(self, statement: str, state: str) -> None:
        with pytest.raises(DBAPIError) as rejection:
            self.connection.exec_driver_sql(statement)
        assert sqlstate(rejection.value) == state, rejection.value
