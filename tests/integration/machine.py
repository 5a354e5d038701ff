"""The base of the Hypothesis machine: a database, a model of it, and their comparison after every step."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Connection, Engine, text

from scrapersky.models import Base
from scrapersky.runtime.registry import IMPORT, METADATA, SUBMISSION, WORKFLOWS
from scrapersky.status import transitions
from scrapersky.status.invariants import BREACHES
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, Status
from tests.integration.machine_model import Attempt, Key, Model, Record
from tests.records import triggers_disabled

RESULT = {METADATA: "title", SUBMISSION: "description", IMPORT: "etag"}
"""The workflows under test (two of them on the same row), and the column that a job of each writes."""

FIND_BREACHES = text(" UNION ALL ".join(f"({workflow.sql(BREACHES)})" for workflow in RESULT))

READ_RECORDS = text(
    " UNION ALL ".join(
        workflow.sql(
            "SELECT {workflow}, id, CAST({status} AS text), {failures}, {error_code}, coalesce({due_at} <= now(), false),"
            f" {result} FROM {{table}}"
        )
        for workflow, result in RESULT.items()
    )
)

READ_ATTEMPTS = text(
    "SELECT attempt_id, workflow, record_id, started_at IS NOT NULL, lease_until < now(), outcome FROM attempts"
)


class Died(BaseException):
    """The process has died: nothing catches this, and nothing after it runs."""


class Machine(RuleBasedStateMachine):
    """Compares a database with a model. ``engine``: of a database that this machine may empty."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.connection: Connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with triggers_disabled(self.connection):
            self.connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))
        self.model = Model()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction as the runtime does: rolled back by any exception, a died process included."""
        self.connection.exec_driver_sql("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.exec_driver_sql("ROLLBACK")
            raise
        self.connection.exec_driver_sql("COMMIT")

    def workflow(self, attempt_id: AttemptId) -> Workflow:
        """Return the workflow of the attempt."""
        return WORKFLOWS[self.model.attempts[attempt_id].key[0]]

    def all_live(self) -> list[AttemptId]:
        """Return the live attempts of all workflows."""
        return [n for n, one in self.model.attempts.items() if one.outcome is None]

    def is_live(self, attempt_id: AttemptId) -> bool:
        """Return whether the attempt is live in the model."""
        return self.model.attempts[attempt_id].outcome is None

    @invariant()
    def no_invariant_is_broken(self) -> None:
        """Run the product's own query."""
        assert self.connection.execute(FIND_BREACHES, {"limit": 10}).all() == []

    @invariant()
    def every_record_equals_the_model(self) -> None:
        """Compare status, failures, code, whether it may be claimed, and which attempt wrote its result."""
        stored = {
            (workflow, record_id): Record(Status(status), *rest)
            for workflow, record_id, status, *rest in self.connection.execute(READ_RECORDS)
        }
        assert stored == self.model.records

    @invariant()
    def every_attempt_equals_the_model(self) -> None:
        """Compare record, start, expiry and outcome; an ended attempt never changes."""
        stored = {
            attempt_id: Attempt((workflow, record_id), *rest)
            for attempt_id, workflow, record_id, *rest in self.connection.execute(READ_ATTEMPTS)
        }
        assert stored == self.model.attempts

    def teardown(self) -> None:
        """Check that each history is an unbroken chain of legal transitions up to the present status."""
        steps = self.connection.execute(
            text("SELECT workflow, record_id, from_status, to_status FROM status_events ORDER BY event_id")
        ).all()
        last: dict[Key, Status] = {}
        for workflow, record_id, before, after in steps:
            key = (workflow, record_id)
            assert before is None or before == last.get(key, Status.NEW), (key, before, last.get(key))
            assert after in (transitions.ALLOWED[Status(before)] if before else transitions.CREATED)
            last[key] = Status(after)
        assert last == {key: record.status for key, record in self.model.records.items() if key in last}
        assert all(record.status is Status.NEW for key, record in self.model.records.items() if key not in last)
        self.connection.close()
