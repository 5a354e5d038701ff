"""A service on virtual time: its invocations, ticks and queue run in one event loop, whose clock jumps to the next event.

The database is a real one, and its time does not move. Queries take no virtual time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.batch import work_on_batch
from scrapersky.runtime.context import Job
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.registry import Service
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.tick import tick
from scrapersky.status.workflow import Workflow
from tests.chaos.event_source import Batch, EventSourceMapping
from tests.chaos.sqs import Clock, Queue
from tests.integration.lambda_context import LambdaContext

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When no callback is ready, its time jumps to the next timer. Work for a thread is done at once, in the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        """Return the virtual time."""
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override] # noqa: ARG002
        """Call ``func`` now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        private: Any = self
        if not private._ready:
            timers = [timer.when() for timer in private._scheduled if not timer.cancelled()]
            self._now = max(self._now, min(timers, default=self._now))
        private.__class__.__base__._run_once(self)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def now() -> float:
    """Return the event loop's time."""
    return asyncio.get_running_loop().time()


def advance(seconds: float) -> None:
    """Let time pass within the present callback, as a call that blocks does."""
    loop: Any = asyncio.get_running_loop()
    loop._now += seconds


class LoopClock(Clock):
    """The event loop's time as the clock of a queue."""

    def __init__(self) -> None:
        """Need nothing."""

    @property
    def now(self) -> float:  # type: ignore[override]
        """Return the event loop's time."""
        return now()


@dataclass
class LoopContext(LambdaContext):
    """Lambda's context of an invocation that ends at ``end``."""

    end: float = 0.0

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return int(1000 * (self.end - now()))


class SqsClient:
    """boto3's client of one simulated queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        """Send every message."""
        for entry in Entries:
            self._queue.send(entry["MessageBody"], entry["MessageAttributes"])
        return {}

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        """Change the visibility timeout of every message."""
        for entry in Entries:
            self._queue.change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"])
        return {}


@dataclass(frozen=True)
class Ran:
    """One invocation on messages: when it began and ended."""

    request_id: str
    began: float
    ended: float


@dataclass
class Simulation:
    """The service with ticks, a queue and as many concurrent invocations as its settings allow."""

    runtime: Runtime
    ran: list[Ran] = field(default_factory=list)
    requests: int = 0

    @classmethod
    def of(cls, service: Service, jobs: Mapping[Workflow, Job], environment: Mapping[str, str]) -> "Simulation":
        """Return the simulation of ``service`` with these jobs."""
        return cls(BackgroundService(service, jobs, environment).runtime)

    async def run(self, seconds: float) -> None:
        """Let ``seconds`` pass, with a tick at the start of each minute, and wait for the invocations that still run."""
        queue = Queue("messages", LoopClock(), visibility_timeout=1_080.0)
        self.runtime = replace(self.runtime, queue=MessageQueue(queue.url, SqsClient(queue)))
        mapping = EventSourceMapping(queue, maximum_concurrency=self.runtime.service_settings.max_instances)
        invocations = set()
        end = now() + seconds
        next_tick = now()
        while now() < end:
            if now() >= next_tick:
                tick(self.runtime, self._request_id("tick"))
                next_tick += 60
            while batch := mapping.poll():
                invocations.add(asyncio.create_task(self._deliver(mapping, batch)))
            await asyncio.sleep(1)
        await asyncio.gather(*invocations)

    async def _deliver(self, mapping: EventSourceMapping, batch: Batch) -> None:
        answer = await self.invoke(batch.event["Records"], self.runtime.settings.function_timeout_seconds)
        mapping.answered(batch, answer)

    async def invoke(self, records: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
        """Invoke the function with a batch of messages; it must end within ``seconds``."""
        began, request_id = now(), self._request_id("batch")
        async with asyncio.timeout(seconds):
            answer = await work_on_batch(
                self.runtime, records, LoopContext(aws_request_id=request_id, end=began + seconds)
            )
        self.ran.append(Ran(request_id, began, now()))
        return answer

    def _request_id(self, kind: str) -> str:
        self.requests += 1
        return f"{kind}-{self.requests}"
