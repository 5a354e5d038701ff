"""A Hypothesis state machine runs every verb in any order and compares the database with a model.

Hypothesis chooses verbs on live, ended and unknown attempts, sends that fail completely or in part, workers that die
at any statement, leases that end, and manual SQL. After each step the invariants hold, and every record and attempt
equals the model. The examples are the same in each run; MACHINE_EXAMPLES=2000 tries as many new ones and shrinks a
failing one.
"""

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine

from scrapersky.runtime.registry import SUBMISSION
from scrapersky.status import transitions
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status
from tests.integration.machine import RESULT
from tests.integration.machine_model import Key
from tests.integration.machine_services import NO_SUCH_ATTEMPT, ServiceActions

EXAMPLES = os.environ.get("MACHINE_EXAMPLES")
FEW_RECORDS = 12
ASSIGNMENTS = ("due_at = now()", "due_at = NULL", "error_code = 'x'", "error_code = NULL", "error = 'x'", "failures = -1",
          "due_at = 'infinity'")  # fmt: skip

workflows = st.sampled_from(sorted(RESULT, key=lambda workflow: workflow.name))
few = st.integers(1, 4)
pick = st.integers(0, 29)
picks = st.lists(pick, min_size=1, max_size=4)


class StatusMachine(ServiceActions):
    """The rules: few and broad, because Hypothesis leaves out some of them in each example."""

    def attempt(self, number: int) -> AttemptId:
        """Return two of three times a live attempt if there is one, otherwise any attempt, or an unknown one."""
        among = (self.all_live() if number % 3 else []) or list(self.model.attempts) or [NO_SUCH_ATTEMPT]
        return among[number % len(among)]

    def key(self, number: int) -> Key:
        """Return a record in one workflow."""
        return list(self.model.records)[number % len(self.model.records)]

    def ids(self, numbers: list[int]) -> list[RecordId]:
        """Return the ids of some records."""
        return [self.key(number)[1] for number in numbers]

    @initialize()
    def begin(self) -> None:
        """Add domains queued in both their workflows, and sitemap files."""
        for number in range(3):
            self.add_domain(Status.QUEUED)
            self.add_file(Status.QUEUED)
            self.hand_off(SUBMISSION, [RecordId(number + 1)], again=False)

    @precondition(lambda self: len(self.model.records) < FEW_RECORDS)
    @rule(status=st.sampled_from(sorted(transitions.CREATED)), domain=st.booleans())
    def create_record(self, status: Status, domain: bool) -> None:
        """Create a record as a router does."""
        self.add_domain(status) if domain else self.add_file(status)

    @rule(
        workflow=workflows,
        batch=few,
        fault=st.sampled_from(["none", "none", "some", "all", "error", "false error", "death", "death before commit"]),
    )
    def tick_dispatches(self, workflow: Workflow, batch: int, fault: str) -> None:
        """Dispatch, with failing sends or a dying process."""
        if fault == "death before commit":
            self.claim_and_die_before_the_commit(workflow, batch)
        else:
            self.dispatch(workflow, batch, fault)

    @rule(workflow=workflows, batch=few, max_in_flight=st.integers(2, 9), chosen=st.none() | picks)
    def claim_records(self, workflow: Workflow, batch: int, max_in_flight: int, chosen: list[int] | None) -> None:
        """Claim what the capacity allows, or chosen records."""
        self.claim(workflow, batch, max_in_flight, None if chosen is None else self.ids(chosen))

    @rule(workflow=workflows, limit=few)
    def tick_recovers(self, workflow: Workflow, limit: int) -> None:
        """Recover expired attempts."""
        self.recover(workflow, limit)

    @rule(numbers=st.none() | picks)
    def messages_are_received(self, numbers: list[int] | None) -> None:
        """Receive the messages of all live attempts, or of any: duplicates, stale ones, an unknown one."""
        self.start(self.all_live() if numbers is None else [self.attempt(number) for number in numbers])

    @precondition(lambda self: self.model.attempts)
    @rule(
        number=pick,
        end=st.sampled_from(["complete", "complete", "fail", "retry", "snooze"]),
        die_after=st.sampled_from([None, None, None, 0, 1, 2, 3]),
    )
    def result_is_saved(self, number: int, end: str, die_after: int | None) -> None:
        """Save a result, live or stale; the worker may die between any two statements."""
        self.finish(self.attempt(number), end, die_after)

    @precondition(lambda self: self.model.attempts)
    @rule(workflow=workflows, numbers=picks, die=st.sampled_from([False, False, True]))
    def results_are_saved_together(self, workflow: Workflow, numbers: list[int], die: bool) -> None:
        """Save results of one workflow's batch, stale ones and those of other workflows among them."""
        self.finish_together(sorted({self.attempt(number) for number in numbers}), workflow, die)

    @precondition(lambda self: self.model.attempts)
    @rule(workflow=workflows, numbers=picks, release=st.booleans())
    def messages_are_released_or_dead_lettered(self, workflow: Workflow, numbers: list[int], release: bool) -> None:
        """Release attempts before their start, or receive a dead letter."""
        if release:
            self.release(sorted({self.attempt(number) for number in numbers}), workflow)
        else:
            self.dead_letter(self.attempt(numbers[0]))

    @rule(what=st.sampled_from(["one lease", "all leases", "all fall due"]), number=pick)
    def time_passes(self, what: str, number: int) -> None:
        """End one lease, or all leases or backoffs, as an hour without a tick does."""
        match what:
            case "one lease" if self.model.attempts:
                self.expire(self.attempt(number))
            case "all leases":
                for attempt in self.all_live():
                    self.expire(attempt)
            case "all fall due":
                for key in self.model.records:
                    self.make_due(key)

    @rule(
        workflow=workflows,
        verb=st.sampled_from(
            ["requeue", "requeue", "requeue error code", "hand off", "hand off again", "cancel", "abandon", "pause"]
        ),
        chosen=picks,
        code=st.sampled_from(["code", "undeliverable", "lost_repeatedly", "abandoned", "dead_letter"]),
    )
    def operator_acts(self, workflow: Workflow, verb: str, chosen: list[int], code: str) -> None:
        """Use the operator's verbs."""
        ids = self.ids(chosen)
        match verb:
            case "requeue":
                self.requeue(workflow, ids, limit=3)
            case "requeue error code":
                self.requeue_error_code(workflow, code)
            case "hand off" | "hand off again":
                self.hand_off(workflow, ids, again=verb == "hand off again")
            case "cancel":
                self.cancel(workflow, ids)
            case "abandon":
                self.abandon(workflow, ids)
            case "pause":
                self.pause_or_resume(workflow)

    @rule(
        what=st.sampled_from([*Status, *ASSIGNMENTS, "attempt", "pair", "history"]),
        number=pick,
    )
    def manual_sql(self, what: str, number: int) -> None:
        """Run legal and illegal statements."""
        if what in set(Status):
            self.write_status(self.key(number), Status(what))
        elif what == "attempt" and self.model.attempts:
            self.add_second_live_attempt(self.attempt(number))
        elif what == "pair" and self.model.attempts:
            self.separate_attempt_and_record(self.attempt(number))
        elif what == "history":
            self.rewrite_history()
        elif what in ASSIGNMENTS:
            self.write_companion(self.key(number), what)


@pytest.mark.timeout(3_600 if EXAMPLES else 300)
def test_no_order_of_verbs_crashes_and_manual_sql_breaks_the_machine(engine: Engine) -> None:
    run_state_machine_as_test(
        partial(StatusMachine, engine),  # type: ignore[arg-type] # called once per example, like a class
        settings=settings(
            max_examples=int(EXAMPLES or 25),
            stateful_step_count=80,
            derandomize=EXAMPLES is None,
            phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=EXAMPLES is not None,
        ),
    )
