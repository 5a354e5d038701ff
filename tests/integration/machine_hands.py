"""Hands: what people, routers and hand-written SQL do, each deed in the database and in the model."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.models import Status
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status import transitions
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.control import pause, resume
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.workflow import Workflow
from tests.integration.machine import Machine
from tests.integration.machine_model import Key, Record

QUEUEABLE = {Status.NEW, Status.COMPLETED, Status.ERROR}
BY: dict[str, Any] = {"actor": "ada", "reason": "test"}


class Hands(Machine):
    """Everything that is done from outside the services."""

    def add_domain(self, status: Status) -> None:
        """A domain, watched by two workflows."""
        record_id = self.connection.execute(
            text(f"INSERT INTO domains (domain, status) VALUES (gen_random_uuid() || '.test', '{status}') RETURNING id")
        ).scalar_one()
        self.model.records["metadata", record_id] = Record(status, due=status is Status.QUEUED)
        self.model.records["submission", record_id] = Record()

    def add_file(self, status: Status) -> None:
        """A sitemap file of the first domain."""
        record_id = self.connection.execute(
            text(
                "INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_import_status)"
                f" VALUES (1, gen_random_uuid(), 'manual', '{status}') RETURNING id"
            )
        ).scalar_one()
        self.model.records["import", record_id] = Record(status, due=status is Status.QUEUED)

    def requeue(self, workflow: Workflow, chosen: list[int], limit: int) -> None:
        """Chosen records."""
        expected = self.model.in_status(workflow.name, QUEUEABLE, chosen)[:limit]
        assert sorted(requeue(self.connection, workflow, ids=chosen, limit=limit, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def requeue_an_error(self, workflow: Workflow, code: str) -> None:
        """All that failed one way."""
        failed = self.model.in_status(workflow.name, {Status.ERROR})
        expected = [n for n in failed if self.model.records[workflow.name, n].error_code == code]
        assert sorted(requeue(self.connection, workflow, error_code=code, limit=100, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def hand_off(self, workflow: Workflow, chosen: list[int], again: bool) -> None:
        """From some workflow before."""
        expected = self.model.in_status(workflow.name, QUEUEABLE if again else {Status.NEW}, chosen)
        assert sorted(hand_off(self.connection, workflow, chosen, again=again, **BY)) == expected
        self.model.queue(workflow.name, expected)

    def cancel(self, workflow: Workflow, chosen: list[int]) -> None:
        """Taken back."""
        expected = self.model.in_status(workflow.name, {Status.QUEUED}, chosen)
        assert sorted(cancel(self.connection, workflow, chosen, **BY)) == expected
        for n in expected:
            self.model.move((workflow.name, n), Status.NEW)

    def abandon(self, workflow: Workflow, chosen: list[int]) -> None:
        """Ended by a person, whatever its worker does."""
        expected = self.model.in_status(workflow.name, {Status.PROCESSING}, chosen)
        assert sorted(abandon(self.connection, workflow, chosen, **BY)) == expected
        for n in expected:
            holder = self.model.holder((workflow.name, n))
            assert holder is not None
            self.model.end(holder, "abandoned", Status.ERROR, code="abandoned", failed=True)

    def pause_or_resume(self, workflow: Workflow) -> None:
        """The other of the two."""
        if workflow.name in self.model.paused:
            assert resume(self.connection, workflow, **BY)
        else:
            pause(self.connection, workflow, **BY)
        self.model.paused ^= {workflow.name}

    def write_a_status_by_hand(self, key: Key, to: Status) -> None:
        """What a router may do is done; all else is refused by name."""
        workflow, before = WORKFLOWS[key[0]], self.model.records[key].status
        if to is before:
            return
        code = ", {error_code} = 'by_hand'" if to is Status.ERROR else ""
        statement = workflow.sql("UPDATE {table} SET {status} = '%s'%s WHERE id = %d" % (to, code, key[1]))  # noqa: UP031
        if to not in transitions.ALLOWED[before]:
            self._refused(statement, transitions.ILLEGAL_TRANSITION)
        elif Status.PROCESSING in (before, to):
            self._refused(statement, transitions.ATTEMPT_MISMATCH)
        else:
            self.connection.exec_driver_sql(statement)
            self.model.move(key, to)

    def write_half_a_state_by_hand(self, key: Key, half: str) -> None:
        """A companion column that does not fit its status."""
        record = self.model.records[key]
        column, value = half.split(" = ")
        home = Status.QUEUED if column == "due_at" else Status.ERROR
        never = value in {"'infinity'", "-1"}
        if not never and (value == "NULL") != (record.status is home):
            return
        workflow = WORKFLOWS[key[0]]
        statement = f"UPDATE {workflow.table} SET {workflow.companion(column)} = {value} WHERE id = {key[1]}"
        self._refused(statement, transitions.INCONSISTENT_COMPANION)

    def add_a_second_live_attempt_by_hand(self, attempt: int) -> None:
        """Refused by the index, when there is one already."""
        if not self.is_live(attempt):
            return
        workflow, record_id = self.model.attempts[attempt].key
        self._refused(
            "INSERT INTO attempts (workflow, record_id, trigger, lease_until)"
            f" VALUES ('{workflow}', {record_id}, 'by hand', now())",
            "23505",
        )

    def tear_a_pair_apart_by_hand(self, attempt: int) -> None:
        """A live attempt without its record, or the other way round."""
        held = self.model.attempts[attempt]
        workflow, record_id = WORKFLOWS[held.key[0]], held.key[1]
        if held.outcome is None:
            of = f"WHERE attempt_id = {attempt}"
            self._refused(
                f"UPDATE attempts SET finished_at = now(), outcome = 'done' {of}", transitions.ATTEMPT_MISMATCH
            )
            self._refused(f"DELETE FROM attempts {of}", transitions.ATTEMPT_MISMATCH)
            self._refused(f"DELETE FROM {workflow.table} WHERE id = {record_id}", transitions.ATTEMPT_MISMATCH)
        elif self.model.records[held.key].status is not Status.PROCESSING:
            again = f"UPDATE attempts SET finished_at = NULL, outcome = NULL WHERE attempt_id = {attempt}"
            self._refused(again, transitions.ATTEMPT_MISMATCH)

    def rewrite_history_by_hand(self) -> None:
        """Refused, once there is any."""
        if self.connection.execute(text("SELECT EXISTS (SELECT FROM status_events)")).scalar_one():
            self._refused("UPDATE status_events SET actor = 'nobody'", transitions.IMMUTABLE)

    def _refused(self, statement: str, state: str) -> None:
        with pytest.raises(DBAPIError) as refusal:
            self.connection.exec_driver_sql(statement)
        assert sqlstate(refusal.value) == state, refusal.value
