"""The system: a schedule that claims, a queue, environments that grow as Lambda lets them, and a database behind all.

What is modelled, and from where:

- a tick claims ``min(batch, max in flight − live)``, one tick at a time, every interval (ours);
- the event source hands out at most ``together`` tickets, to at most ``concurrency`` environments; it starts with 5 and
  adds 300 a minute (AWS Lambda Developer Guide, "Scaling behavior for standard queues"), never more than 1,250;
- an environment works on its tickets at once (at most ``inside``), its processor a share of a core by its memory
  (1,769 MB is one core), and holds one database connection for as long as it lives;
- a site may be asked by so many at once; records of one host wait for their turn;
- the database has so many cores, and refuses connections beyond its limit.

What is not: failures and retries, network time between function and database, the time a query waits for locks.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.simulation.clock import Clock
from scripts.simulation.costs import Wait, Work
from scripts.simulation.servers import Servers

CORE_MB = 1_769
RAMP_START, RAMP_A_MINUTE, RAMP_MOST = 5, 300, 1_250


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator chooses."""

    batch: int = 50
    interval: float = 60.0
    max_in_flight: int = 500
    concurrency: int = 10
    together: int = 10
    inside: int = 10
    memory_mb: int = 512
    database_cores: int = 2
    database_connections: int = 200
    per_host: int = 2
    hosts: int | None = None  #: how many hosts the records share; None: each has its own
    ramp: bool = True  #: AWS's; without, all environments are there from the start
    shared_cores: int | None = None  #: for checking: function and database share one machine's cores


@dataclass
class Measured:
    """What came of it."""

    seconds: float = 0.0
    done: int = 0
    waits: list[float] = field(default_factory=list)
    invocations: int = 0
    billed_seconds: float = 0.0
    cold_starts: int = 0
    most_live: int = 0
    most_environments: int = 0
    refused_connections: int = 0
    ticks: int = 0
    database_busy: float = 0.0
    claimed_less_than_batch: int = 0
    environments_busy: float = 0.0
    processor_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Records done a second."""
        return self.done / self.seconds if self.seconds else 0.0


class System:
    """One run: ``records`` queued at the start, until all are done or ``until`` seconds have passed."""

    def __init__(self, settings: Settings, work: Work, wait: Wait, records: int, seed: int = 1) -> None:
        self.settings = settings
        self.measured = Measured()
        self._work, self._wait, self._records = work, wait, records
        self._rng = random.Random(seed)
        self._clock = Clock()
        cores = settings.shared_cores
        self._shared = Servers(self._clock, cores) if cores else None
        self._database = self._shared or Servers(self._clock, settings.database_cores)
        self._queued = records
        self._live = 0
        self._tickets: deque[int] = deque()
        self._idle: list[_Environment] = []
        self._environments = 0
        self._running = 0
        self._looks_again = False
        self._hosts: Counter[int] = Counter()
        self._at_door: dict[int, deque[Callable[[], None]]] = {}

    def run(self, until: float = float("inf")) -> Measured:
        """Lets it run."""
        if not self.settings.ramp:
            for _ in range(self.settings.concurrency):
                self._idle.append(self._new_environment())
        self._tick()
        self._clock.run(until)
        told = self.measured
        told.seconds = self._clock.now
        told.database_busy = self._database.busy_share(told.seconds)
        capacity = self.settings.concurrency * told.seconds
        told.environments_busy = told.billed_seconds / capacity if capacity else 0.0
        return told

    def _tick(self) -> None:
        settings, told = self.settings, self.measured
        told.ticks += 1
        claimed = min(settings.batch, settings.max_in_flight - self._live, self._queued)
        if claimed < min(settings.batch, self._queued):
            told.claimed_less_than_batch += 1
        self._queued -= claimed
        self._live += claimed
        told.most_live = max(told.most_live, self._live)
        first = self._records - self._queued - claimed
        self._tickets.extend(range(first + 1, first + claimed + 1))
        self._hand_out()
        if self._queued:
            self._clock.after(settings.interval, self._tick)

    def _allowed(self) -> int:
        if not self.settings.ramp:
            return self.settings.concurrency
        grown = RAMP_START + RAMP_A_MINUTE * self._clock.now / 60
        return int(min(self.settings.concurrency, RAMP_MOST, grown))

    def _hand_out(self) -> None:
        while self._tickets and self._running < self._allowed():
            environment = self._idle.pop() if self._idle else self._cold_environment()
            if environment is None:
                break
            self._running += 1
            together = min(self.settings.together, len(self._tickets))
            environment.invoke([self._tickets.popleft() for _ in range(together)])
        if self._tickets and self._running < self.settings.concurrency and not self._looks_again:
            self._looks_again = True
            self._clock.after(1.0, self._look_again)

    def _look_again(self) -> None:
        """The ramp lets more in later."""
        self._looks_again = False
        self._hand_out()

    def _at_the_site(self, number: int, then: Callable[[], None]) -> None:
        """Waits for the record's host to be free, then as long as it takes."""
        settings = self.settings
        seconds = self._wait(self._rng)
        if settings.hosts is None:
            self._clock.after(seconds, then)
            return
        host = number % settings.hosts

        def leave() -> None:
            if waiting := self._at_door.get(host):
                waiting.popleft()()
            else:
                self._hosts[host] -= 1
            then()

        def enter() -> None:
            self._clock.after(seconds, leave)

        if self._hosts[host] < settings.per_host:
            self._hosts[host] += 1
            enter()
        else:
            self._at_door.setdefault(host, deque()).append(enter)

    def _cold_environment(self) -> "_Environment | None":
        if self._environments >= self.settings.database_connections:
            self.measured.refused_connections += 1
            return None
        self.measured.cold_starts += 1
        environment = self._new_environment()
        environment.cold = True
        return environment

    def _new_environment(self) -> "_Environment":
        self._environments += 1
        self.measured.most_environments = max(self.measured.most_environments, self._environments)
        return _Environment(self)


class _Environment:
    """One execution environment: one invocation at a time, its records at once."""

    def __init__(self, system: System) -> None:
        self._system = system
        settings = system.settings
        share = settings.memory_mb / CORE_MB
        self._processor = system._shared or Servers(system._clock, max(1, int(share)), min(1.0, share))
        self.cold = False

    def invoke(self, tickets: list[int]) -> None:
        system = self._system
        began = system._clock.now
        system.measured.invocations += 1
        waiting, unfinished = deque(tickets), len(tickets)
        inside = 0

        def next_record() -> None:
            nonlocal inside
            while waiting and inside < system.settings.inside:
                inside += 1
                number = waiting.popleft()
                system._at_the_site(number, lambda: self._processor.serve(system._work.function_seconds, to_database))

        def to_database() -> None:
            system.measured.processor_seconds += system._work.function_seconds
            system._database.serve(system._work.database_seconds, done)

        def done() -> None:
            nonlocal inside, unfinished
            inside -= 1
            unfinished -= 1
            system._live -= 1
            system.measured.done += 1
            system.measured.waits.append(system._clock.now)
            if unfinished:
                next_record()
            else:
                system.measured.billed_seconds += system._clock.now - began
                system._running -= 1
                system._idle.append(self)
                system._hand_out()

        first = system._work.invocation_seconds + (system._work.cold_start_seconds if self.cold else 0.0)
        self.cold = False
        self._processor.serve(first, next_record)
