"""A chaos run: deliver messages with faults, stop the faults, work off the queues, and check the database.

This process plays EventBridge, SQS and Lambda's control plane. The handlers run in processes of their own, which are
killed and frozen at crash points. Virtual time passes here, for queues, leases, due dates and pauses alike.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.run.postgres import Postgres
from tests.chaos import effects
from tests.chaos.client import CallFaults, Client
from tests.chaos.crash_points import Interrupt, InterruptPlan
from tests.chaos.database import AdminConnection, pass_time
from tests.chaos.environment import Invoke
from tests.chaos.event_source import Batch, EventSourceMapping
from tests.chaos.faults import FaultInjector, queue_records, requeue
from tests.chaos.plan import Plan
from tests.chaos.pool import Died, Environment, Invocation, Pool, Returned
from tests.chaos.proxy import Proxy
from tests.chaos.results import ENDED, UNEXPLAINED, Result, check_database
from tests.chaos.sqs import NO_FAULTS, Clock, Queue

TICK: dict[str, object] = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}
BEYOND_DISPATCH_LEASE = 7_300.0
MAX_FROZEN = 2
GARBAGE = ("", "null", '{"v": 1}', "\x00", '{"v":1,"workflow":"metadata","attempt_id":-1}')
EXPLAINED = frozenset(
    {"TickFailed", "InterfaceError", "OperationalError", "DatabaseError", "DBAPIError", "ProgrammingError", "SqsError"}
)
"""Exceptions that a handler may raise because its database or queue was away. Which of SQLAlchemy's depends on the
moment: a
server that shuts down refuses a new connection (57P03) as DatabaseError and ends an open one as InterfaceError."""

OVERTAKEN = text("""
SELECT EXISTS (
    SELECT FROM attempts AS live JOIN attempts AS lost USING (workflow, record_id)
    WHERE live.outcome IS NULL AND live.attempt_id > lost.attempt_id AND lost.request_id = :request_id
)""")
"""Whether a record of this invocation has a live attempt of another: now a late result would do harm."""


class OutOfTime(RuntimeError):
    """The run's time limit passed before the queues were empty."""


def run_chaos(plan: Plan, directory: Path, report: Callable[[str], None] = lambda _: None) -> Result:
    """Run ``plan`` with a Postgres in ``directory``; ``report`` gets the progress. Raise :class:`OutOfTime`."""
    with prepared(directory) as (postgres, proxy, url):
        return Run(plan, postgres, proxy, url, report).carry_out()


@contextmanager
def prepared(directory: Path) -> Iterator[tuple[Postgres, Proxy, str]]:
    """Yield a Postgres with the product's schema and the table of effects, and a proxy in front of it."""
    with Postgres.start(directory) as postgres:
        url = postgres.create_database("chaos")
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
            effects.install(connection)
            # Warning: the launcher's server may lose its last commits in a crash; then attempt ids would be used twice.
            connection.execute(text("ALTER DATABASE chaos SET synchronous_commit = on"))
        with Proxy.before(postgres.port) as proxy:
            yield postgres, proxy, url


class Run:
    """One chaos run on a prepared database."""

    def __init__(self, plan: Plan, postgres: Postgres, proxy: Proxy, url: str, report: Callable[[str], None]) -> None:
        self._plan = plan
        self._report = report
        self._rng = self._random("run")
        self._clock = Clock()
        self._queues = messages, dead_letters = self._make_queues()
        self._client = Client({messages.url: messages}, plan.calls, self._random("client"))
        self._messages = EventSourceMapping(messages, batch_size=10, maximum_concurrency=max(2, plan.environments))
        self._dead_letters = EventSourceMapping(dead_letters, batch_size=10, maximum_concurrency=2)
        self._admin = AdminConnection(url)
        self._faults = FaultInjector(plan, postgres, proxy, self._admin)
        self._pool = Pool(self._client, plan.seed, plan.invocation_limit)
        through_proxy = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
        for number in range(plan.environments):
            address = through_proxy if number % 4 == 3 else url
            pull = {"DOMAIN_SCHEDULER_PULL": str(number % 2 == 1)}
            self._pool.add("domain-scheduler", {**plan.variables, **pull, "DATABASE_URL": address})
        self._pool.add("dead-letter", {**plan.variables, "DATABASE_URL": url})
        self._requests = 0
        self._ticks_wanted = 0
        self._payloads: list[dict[str, object]] = []
        self._resume_at: dict[Environment, tuple[float, bool]] = {}
        self._jump_at = plan.time_jump_every
        self._inject = True
        self._began = time.monotonic()
        self.kills: Counter[str] = Counter()
        self._interrupts = InterruptPlan(plan, self.kills)
        self.happened: Counter[str] = Counter()
        self.observed: Counter[str] = Counter()

    @property
    def deliveries(self) -> int:
        """The messages delivered to handlers so far."""
        return self._messages.counts["deliveries"] + self._dead_letters.counts["deliveries"]

    def carry_out(self) -> Result:
        """Run with faults, drain and check. Raise :class:`OutOfTime`."""
        try:
            self._admin.do(queue_records(self._plan.records))
            self._run_with_faults()
            self._drain()
        finally:
            self._pool.close()
        database = self._admin.do(check_database)
        messages, dead_letters = self._queues
        for prefix, counts in (
            ("", self._faults.counts),
            ("", self._pool.counts),
            ("", self._client.counts),
            ("messages ", messages.counts),
            ("dead letters ", dead_letters.counts),
            ("mapping ", self._messages.counts),
        ):
            self.happened.update({f"{prefix}{name}": number for name, number in counts.items()})
        seconds = time.monotonic() - self._began
        return Result(
            self._plan, database, self.deliveries, seconds, self._clock.now, self.kills, self.happened, self.observed
        )

    def _random(self, name: str) -> random.Random:
        return random.Random(f"{self._plan.seed}:{name}")

    def _make_queues(self) -> tuple[Queue, Queue]:
        plan, name = self._plan, "dead letters"
        dead_letters = Queue(name, self._clock, 540.0, 1_209_600.0, faults=plan.dead_letters, rng=self._random(name))
        messages = Queue(
            "messages",
            self._clock,
            1_080.0,
            dead_letters=dead_letters,
            max_receive_count=5,
            faults=plan.messages,
            rng=self._random("messages"),
        )
        return messages, dead_letters

    # With faults

    def _run_with_faults(self) -> None:
        while self.deliveries < self._plan.deliveries:
            self._faults.inject(self.deliveries)
            if self.deliveries >= self._jump_at:
                self._jump_at += self._plan.time_jump_every
                self._pass_time(BEYOND_DISPATCH_LEASE)
                self.happened["jumps beyond the dispatch lease"] += 1
                self._report(f"{self.deliveries:,} deliveries, {sum(self.kills.values()):,} processes killed")
            self._resume_frozen()
            if not self._ticks_wanted and not self._ticking() and self._queues[0].visible() < 40:
                self._pass_time(self._plan.tick_seconds)
                self._ticks_wanted = 2 if self._rng.random() < self._plan.double_tick else 1
            self._start_invocations()
            self._serve()
            busy = self._pool.busy
            if busy and self._rng.random() < self._plan.kill_from_outside:
                self._rng.choice(busy).kill("from outside")
                self.happened["killed from outside"] += 1

    def _ticking(self) -> bool:
        return any(environment.invocation and environment.invocation.kind == "tick" for environment in self._pool.busy)

    def _pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._admin.do(lambda connection: pass_time(connection, seconds))

    def _resume_frozen(self) -> None:
        """Resume half of the environments as soon as another has their work, the others at a random moment."""
        for environment in self._pool.busy:
            if environment.frozen_at is None:
                continue
            if environment not in self._resume_at:
                until_overtaken = self._rng.random() < 0.5
                seconds = self._plan.freeze_seconds * (1 if until_overtaken else self._rng.random())
                self._resume_at[environment] = (self._clock.now + seconds, until_overtaken)
            at, until_overtaken = self._resume_at[environment]
            due = self._clock.now >= at or (until_overtaken and self._overtaken(environment))
            if due or not self._inject:
                del self._resume_at[environment]
                if self._rng.random() < self._plan.resume:
                    environment.resume()
                    self.happened["frozen and resumed"] += 1
                else:
                    environment.kill("while frozen")
                    self.happened["frozen and killed"] += 1

    def _overtaken(self, environment: Environment) -> bool:
        assert environment.invocation is not None
        request_id = environment.invocation.invoke.request_id
        return self._admin.do(
            lambda connection: bool(connection.execute(OVERTAKEN, {"request_id": request_id}).scalar())
        )

    # Invocations

    def _start_invocations(self) -> None:
        for environment in self._pool.idle("dead-letter"):
            batch = self._dead_letters.poll()
            if batch is None:
                break
            interrupts = self._interrupts.of_dead_letter() if self._inject else []
            self._invoke(environment, batch.event, "dead letters", interrupts, batch, self._dead_letters)
        for environment in self._pool.idle("domain-scheduler"):
            if self._ticks_wanted:
                self._ticks_wanted -= 1
                self._invoke(environment, TICK, "tick", self._interrupts.of_tick() if self._inject else [])
            elif self._payloads:
                self._invoke(environment, self._payloads.pop(), "payload", [])
            elif batch := self._messages.poll():
                frozen = sum(environment.frozen_at is not None for environment in self._pool.busy)
                interrupts = self._interrupts.of_batch(batch, frozen < MAX_FROZEN) if self._inject else []
                self._invoke(environment, batch.event, "batch", interrupts, batch, self._messages)
            else:
                break

    def _invoke(
        self,
        environment: Environment,
        event: dict[str, object],
        kind: str,
        interrupts: list[Interrupt],
        batch: Batch | None = None,
        source: EventSourceMapping | None = None,
    ) -> None:
        self._requests += 1
        self.happened[f"invocations: {kind}"] += 1
        environment.invoke(Invocation(Invoke(event, f"request-{self._requests}", interrupts), kind, batch, source))

    # Their ends

    def _serve(self) -> None:
        if time.monotonic() - self._began > self._plan.time_limit:
            raise OutOfTime(f"not at rest after {self._plan.time_limit:.0f} s and {self.deliveries} deliveries")
        for end in self._pool.serve(0.02):
            match end:
                case Died(invocation):
                    self._count_death(invocation)
                case Returned(invocation, answer):
                    self.observed.update(answer.counts)
                    if answer.error is not None:
                        self._count_error(invocation, answer.error)
                    if invocation.source is not None and invocation.batch is not None:
                        if answer.error is not None:
                            invocation.source.failed()
                        else:
                            invocation.source.answered(invocation.batch, answer.result)
                    self._follow_up(invocation)

    def _count_error(self, invocation: Invocation, error: str) -> None:
        kind = error.partition(":")[0]
        self.happened[f"raised in a {invocation.kind}: {kind if kind in EXPLAINED else error[:200]}"] += 1
        if kind not in EXPLAINED:
            self.happened[UNEXPLAINED] += 1

    def _count_death(self, invocation: Invocation | None) -> None:
        if invocation is None:
            return
        if invocation.source is not None:
            invocation.source.failed()
        planned = (interrupt.point for interrupt in invocation.invoke.interrupts)
        self.kills[f"{invocation.kind}: {invocation.killed_by or next(planned, 'unknown reason')}"] += 1

    def _follow_up(self, invocation: Invocation) -> None:
        """After a batch send old messages again; after a tick act as an operator and start the next cycle."""
        if not self._inject:
            return
        if invocation.kind == "batch":
            self._send_old_messages()
        elif invocation.kind == "tick":
            if self._rng.random() < self._plan.operator:
                self._payloads.append(self._faults.operator_payload())
            if self._rng.random() < self._plan.manual_sql:
                self._faults.try_illegal_sql()
            queued = self._admin.ids("status = 'Queued'", self._plan.batch_size)
            if len(queued) < self._plan.batch_size:
                again = requeue(self._admin.ids(ENDED, self._plan.batch_size) or [1])
                self._payloads += [again, again] if self._rng.random() < 0.2 else [again]

    def _send_old_messages(self) -> None:
        messages = self._queues[0]
        if self._client.archive and self._rng.random() < self._plan.old_messages:
            for _ in range(self._rng.randint(1, 3)):
                _, entry = self._rng.choice(self._client.archive)
                messages.send(entry["MessageBody"], entry["MessageAttributes"])
                self.happened["old messages sent"] += 1
        if self._rng.random() < self._plan.garbage:
            messages.send(self._rng.choice(GARBAGE))
            self.happened["garbage sent"] += 1

    # Draining

    def _drain(self) -> None:
        self._inject = False
        self._report("draining")
        self._faults.heal()
        self._client.faults = CallFaults()
        for queue in self._queues:
            queue.faults = NO_FAULTS
        self._payloads = []
        self._work_off()
        for _ in range(self._plan.drain_rounds):
            if cancelled := self._admin.ids("status = 'New'", 5_000):
                self._payloads.append(requeue(cancelled))
            self._pass_time(self._plan.drain_seconds)
            self._ticks_wanted = 1
            self._work_off()
            self.happened["rounds of draining"] += 1
            if not any(queue.size() for queue in self._queues) and not self._admin.ids(f"NOT {ENDED}", 1):
                return

    def _work_off(self) -> None:
        """Serve until every environment is idle and nothing is visible in the queues."""
        while True:
            self._resume_frozen()
            self._start_invocations()
            if not self._pool.busy and not self._ticks_wanted and not self._payloads:
                return
            self._serve()
