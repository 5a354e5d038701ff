"""The plan: how much, how long and how bad. Rates are from 0 to 1."""

from dataclasses import dataclass

from tests.chaos.client import Trouble
from tests.chaos.sqs import Mischief

WITH_MESSAGES = Mischief(duplicate=0.03, resurrect=0.02, reorder=0.3, linger=0.03, linger_seconds=9_000.0)
WITH_LETTERS = Mischief(duplicate=0.05, resurrect=0.05, reorder=0.5, linger=0.5, linger_seconds=9_000.0)
WITH_CALLS = Trouble(entry_fails=0.01, call_fails=0.02, answer_lost=0.01, corrupt=0.004)


@dataclass(frozen=True)
class Plan:
    """One chaos run. The seed fixes every draw; how processes race each other stays the machine's own."""

    seed: int = 1
    deliveries: int = 20_000  #: messages handed to handlers before everything may calm down
    records: int = 2_500  #: each goes through several cycles
    environments: int = 4  #: execution environments of the service; a quarter of them behind the proxy
    time_limit: float = 900.0  #: real seconds after which the run gives up, and has failed

    kill_in_a_batch: float = 0.10
    kill_in_a_tick: float = 0.30
    kill_in_a_dead_letter: float = 0.10
    kill_from_outside: float = 0.004  #: each time somebody is busy
    freeze: float = 0.06
    freeze_seconds: float = 1_200.0  #: virtual, at most; a work lease is 210
    thaw: float = 0.8  #: a frozen environment goes on; otherwise it is killed
    cursed_message: float = 0.002  #: kills whoever is about to start it, each time
    message_from_the_past: float = 0.25  #: a batch is followed by one to three
    garbage: float = 0.01
    twin_tick: float = 0.2
    operator: float = 0.5  #: a tick is followed by an operator's requeue, abandon, cancel or pause
    hand_written_sql: float = 0.5  #: a tick is followed by an illegal statement

    terminate_every: int = 400  #: deliveries between two cut backends
    restart_every: int = 3_500  #: deliveries between two restarts of Postgres, politely and by a crash in turn
    black_hole_every: int = 2_500
    black_hole_seconds: float = 3.0  #: real
    warp_every: int = 3_000  #: deliveries between two leaps of the clock beyond the dispatch lease

    messages: Mischief = WITH_MESSAGES
    letters: Mischief = WITH_LETTERS
    trouble: Trouble = WITH_CALLS

    tick_seconds: float = 60.0  #: virtual, between two ticks
    batch_size: int = 250
    max_in_flight: int = 1_000
    invocation_limit: float = 20.0  #: real seconds after which Lambda kills an invocation
    drain_rounds: int = 400
    drain_seconds: float = 300.0  #: virtual, between two rounds

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment, but for its database: production's defaults, except for what a fast run needs."""
        return {
            "STAGE": "chaos",
            "QUEUE_URL": "https://sqs.chaos/messages",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "DOMAIN_SCHEDULER_BATCH_SIZE": str(self.batch_size),
            "DOMAIN_SCHEDULER_MAX_IN_FLIGHT": str(self.max_in_flight),
            "DATABASE_STATEMENT_TIMEOUT_SECONDS": "3",
            "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
        }
