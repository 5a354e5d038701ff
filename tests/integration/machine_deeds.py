"""Deeds: each is done in the database, by the product's own verb, and then in the model; what must come of it is asserted."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.models import Status
from scrapersky.service.registry import METADATA, SUBMISSION, WORKFLOWS
from scrapersky.status import transitions
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import Claimed, claim
from scrapersky.status.control import pause, resume
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.dispatch import dispatch
from scrapersky.status.finish import Backoff, Stale, complete, fail, retry, snooze
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from tests.integration.machine import RESULT, Machine, Vanished
from tests.integration.machine_model import MAX_FAILURES, UNDELIVERED_MAX, Key, Record

BACKOFF = Backoff(base=600, cap=3_600, max_failures=MAX_FAILURES)
QUEUEABLE = {Status.NEW, Status.COMPLETED, Status.ERROR}
NO_SUCH_ATTEMPT = 1_000_000
BY = {"actor": "ada", "reason": "test"}
LEASE = 600.0


class Deeds(Machine):
    """Every verb, and everything that may happen between two of them."""

    # Records are made.

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

    # The dispatcher.

    def claim(self, workflow: Workflow, batch: int, max_in_flight: int, chosen: list[int] | None) -> None:
        """A claim; its process may vanish right after, for nobody sends tickets here."""
        wanted = min(
            self.model.room(workflow.name, batch, max_in_flight), len(self.model.claimable(workflow.name, chosen))
        )
        claimed = claim(
            self.connection, workflow, batch=batch, max_in_flight=max_in_flight, dispatch_lease=LEASE, ids=chosen
        )
        self._claimed(workflow, claimed, wanted, chosen)

    def claim_and_vanish_before_the_commit(self, workflow: Workflow, batch: int) -> None:
        """Nothing has happened."""
        with suppress(Vanished), self.transaction():
            claim(self.connection, workflow, batch=batch, max_in_flight=100, dispatch_lease=LEASE)
            raise Vanished

    def dispatch(self, workflow: Workflow, batch: int, trouble: str) -> None:
        """Claims and sends. ``lies``: the call fails, but a ticket was sent, and its work has already begun."""
        seen: list[Claimed] = []

        def send(_: Workflow, claimed: Sequence[Claimed]) -> Collection[int]:
            seen.extend(claimed)
            if trouble == "lies":
                start(self.connection, [claimed[0].attempt_id], lease=LEASE, worker="w", request_id="r")
            if trouble in {"raises", "lies"}:
                raise ConnectionError("SQS is not there")
            if trouble == "vanishes":
                raise Vanished
            return {"none": [], "some": [held.attempt_id for held in claimed[::2]],
                    "all": [held.attempt_id for held in claimed]}[trouble]  # fmt: skip

        wanted = min(self.model.room(workflow.name, batch, 100), len(self.model.claimable(workflow.name)))
        try:
            dispatch(self.connection, workflow, send, batch=batch, max_in_flight=100, dispatch_lease=LEASE)
        except (ConnectionError, Vanished):
            assert trouble in {"raises", "lies", "vanishes"}
        self._claimed(workflow, seen, wanted, None)
        if trouble == "lies" and seen:
            self.model.attempts[seen[0].attempt_id].started = True
        given_back = {"none": [], "some": seen[::2], "all": seen, "raises": seen, "lies": seen[1:], "vanishes": []}
        for held in given_back[trouble]:
            self.model.end(held.attempt_id, "released", Status.QUEUED)

    def recover(self, workflow: Workflow, limit: int) -> None:
        """What is late comes back."""
        taken = recover(self.connection, workflow, limit=limit, backoff=BACKOFF, undelivered_max=UNDELIVERED_MAX)
        assert sorted(one.attempt_id for one in taken) == self.model.recover(workflow.name, limit)

    # Workers.

    def start(self, ids: list[int]) -> None:
        """Tickets arrive: new ones, duplicates, ones from the past, one of nobody."""
        begun = start(self.connection, ids, lease=LEASE, worker="w", request_id="r")
        live = {n for n in ids if n != NO_SUCH_ATTEMPT and self.is_live(n) and not self.model.attempts[n].started}
        assert {one.attempt_id for one in begun} == live
        assert {(one.workflow, one.record_id) for one in begun} == {self.model.attempts[n].key for n in live}
        for n in live:
            self.model.attempts[n].started, self.model.attempts[n].late = True, False

    def finish(self, attempt: int, end: str, vanish_after: int | None) -> None:
        """A result arrives, in time or not: the fence, the job's write, the hand-off; the worker may vanish at each."""
        workflow, key = self.workflow(attempt), self.model.attempts[attempt].key
        handed: list[int] = []
        steps: list[Callable[[], object]] = [
            lambda: self._end(workflow, attempt, end),
            lambda: self._write(workflow, key, attempt),
            lambda: handed.extend(self._hand_off(workflow, key) if end == "complete" else ()),
        ]
        try:
            with self.transaction():
                for number, step in enumerate(steps):
                    if vanish_after == number:
                        raise Vanished
                    step()
                if vanish_after == len(steps):
                    raise Vanished
        except Vanished:
            return
        except Stale:
            assert not self.is_live(attempt)
            return
        self._ended(attempt, end)
        self.model.records[key].result = f"by {attempt}"
        self.model.queue(SUBMISSION.name, handed)

    def release(self, ids: list[int], workflow: Workflow) -> None:
        """Given back before the work began."""
        mine = [
            n for n in ids if self.workflow(n) == workflow and self.is_live(n) and not self.model.attempts[n].started
        ]
        given_back = release(self.connection, workflow, ids, code="no_time")
        assert sorted(given_back) == sorted({self.model.attempts[n].key[1] for n in mine})
        for n in set(mine):
            self.model.end(n, "released", Status.QUEUED)

    def dead_letter(self, attempt: int) -> None:
        """A ticket comes out of the dead-letter queue, perhaps long after."""
        held = self.model.attempts[attempt]
        touchable = self.is_live(attempt) and (not held.started or held.late)
        answer = dead_letter(self.connection, self.workflow(attempt), attempt, reason="gave up")
        assert answer == (held.key[1] if touchable else None)
        if touchable:
            self.model.end(attempt, "dead_letter", Status.ERROR, code="dead_letter", failed=True)

    # Time.

    def the_lease_runs_out(self, attempt: int) -> None:
        """An hour later."""
        self.connection.execute(
            text("UPDATE attempts SET lease_until = now() - interval '1 h' WHERE attempt_id = :n"), {"n": attempt}
        )
        self.model.attempts[attempt].late = True

    def it_falls_due(self, key: Key) -> None:
        """A backoff is over."""
        workflow, record = WORKFLOWS[key[0]], self.model.records[key]
        self.connection.execute(
            text(workflow.sql("UPDATE {table} SET {due_at} = now() WHERE id = :n AND {status} = 'Queued'")),
            {"n": key[1]},
        )
        record.due = record.status is Status.QUEUED

    # People and routers.

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
            self._refused(statement, transitions.NOT_THE_HOLDER)
        else:
            self.connection.exec_driver_sql(statement)
            self.model.move(key, to)

    def write_half_a_state_by_hand(self, key: Key, half: str) -> None:
        """A companion column that does not fit its status."""
        record = self.model.records[key]
        column, value = half.split(" = ")
        home = Status.QUEUED if column == "due_at" else Status.ERROR
        if (value == "NULL") != (record.status is home):
            return
        workflow = WORKFLOWS[key[0]]
        statement = f"UPDATE {workflow.table} SET {workflow.companion(column)} = {value} WHERE id = {key[1]}"
        self._refused(statement, transitions.HALF_A_STATE)

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

    def rewrite_history_by_hand(self) -> None:
        """Refused, once there is any."""
        if self.connection.execute(text("SELECT EXISTS (SELECT FROM status_events)")).scalar_one():
            self._refused("UPDATE status_events SET actor = 'nobody'", "SS004")

    # What the rules share.

    def _refused(self, statement: str, state: str) -> None:
        with pytest.raises(DBAPIError) as refusal:
            self.connection.exec_driver_sql(statement)
        assert sqlstate(refusal.value) == state, refusal.value

    def _claimed(self, workflow: Workflow, claimed: Sequence[Claimed], wanted: int, among: list[int] | None) -> None:
        ids = [held.record_id for held in claimed]
        assert len(set(ids)) == len(ids) == wanted
        assert set(ids) <= set(self.model.claimable(workflow.name, among))
        self.model.claim(workflow.name, [(held.attempt_id, held.record_id) for held in claimed])

    def _end(self, workflow: Workflow, attempt: int, end: str) -> None:
        why: dict[str, Any] = {"code": "code", "detail": {}}
        match end:
            case "complete":
                complete(self.connection, workflow, attempt, **why)
            case "fail":
                fail(self.connection, workflow, attempt, reason="broken", **why)
            case "retry":
                retry(self.connection, workflow, attempt, reason="slow", after=None, backoff=BACKOFF, **why)
            case "snooze":
                snooze(self.connection, workflow, attempt, reason="not now", after=LEASE, **why)

    def _ended(self, attempt: int, end: str) -> None:
        match end:
            case "complete":
                self.model.end(attempt, "done", Status.COMPLETED)
            case "fail":
                self.model.end(attempt, "failed", Status.ERROR, code="code", failed=True)
            case "retry":
                self.model.fail_again(attempt, "retry", "code")
            case "snooze":
                self.model.end(attempt, "snoozed", Status.QUEUED, due=False)

    def _write(self, workflow: Workflow, key: Key, attempt: int) -> None:
        self.connection.execute(
            text(f"UPDATE {workflow.table} SET {RESULT[workflow]} = :by WHERE id = :n"),
            {"by": f"by {attempt}", "n": key[1]},
        )

    def _hand_off(self, workflow: Workflow, key: Key) -> list[int]:
        if workflow != METADATA:
            return []
        return hand_off(self.connection, SUBMISSION, [key[1]], again=True, **BY)
