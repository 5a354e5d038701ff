"""Actions of the services: each is done by the product's own verb, then in the model, and the result is compared."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import text

from scrapersky.runtime.registry import METADATA, SUBMISSION, WORKFLOWS
from scrapersky.status.claim import Claimed, claim
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.dispatch import dispatch
from scrapersky.status.finish import Stale, complete, complete_all, fail, retry, snooze
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status
from tests.integration.machine import RESULT, Died
from tests.integration.machine_model import MAX_FAILURES, UNDELIVERED_MAX, Key
from tests.integration.machine_operators import BY, OperatorActions

BACKOFF = Backoff(base=600, cap=3_600, max_failures=MAX_FAILURES)
NO_SUCH_ATTEMPT = AttemptId(1_000_000)
LEASE = 600.0


class ServiceActions(OperatorActions):
    """Everything that dispatchers, workers and time do."""

    # Dispatcher

    def claim(self, workflow: Workflow, batch: int, max_in_flight: int, chosen: list[RecordId] | None) -> None:
        """Claim without sending messages, as a process that dies after the commit."""
        wanted = min(
            self.model.capacity(workflow.name, batch, max_in_flight), len(self.model.claimable(workflow.name, chosen))
        )
        claimed = claim(
            self.connection, workflow, batch=batch, max_in_flight=max_in_flight, dispatch_lease=LEASE, ids=chosen
        )
        self._add_claimed(workflow, claimed, wanted, chosen)

    def claim_and_die_before_the_commit(self, workflow: Workflow, batch: int) -> None:
        """Claim and roll back: nothing has happened."""
        with suppress(Died), self.transaction():
            claim(self.connection, workflow, batch=batch, max_in_flight=100, dispatch_lease=LEASE)
            raise Died

    def dispatch(self, workflow: Workflow, batch: int, fault: str) -> None:
        """Claim and send. ``false error``: the send reports an error, but a message was sent and its work has begun."""
        sent: list[Claimed] = []

        def send(_: Workflow, claimed: Sequence[Claimed]) -> Collection[AttemptId]:
            sent.extend(claimed)
            if fault == "false error":
                start(self.connection, [claimed[0].attempt_id], lease=LEASE, worker="w", request_id="r")
            if fault in {"error", "false error"}:
                raise ConnectionError("SQS is unavailable")
            if fault == "death":
                raise Died
            return {"none": [], "some": [one.attempt_id for one in claimed[::2]],
                    "all": [one.attempt_id for one in claimed]}[fault]  # fmt: skip

        wanted = min(self.model.capacity(workflow.name, batch, 100), len(self.model.claimable(workflow.name)))
        try:
            claimed = claim(self.connection, workflow, batch=batch, max_in_flight=100, dispatch_lease=LEASE)
            dispatch(self.connection, workflow, claimed, send)
        except (ConnectionError, Died):
            assert fault in {"error", "false error", "death"}
        self._add_claimed(workflow, sent, wanted, None)
        if fault == "false error" and sent:
            self.model.attempts[sent[0].attempt_id].started = True
        released = {"none": [], "some": sent[::2], "all": sent, "error": sent, "false error": sent[1:], "death": []}
        for one in released[fault]:
            self.model.end(one.attempt_id, "released", Status.QUEUED)

    def recover(self, workflow: Workflow, limit: int) -> None:
        """Recover expired attempts."""
        recovered = recover(self.connection, workflow, limit=limit, backoff=BACKOFF, undelivered_max=UNDELIVERED_MAX)
        assert sorted(one.attempt_id for one in recovered) == self.model.recover(workflow.name, limit)

    # Workers

    def start(self, ids: list[AttemptId]) -> None:
        """Start attempts: new, already started, ended or unknown ones."""
        started = start(self.connection, ids, lease=LEASE, worker="w", request_id="r")
        live = {n for n in ids if n != NO_SUCH_ATTEMPT and self.is_live(n) and not self.model.attempts[n].started}
        assert {one.attempt_id for one in started} == live
        assert {(one.workflow, one.record_id) for one in started} == {self.model.attempts[n].key for n in live}
        for n in live:
            self.model.attempts[n].started, self.model.attempts[n].expired = True, False

    def finish(self, attempt: AttemptId, end: str, die_after: int | None) -> None:
        """Save a result, live or stale: fence, write, hand-off. The worker may die before each of them."""
        workflow, key = self.workflow(attempt), self.model.attempts[attempt].key
        queued: list[RecordId] = []
        steps: list[Callable[[], object]] = [
            lambda: self._end(workflow, attempt, end),
            lambda: self._write(workflow, key, attempt),
            lambda: queued.extend(self._hand_off(workflow, key) if end == "complete" else ()),
        ]
        try:
            with self.transaction():
                for number, step in enumerate(steps):
                    if die_after == number:
                        raise Died
                    step()
                if die_after == len(steps):
                    raise Died
        except Died:
            return
        except Stale:
            assert not self.is_live(attempt)
            return
        self._end_in_model(attempt, end)
        self.model.records[key].result = f"by {attempt}"
        self.model.queue(SUBMISSION.name, queued)

    def finish_together(self, attempts: list[AttemptId], workflow: Workflow, die: bool) -> None:
        """Save results together: the live ones behind one fence, the stale ones not at all."""
        live = [n for n in attempts if self.is_live(n) and self.workflow(n) == workflow]
        with suppress(Died), self.transaction():
            ended = complete_all(self.connection, workflow, {n: ("code", {}) for n in attempts})
            assert {n: end.record_id for n, end in ended.items()} == {n: self.model.attempts[n].key[1] for n in live}
            for n in live:
                self._write(workflow, self.model.attempts[n].key, n)
            if die:
                raise Died
            for n in live:
                self._end_in_model(n, "complete")
                self.model.records[self.model.attempts[n].key].result = f"by {n}"

    def release(self, ids: list[AttemptId], workflow: Workflow) -> None:
        """Release attempts that have not started."""
        mine = [
            n for n in ids if self.workflow(n) == workflow and self.is_live(n) and not self.model.attempts[n].started
        ]
        released = release(self.connection, workflow, ids, code="no_time")
        assert sorted(released) == sorted({self.model.attempts[n].key[1] for n in mine})
        for n in set(mine):
            self.model.end(n, "released", Status.QUEUED)

    def dead_letter(self, attempt: AttemptId) -> None:
        """Receive a dead letter, perhaps a late one."""
        found = self.model.attempts[attempt]
        may_end = self.is_live(attempt) and (not found.started or found.expired)
        answer = dead_letter(self.connection, self.workflow(attempt), attempt, reason="gave up")
        assert answer == (found.key[1] if may_end else None)
        if may_end:
            self.model.end(attempt, "dead_letter", Status.ERROR, code="dead_letter", failed=True)

    # Time

    def expire(self, attempt: AttemptId) -> None:
        """End the lease of ``attempt``; one that has ended is history, and keeps it."""
        if self.is_live(attempt):
            self.connection.execute(
                text("UPDATE attempts SET lease_until = now() - interval '1 h' WHERE attempt_id = :n"), {"n": attempt}
            )
            self.model.attempts[attempt].expired = True

    def make_due(self, key: Key) -> None:
        """End the backoff of ``key``."""
        workflow, record = WORKFLOWS[key[0]], self.model.records[key]
        self.connection.execute(
            text(workflow.sql("UPDATE {table} SET {due_at} = now() WHERE id = :n AND {status} = 'Queued'")),
            {"n": key[1]},
        )
        record.due = record.status is Status.QUEUED

    # Shared

    def _add_claimed(
        self, workflow: Workflow, claimed: Sequence[Claimed], wanted: int, among: list[RecordId] | None
    ) -> None:
        ids = [one.record_id for one in claimed]
        assert len(set(ids)) == len(ids) == wanted
        assert set(ids) <= set(self.model.claimable(workflow.name, among))
        self.model.claim(workflow.name, [(one.attempt_id, one.record_id) for one in claimed])

    def _end(self, workflow: Workflow, attempt: AttemptId, end: str) -> None:
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

    def _end_in_model(self, attempt: AttemptId, end: str) -> None:
        match end:
            case "complete":
                self.model.end(attempt, "done", Status.COMPLETED)
            case "fail":
                self.model.end(attempt, "failed", Status.ERROR, code="code", failed=True)
            case "retry":
                self.model.fail_again(attempt, "retry", "code")
            case "snooze":
                self.model.end(attempt, "snoozed", Status.QUEUED, due=False)

    def _write(self, workflow: Workflow, key: Key, attempt: AttemptId) -> None:
        self.connection.execute(
            text(f"UPDATE {workflow.table} SET {RESULT[workflow]} = :by WHERE id = :n"),
            {"by": f"by {attempt}", "n": key[1]},
        )

    def _hand_off(self, workflow: Workflow, key: Key) -> list[RecordId]:
        if workflow != METADATA:
            return []
        return list(hand_off(self.connection, SUBMISSION, [key[1]], again=True, **BY))
