"""Deeds of the services: each is done by the product's own verb, then in the model; what must come of it is asserted."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import text

from scrapersky.models import Status
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
from tests.integration.machine import RESULT, Vanished
from tests.integration.machine_hands import BY, Hands
from tests.integration.machine_model import MAX_FAILURES, UNDELIVERED_MAX, Key

BACKOFF = Backoff(base=600, cap=3_600, max_failures=MAX_FAILURES)
NO_SUCH_ATTEMPT = 1_000_000
LEASE = 600.0


class Deeds(Hands):
    """Everything that dispatchers, workers and time do."""

    # The dispatcher.

    def claim(self, workflow: Workflow, batch: int, max_in_flight: int, chosen: list[int] | None) -> None:
        """A claim; its process may vanish right after, for nobody sends messages here."""
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
        """Claims and sends. ``lies``: the call fails, but a message was sent, and its work has already begun."""
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
            due = claim(self.connection, workflow, batch=batch, max_in_flight=100, dispatch_lease=LEASE)
            dispatch(self.connection, workflow, due, send)
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
        """Messages arrive: new ones, duplicates, ones from the past, one of nobody."""
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

    def finish_together(self, attempts: list[int], workflow: Workflow, vanish: bool) -> None:
        """Results arrive at once: those in time are written behind one fence, the late ones are left out."""
        live = [n for n in attempts if self.is_live(n) and self.workflow(n) == workflow]
        with suppress(Vanished), self.transaction():
            ended = complete_all(self.connection, workflow, {n: ("code", {}) for n in attempts})
            assert {n: end.record_id for n, end in ended.items()} == {n: self.model.attempts[n].key[1] for n in live}
            for n in live:
                self._write(workflow, self.model.attempts[n].key, n)
            if vanish:
                raise Vanished
            for n in live:
                self._ended(n, "complete")
                self.model.records[self.model.attempts[n].key].result = f"by {n}"

    def release(self, ids: list[int], workflow: Workflow) -> None:
        """InputModel back before the work began."""
        mine = [
            n for n in ids if self.workflow(n) == workflow and self.is_live(n) and not self.model.attempts[n].started
        ]
        given_back = release(self.connection, workflow, ids, code="no_time")
        assert sorted(given_back) == sorted({self.model.attempts[n].key[1] for n in mine})
        for n in set(mine):
            self.model.end(n, "released", Status.QUEUED)

    def dead_letter(self, attempt: int) -> None:
        """A message comes out of the dead-letter queue, perhaps long after."""
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

    # What the rules share.

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
