"""The plan of a run: how much, how long, and how often each fault occurs. Rates are from 0 to 1."""

from dataclasses import dataclass

from tests.chaos.client import CallFaults
from tests.chaos.sqs import DeliveryFaults

MESSAGES = DeliveryFaults(duplicate=0.03, undelete=0.02, reorder=0.3, delay=0.03, delay_seconds=9_000.0)
DEAD_LETTERS = DeliveryFaults(duplicate=0.05, undelete=0.05, reorder=0.5, delay=0.5, delay_seconds=9_000.0)
CALLS = CallFaults(entry_fails=0.01, call_fails=0.02, answer_lost=0.01, corrupt=0.004)


@dataclass(frozen=True)
class Plan:
    """One chaos run. The seed fixes every random choice, but not how the processes race each other."""

    seed: int = 1
    deliveries: int = 20_000  #: messages delivered before the faults stop
    records: int = 2_500  #: each is worked on several times
    environments: int = 4  #: execution environments of the service; a quarter of them behind the proxy
    time_limit: float = 900.0  #: real seconds after which the run has failed

    kill_in_batch: float = 0.10
    kill_in_tick: float = 0.30
    kill_in_dead_letter: float = 0.10
    kill_from_outside: float = 0.004  #: at each step while an environment is busy
    freeze: float = 0.06
    freeze_seconds: float = 1_200.0  #: virtual, at most; a work lease is 210
    resume: float = 0.8  #: a frozen environment is resumed; otherwise it is killed
    poison_message: float = 0.002  #: kills each environment that is about to start it
    old_messages: float = 0.25  #: after a batch, one to three earlier messages are sent again
    garbage: float = 0.01
    double_tick: float = 0.2
    operator: float = 0.5  #: after a tick, an operator runs, processes, requeues, abandons, cancels or pauses
    manual_sql: float = 0.5  #: after a tick, an illegal statement is tried

    terminate_every: int = 400  #: deliveries between two terminated backends
    restart_every: int = 3_500  #: deliveries between two restarts of Postgres, clean or by a crash
    black_hole_every: int = 2_500
    black_hole_seconds: float = 3.0  #: real
    time_jump_every: int = 3_000  #: deliveries between two jumps of the clock beyond the dispatch lease

    messages: DeliveryFaults = MESSAGES
    dead_letters: DeliveryFaults = DEAD_LETTERS
    calls: CallFaults = CALLS

    tick_seconds: float = 60.0  #: virtual, between two ticks
    batch_size: int = 250
    max_in_flight: int = 1_000
    invocation_limit: float = 20.0  #: real seconds after which Lambda kills an invocation
    drain_rounds: int = 400
    drain_seconds: float = 300.0  #: virtual, between two rounds

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment without its database: defaults, except for what makes the run fast."""
        return {
            "STAGE": "chaos",
            "QUEUE_URL": "https://sqs.chaos/messages",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "DOMAIN_SCHEDULER_BATCH_SIZE": str(self.batch_size),
            "DOMAIN_SCHEDULER_MAX_IN_FLIGHT": str(self.max_in_flight),
            # Pulls by tens, and only in the first half second of an invocation, so that messages get their share.
            "DOMAIN_SCHEDULER_RECORDS_AT_ONCE": "10",
            "DOMAIN_SCHEDULER_PULL_MINIMUM_SECONDS": "179.5",
            "DATABASE_STATEMENT_TIMEOUT_SECONDS": "3",
            "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
        }
