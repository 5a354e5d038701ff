"""A machine that presses every button of the status machine in any order, and compares the database with a model.

Hypothesis chooses: verbs in an order nobody would think of, on live, ended and unknown attempts; sends that fail wholly or
in part; workers that vanish at any statement; leases that run out; hands in the database. After each step the invariants
hold, and every record and attempt is as the model says. The same examples each time, told as they were found;
MACHINE_EXAMPLES=2000 tries as many new ones, and shortens one that fails to its essence.
"""

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine

from scrapersky.models import Status
from scrapersky.runtime.registry import SUBMISSION
from scrapersky.status import transitions
from scrapersky.status.workflow import Workflow
from tests.integration.machine import RESULT
from tests.integration.machine_deeds import NO_SUCH_ATTEMPT, Deeds
from tests.integration.machine_model import Key

EXAMPLES = os.environ.get("MACHINE_EXAMPLES")
FEW_RECORDS = 12
HALVES = ("due_at = now()", "due_at = NULL", "error_code = 'x'", "error_code = NULL", "error = 'x'", "failures = -1",
          "due_at = 'infinity'")  # fmt: skip

workflows = st.sampled_from(sorted(RESULT, key=lambda workflow: workflow.name))
few = st.integers(1, 4)
pick = st.integers(0, 29)
picks = st.lists(pick, min_size=1, max_size=4)


class Buttons(Deeds):
    """The rules, few and broad: Hypothesis leaves out some of them in each example."""

    def attempt(self, number: int) -> int:
        """Two of three times a live one, if there is any, else one of all that ever were, or one that never was."""
        among = (self.all_live() if number % 3 else []) or list(self.model.attempts) or [NO_SUCH_ATTEMPT]
        return among[number % len(among)]

    def key(self, number: int) -> Key:
        """A record in one workflow."""
        return list(self.model.records)[number % len(self.model.records)]

    def ids(self, numbers: list[int]) -> list[int]:
        """Some records' ids."""
        return [self.key(number)[1] for number in numbers]

    @initialize()
    def begin(self) -> None:
        """Domains queued in both their workflows, and sitemap files of the first."""
        for number in range(3):
            self.add_domain(Status.QUEUED)
            self.add_file(Status.QUEUED)
            self.hand_off(SUBMISSION, [number + 1], again=False)

    @precondition(lambda self: len(self.model.records) < FEW_RECORDS)
    @rule(status=st.sampled_from(sorted(transitions.CREATED)), domain=st.booleans())
    def a_record_is_made(self, status: Status, domain: bool) -> None:
        """By a router."""
        self.add_domain(status) if domain else self.add_file(status)

    @rule(
        workflow=workflows,
        batch=few,
        trouble=st.sampled_from(["none", "none", "some", "all", "raises", "lies", "vanishes", "vanishes before"]),
    )
    def a_tick_dispatches(self, workflow: Workflow, batch: int, trouble: str) -> None:
        """And its sends fail, or it vanishes."""
        if trouble == "vanishes before":
            self.claim_and_vanish_before_the_commit(workflow, batch)
        else:
            self.dispatch(workflow, batch, trouble)

    @rule(workflow=workflows, batch=few, max_in_flight=st.integers(2, 9), chosen=st.none() | picks)
    def somebody_claims(self, workflow: Workflow, batch: int, max_in_flight: int, chosen: list[int] | None) -> None:
        """As much as there is room for, or chosen records."""
        self.claim(workflow, batch, max_in_flight, None if chosen is None else self.ids(chosen))

    @rule(workflow=workflows, limit=few)
    def a_tick_recovers(self, workflow: Workflow, limit: int) -> None:
        """What was lost."""
        self.recover(workflow, limit)

    @rule(numbers=st.none() | picks)
    def messages_arrive(self, numbers: list[int] | None) -> None:
        """All that are live, or any: duplicates, ones from the past, one of nobody."""
        self.start(self.all_live() if numbers is None else [self.attempt(number) for number in numbers])

    @precondition(lambda self: self.model.attempts)
    @rule(
        number=pick,
        end=st.sampled_from(["complete", "complete", "fail", "retry", "snooze"]),
        vanish_after=st.sampled_from([None, None, None, 0, 1, 2, 3]),
    )
    def a_result_arrives(self, number: int, end: str, vanish_after: int | None) -> None:
        """In time or not; its worker may vanish between any two statements."""
        self.finish(self.attempt(number), end, vanish_after)

    @precondition(lambda self: self.model.attempts)
    @rule(workflow=workflows, numbers=picks, vanish=st.sampled_from([False, False, True]))
    def results_arrive_together(self, workflow: Workflow, numbers: list[int], vanish: bool) -> None:
        """Of one workflow's batch; late ones and strangers among them."""
        self.finish_together(sorted({self.attempt(number) for number in numbers}), workflow, vanish)

    @precondition(lambda self: self.model.attempts)
    @rule(workflow=workflows, numbers=picks, release=st.booleans())
    def messages_are_given_back(self, workflow: Workflow, numbers: list[int], release: bool) -> None:
        """Before their work began, or by the dead-letter queue."""
        if release:
            self.release(sorted({self.attempt(number) for number in numbers}), workflow)
        else:
            self.dead_letter(self.attempt(numbers[0]))

    @rule(what=st.sampled_from(["one lease", "all leases", "all fall due"]), number=pick)
    def time_passes(self, what: str, number: int) -> None:
        """A lease runs out, or a backoff is over; for one, or for all, as after an hour without a tick."""
        match what:
            case "one lease" if self.model.attempts:
                self.the_lease_runs_out(self.attempt(number))
            case "all leases":
                for attempt in self.all_live():
                    self.the_lease_runs_out(attempt)
            case "all fall due":
                for key in self.model.records:
                    self.it_falls_due(key)

    @rule(
        workflow=workflows,
        verb=st.sampled_from(
            ["requeue", "requeue", "requeue an error", "hand off", "hand off again", "cancel", "abandon", "pause"]
        ),
        chosen=picks,
        code=st.sampled_from(["code", "undeliverable", "lost_repeatedly", "abandoned", "dead_letter"]),
    )
    def a_person_acts(self, workflow: Workflow, verb: str, chosen: list[int], code: str) -> None:
        """With the product's own verbs."""
        ids = self.ids(chosen)
        match verb:
            case "requeue":
                self.requeue(workflow, ids, limit=3)
            case "requeue an error":
                self.requeue_an_error(workflow, code)
            case "hand off" | "hand off again":
                self.hand_off(workflow, ids, again=verb == "hand off again")
            case "cancel":
                self.cancel(workflow, ids)
            case "abandon":
                self.abandon(workflow, ids)
            case "pause":
                self.pause_or_resume(workflow)

    @rule(
        what=st.sampled_from([*Status, *HALVES, "attempt", "pair", "history"]),
        number=pick,
    )
    def a_hand_writes_sql(self, what: str, number: int) -> None:
        """Legal or not."""
        if what in set(Status):
            self.write_a_status_by_hand(self.key(number), Status(what))
        elif what == "attempt" and self.model.attempts:
            self.add_a_second_live_attempt_by_hand(self.attempt(number))
        elif what == "pair" and self.model.attempts:
            self.tear_a_pair_apart_by_hand(self.attempt(number))
        elif what == "history":
            self.rewrite_history_by_hand()
        elif what in HALVES:
            self.write_half_a_state_by_hand(self.key(number), what)


@pytest.mark.timeout(3_600 if EXAMPLES else 300)
def test_no_order_of_verbs_crashes_and_hands_breaks_the_machine(engine: Engine) -> None:
    run_state_machine_as_test(
        partial(Buttons, engine),  # type: ignore[arg-type] # called once an example, as a class would be
        settings=settings(
            max_examples=int(EXAMPLES or 40),
            stateful_step_count=80,
            derandomize=EXAMPLES is None,
            phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=EXAMPLES is not None,
        ),
    )
