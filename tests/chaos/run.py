"""The run: rage until enough has been delivered, then calm down, drain, and let the database be judged.

This process plays EventBridge, SQS and Lambda's control plane; the handlers live in processes of their own, which die and
freeze at every named point. Virtual time passes here, for queues, leases, due dates and pauses alike.
"""

import random
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy import make_url

from scripts.commands.run.postgres import Postgres
from tests.chaos.client import Client, Trouble
from tests.chaos.clock import Clock
from tests.chaos.disasters import Disasters, queue_records, requeue
from tests.chaos.environment import Invoke
from tests.chaos.event_source import Batch, EventSourceMapping
from tests.chaos.lapse import lapse
from tests.chaos.orders import Orders
from tests.chaos.outcome import UNEXPLAINED, Outcome
from tests.chaos.overseer import Overseer
from tests.chaos.plan import Plan
from tests.chaos.points import Order
from tests.chaos.pool import Died, Environment, Pool, Returned, Work
from tests.chaos.proxy import Proxy
from tests.chaos.sqs import CALM, Queue
from tests.chaos.verdict import ENDED, judge

TICK: dict[str, object] = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}
BEYOND_THE_DISPATCH_LEASE = 7_300.0
AT_ONCE_FROZEN = 2
OF_DISASTERS = frozenset(
    {"TickFailed", "InterfaceError", "OperationalError", "DatabaseError", "DBAPIError", "ProgrammingError", "SqsError"}
)
"""Exceptions that a handler may raise here: its database or its queue was away. Which of SQLAlchemy's it is depends on
when: a server on its way down refuses a new connection (57P03) as DatabaseError, and ends an open one as InterfaceError."""


class OutOfTime(RuntimeError):
    """The run's time limit is over before everything came to rest."""


class Run:
    """One chaos run on a prepared database."""

    def __init__(self, plan: Plan, postgres: Postgres, proxy: Proxy, url: str, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._rng = random.Random(f"{plan.seed}:run")
        self._clock = Clock()
        letters = Queue("letters", self._clock, 540.0, 1_209_600.0, mischief=plan.letters, rng=self._draw("letters"))
        messages = Queue(
            "messages",
            self._clock,
            1_080.0,
            dead_letters=letters,
            max_receive_count=5,
            mischief=plan.messages,
            rng=self._draw("messages"),
        )
        self._queues = (messages, letters)
        self._client = Client({messages.url: messages}, plan.trouble, self._draw("client"))
        self._messages = EventSourceMapping(messages, batch_size=10, maximum_concurrency=max(2, plan.environments))
        self._letters = EventSourceMapping(letters, batch_size=10, maximum_concurrency=2)
        self._overseer = Overseer(url)
        self._disasters = Disasters(plan, postgres, proxy, self._overseer)
        self._pool = Pool(self._client, plan.seed, plan.invocation_limit)
        through_proxy = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
        for number in range(plan.environments):
            address = through_proxy if number % 4 == 3 else url
            self._pool.add("domain-scheduler", {**plan.variables, "DATABASE_URL": address})
        self._pool.add("dead-letter", {**plan.variables, "DATABASE_URL": url})
        self._requests = 0
        self._ticks_wanted = 0
        self._payloads: list[dict[str, object]] = []
        self._thaw_at: dict[Environment, float] = {}
        self._warp_at = plan.warp_every
        self._raging = True
        self._began = time.monotonic()
        self.kills: Counter[str] = Counter()
        self._orders = Orders(plan, self.kills)
        self.happened: Counter[str] = Counter()
        self.told: Counter[str] = Counter()

    @property
    def deliveries(self) -> int:
        """Messages handed to handlers so far."""
        return self._messages.counts["deliveries"] + self._letters.counts["deliveries"]

    def carry_out(self) -> Outcome:
        """Rages, drains and judges. Raises :class:`OutOfTime`."""
        try:
            self._overseer.do(queue_records(self._plan.records))
            self._rage()
            self._drain()
        finally:
            self._pool.close()
        verdict = self._overseer.do(judge)
        for counts in (
            self._disasters.counts,
            self._pool.counts,
            self._client.counts,
            Counter({f"messages {name}": number for name, number in self._queues[0].counts.items()}),
            Counter({f"letters {name}": number for name, number in self._queues[1].counts.items()}),
            Counter({f"mapping {name}": number for name, number in self._messages.counts.items()}),
        ):
            self.happened.update(counts)
        seconds = time.monotonic() - self._began
        return Outcome(
            self._plan, verdict, self.deliveries, seconds, self._clock.now, self.kills, self.happened, self.told
        )

    def _draw(self, name: str) -> random.Random:
        return random.Random(f"{self._plan.seed}:{name}")

    # Raging

    def _rage(self) -> None:
        while self.deliveries < self._plan.deliveries:
            self._disasters.strike(self.deliveries)
            if self.deliveries >= self._warp_at:
                self._warp_at += self._plan.warp_every
                self._pass(BEYOND_THE_DISPATCH_LEASE)
                self.happened["leaps beyond the dispatch lease"] += 1
                self._tell(f"{self.deliveries:,} deliveries, {sum(self.kills.values()):,} processes killed")
            self._thaw()
            if not self._ticks_wanted and not self._ticking() and self._queues[0].visible() < 40:
                self._pass(self._plan.tick_seconds)
                self._ticks_wanted = 2 if self._rng.random() < self._plan.twin_tick else 1
            self._start_work()
            self._listen()
            busy = self._pool.busy
            if busy and self._rng.random() < self._plan.kill_from_outside:
                self._rng.choice(busy).kill("from outside")
                self.happened["killed from outside"] += 1

    def _ticking(self) -> bool:
        return any(environment.work and environment.work.kind == "tick" for environment in self._pool.busy)

    def _pass(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._overseer.do(lambda connection: lapse(connection, seconds))

    def _thaw(self) -> None:
        for environment in self._pool.busy:
            if environment.held is None:
                continue
            at = self._thaw_at.setdefault(
                environment, self._clock.now + self._rng.uniform(0, self._plan.freeze_seconds)
            )
            if self._clock.now >= at or not self._raging:
                del self._thaw_at[environment]
                if self._rng.random() < self._plan.thaw:
                    environment.let_go()
                    self.happened["frozen and thawed"] += 1
                else:
                    environment.kill("while frozen")
                    self.happened["frozen and killed"] += 1

    # Work

    def _start_work(self) -> None:
        for environment in self._pool.idle("dead-letter"):
            batch = self._letters.poll()
            if batch is None:
                break
            orders = self._orders.of_a_dead_letter() if self._raging else []
            self._invoke(environment, batch.event, "letters", orders, batch, self._letters)
        for environment in self._pool.idle("domain-scheduler"):
            if self._ticks_wanted:
                self._ticks_wanted -= 1
                self._invoke(environment, TICK, "tick", self._orders.of_a_tick() if self._raging else [])
            elif self._payloads:
                self._invoke(environment, self._payloads.pop(), "payload", [])
            elif batch := self._messages.poll():
                frozen = sum(environment.held is not None for environment in self._pool.busy)
                orders = self._orders.of_a_batch(batch, frozen < AT_ONCE_FROZEN) if self._raging else []
                self._invoke(environment, batch.event, "batch", orders, batch, self._messages)
            else:
                break

    def _invoke(
        self,
        environment: Environment,
        event: dict[str, object],
        kind: str,
        orders: list[Order],
        batch: Batch | None = None,
        source: EventSourceMapping | None = None,
    ) -> None:
        self._requests += 1
        self.happened[f"invocations: {kind}"] += 1
        environment.invoke(Work(Invoke(event, f"request-{self._requests}", orders), kind, batch, source))

    # What comes of it

    def _listen(self) -> None:
        if time.monotonic() - self._began > self._plan.time_limit:
            raise OutOfTime(f"not at rest after {self._plan.time_limit:.0f} s and {self.deliveries} deliveries")
        for happened in self._pool.listen(0.02):
            match happened:
                case Died(work, _):
                    self._bury(work)
                case Returned(work, answer):
                    self.told.update(answer.counts)
                    if answer.error is not None:
                        self._note(work, answer.error)
                    if work.source is not None and work.batch is not None:
                        if answer.error is not None:
                            work.source.failed()
                        else:
                            work.source.answered(work.batch, answer.result)
                    self._after(work)

    def _note(self, work: Work, error: str) -> None:
        kind = error.partition(":")[0]
        self.happened[f"raised in a {work.kind}: {kind if kind in OF_DISASTERS else error[:200]}"] += 1
        if kind not in OF_DISASTERS:
            self.happened[UNEXPLAINED] += 1

    def _bury(self, work: Work | None) -> None:
        if work is None:
            return
        if work.source is not None:
            work.source.failed()
        point = work.killed_by or next((order.point for order in work.invoke.orders), "nobody knows why")
        self.kills[f"{work.kind}: {point}"] += 1

    def _after(self, work: Work) -> None:
        if not self._raging:
            return
        if work.kind == "batch":
            self._send_from_the_past()
        elif work.kind == "tick":
            if self._rng.random() < self._plan.operator:
                self._payloads.append(self._disasters.operate())
            if self._rng.random() < self._plan.hand_written_sql:
                self._disasters.type_by_hand()
            queued = self._overseer.ids("status = 'Queued'", self._plan.batch_size)
            if len(queued) < self._plan.batch_size:
                again = requeue(self._overseer.ids(ENDED, self._plan.batch_size) or [1])
                self._payloads += [again, again] if self._rng.random() < 0.2 else [again]

    def _send_from_the_past(self) -> None:
        messages = self._queues[0]
        if self._client.archive and self._rng.random() < self._plan.message_from_the_past:
            for _ in range(self._rng.randint(1, 3)):
                _, entry = self._rng.choice(self._client.archive)
                messages.send(entry["MessageBody"], entry["MessageAttributes"])
                self.happened["messages from the past"] += 1
        if self._rng.random() < self._plan.garbage:
            messages.send(
                self._rng.choice(["", "null", '{"v": 1}', "\x00", '{"v":1,"workflow":"metadata","attempt_id":-1}'])
            )
            self.happened["garbage sent"] += 1

    # Draining

    def _drain(self) -> None:
        self._raging = False
        self._tell("draining")
        self._disasters.heal()
        self._client.trouble = Trouble()
        for queue in self._queues:
            queue.mischief = CALM
        self._payloads = []
        self._work_off()
        for _ in range(self._plan.drain_rounds):
            if cancelled := self._overseer.ids("status = 'New'", 5_000):
                self._payloads.append(requeue(cancelled))
            self._pass(self._plan.drain_seconds)
            self._ticks_wanted = 1
            self._work_off()
            self.happened["rounds of draining"] += 1
            if not any(queue.size() for queue in self._queues) and not self._overseer.ids(f"NOT {ENDED}", 1):
                return

    def _work_off(self) -> None:
        """Until nobody is busy and nothing can be received now."""
        while True:
            self._thaw()
            self._start_work()
            if not self._pool.busy and not self._ticks_wanted and not self._payloads:
                return
            self._listen()
