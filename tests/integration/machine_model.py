"""A model of the status machine in dictionaries: what the database must contain after each verb."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from scrapersky.status.transitions import ALLOWED
from scrapersky.vocabulary import AttemptId, RecordId, Status

Key = tuple[str, RecordId]
"""A record in one workflow: (workflow, record id)."""

MAX_FAILURES = 3
UNDELIVERED_MAX = 2


@dataclass
class Record:
    """``due``: a Queued record that may be claimed now. ``result``: what a job wrote last."""

    status: Status = Status.NEW
    failures: int = 0
    error_code: str | None = None
    due: bool = False
    result: str | None = None


@dataclass
class Attempt:
    """``expired``: its lease has ended. ``outcome`` None: it is live."""

    key: Key
    started: bool = False
    expired: bool = False
    outcome: str | None = None


@dataclass
class Model:
    """Everything that the verbs may change."""

    records: dict[Key, Record] = field(default_factory=dict)
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)

    def live(self, workflow: str) -> list[AttemptId]:
        """Return the live attempts of ``workflow``, oldest first."""
        return [n for n, one in sorted(self.attempts.items()) if one.key[0] == workflow and one.outcome is None]

    def holder(self, key: Key) -> AttemptId | None:
        """Return the live attempt of ``key``."""
        return next((n for n, one in self.attempts.items() if one.key == key and one.outcome is None), None)

    def in_status(
        self, workflow: str, statuses: Collection[Status], among: Iterable[RecordId] | None = None
    ) -> list[RecordId]:
        """Return the records of ``workflow`` in one of ``statuses``, by id; only those of ``among``."""
        wanted = None if among is None else set(among)
        return sorted(
            record_id
            for (of, record_id), record in self.records.items()
            if of == workflow and record.status in statuses and (wanted is None or record_id in wanted)
        )

    def claimable(self, workflow: str, among: Iterable[RecordId] | None = None) -> list[RecordId]:
        """Return the records that a claim may take."""
        return [n for n in self.in_status(workflow, {Status.QUEUED}, among) if self.records[workflow, n].due]

    def capacity(self, workflow: str, batch: int, max_in_flight: int) -> int:
        """Return how many records a claim may take."""
        return 0 if workflow in self.paused else max(0, min(batch, max_in_flight - len(self.live(workflow))))

    def claim(self, workflow: str, claimed: Iterable[tuple[AttemptId, RecordId]]) -> None:
        """Add each (attempt, record) as claimed."""
        for attempt_id, record_id in claimed:
            assert attempt_id not in self.attempts, f"attempt {attempt_id} was used twice"
            self.attempts[attempt_id] = Attempt((workflow, record_id))
            self.move((workflow, record_id), Status.PROCESSING)

    def move(self, key: Key, to: Status, *, code: str | None = None, due: bool = True, failed: bool = False) -> None:
        """Make one legal transition, with its consequences for the companion columns."""
        record = self.records[key]
        assert to in ALLOWED[record.status], (record.status, to)
        if Status.PROCESSING not in (record.status, to) or to is Status.COMPLETED:
            record.failures = 0
        record.failures += failed
        record.status, record.due = to, due and to is Status.QUEUED
        record.error_code = code if to is Status.ERROR else None

    def end(self, attempt_id: AttemptId, outcome: str, to: Status, *, code: str | None = None, due: bool = True,
            failed: bool = False) -> None:  # fmt: skip
        """End the live attempt and move its record."""
        attempt = self.attempts[attempt_id]
        assert attempt.outcome is None
        attempt.outcome = outcome
        self.move(attempt.key, to, code=code, due=due, failed=failed)

    def fail_again(self, attempt_id: AttemptId, outcome: str, code: str) -> None:
        """Count one failure: queue the record for later, or end it in Error at the last."""
        if self.records[self.attempts[attempt_id].key].failures + 1 >= MAX_FAILURES:
            self.end(attempt_id, outcome, Status.ERROR, code=code, failed=True)
        else:
            self.end(attempt_id, outcome, Status.QUEUED, due=False, failed=True)

    def recover(self, workflow: str, limit: int) -> list[AttemptId]:
        """Recover expired attempts; return them."""
        expired = [n for n in self.live(workflow) if self.attempts[n].expired][:limit]
        for attempt_id in expired:
            attempt = self.attempts[attempt_id]
            if attempt.started:
                self.fail_again(attempt_id, "lost", "lost_repeatedly")
            elif self.undelivered_in_a_row(attempt.key) + 1 >= UNDELIVERED_MAX:
                self.end(attempt_id, "undelivered", Status.ERROR, code="undeliverable")
            else:
                self.end(attempt_id, "undelivered", Status.QUEUED)
        return expired

    def undelivered_in_a_row(self, key: Key) -> int:
        """Return how many of the record's last ended attempts were never delivered."""
        ended = [one.outcome for _, one in sorted(self.attempts.items()) if one.key == key and one.outcome]
        return next((n for n, outcome in enumerate(reversed(ended)) if outcome != "undelivered"), len(ended))

    def queue(self, workflow: str, ids: Sequence[RecordId]) -> None:
        """Queue each of ``ids``."""
        for record_id in ids:
            self.move((workflow, record_id), Status.QUEUED)
