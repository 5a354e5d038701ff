"""One Lambda execution environment as a process: a cold start, then one invocation after the other.

It ends when its parent closes the pipe, and may be killed at any instruction. It receives ``Invoke`` and ``Resume``,
and sends ``SqsCall``, ``Frozen`` and ``Answer``.
"""

import logging
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from threading import Lock
from typing import Any, Literal

from scrapersky import metrics
from scrapersky.metrics import Observer
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from tests.chaos.crash_points import Interrupt, Points
from tests.chaos.effects import make_job
from tests.chaos.sqs import SqsError

Function = Literal["domain-scheduler", "dead-letter"]
Handler = Callable[[dict[str, Any], Any], Any]

NUMBER = re.compile(r"\d+")
GAUGES = frozenset(
    {
        metrics.OLDEST_QUEUED_SECONDS,
        metrics.OLDEST_PROCESSING_SECONDS,
        metrics.CONNECTIONS_PERCENT,
    }
)
"""Metrics whose sum has no meaning."""


@dataclass(frozen=True)
class Invoke:
    """Run the handler on ``event``."""

    event: dict[str, Any]
    request_id: str
    interrupts: list[Interrupt] = field(default_factory=list)
    remaining_ms: int = 180_000


@dataclass(frozen=True)
class Resume:
    """Continue after a freeze."""


@dataclass(frozen=True)
class SqsCall:
    """Call ``method`` of the SQS client. The reply is a dict or an SqsError."""

    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Frozen:
    """The environment is frozen at ``point``."""

    point: str


@dataclass(frozen=True)
class Answer:
    """The handler returned ``result``, or raised ``error``."""

    result: Any
    error: str | None
    counts: Counter[str]


@dataclass
class Context:
    """Lambda's context object."""

    function_name: str
    aws_request_id: str
    remaining_ms: int
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:chaos"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return self.remaining_ms


class Parent:
    """The environment's end of the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._one_at_a_time = Lock()

    def freeze(self, point: str) -> None:
        """Wait until the parent resumes this environment."""
        with self._one_at_a_time:
            self._pipe.send(Frozen(point))
            self._pipe.recv()

    def call(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """Call the simulated SQS, which runs in the parent."""
        with self._one_at_a_time:
            self._pipe.send(SqsCall(method, arguments))
            reply = self._pipe.recv()
        if isinstance(reply, SqsError):
            raise reply
        return reply


class RemoteSqs:
    """The SQS client of an environment."""

    def __init__(self, parent: Parent, points: Points) -> None:
        self._parent = parent
        self._points = points

    def send_message_batch(self, **arguments: Any) -> Any:
        """SendMessageBatch."""
        self._points.reach("before send")
        answer = self._parent.call("send_message_batch", arguments)
        self._points.reach("after send")
        return answer

    def change_message_visibility_batch(self, **arguments: Any) -> Any:
        """ChangeMessageVisibilityBatch."""
        return self._parent.call("change_message_visibility_batch", arguments)


class CountingObserver(Observer):
    """An observer that counts metrics and log lines instead of writing them."""

    def __init__(self, service: str, stage: str) -> None:
        super().__init__(service, stage)
        self.log.setLevel(logging.INFO)
        self.log.handlers.clear()
        self.log.addHandler(_CountingHandler(self))
        self.counts: Counter[str] = Counter()

    def count(self, metric: str, value: float = 1, **_: Any) -> None:
        """Add up a metric."""
        if metric not in GAUGES:
            self.counts[metric] += round(value)

    def transition(self, **keys: Any) -> None:
        """Ignore transitions: the database counts them."""

    def line(self, message: str, keys: Mapping[str, Any]) -> None:
        """Count the stale results that a batch reports."""
        if message == "batch":
            self.counts["started"] += keys["started"]
            self.counts["pulled"] += keys["pulled"]
            self.counts["Pulled"] += keys["pulled_before"]
            self.counts["stale deliveries"] += keys["stale"]
            self.counts["Stale"] += keys["stale"] + keys["outcomes"].get("stale", 0)
            self.counts["stale results"] += keys["outcomes"].get("stale", 0)

    def flush(self) -> None:
        """Write nothing."""

    def take(self) -> Counter[str]:
        """Return the counts since the last call."""
        taken, self.counts = self.counts, Counter()
        return taken


class _CountingHandler(logging.Handler):
    def __init__(self, observer: CountingObserver) -> None:
        super().__init__(logging.WARNING)
        self._observer = observer

    def emit(self, record: logging.LogRecord) -> None:
        message = NUMBER.sub("N", record.getMessage())
        self._observer.counts[f"log: {message[:60]}"] += 1


def run_environment(pipe: Pipe, function: Function, variables: Mapping[str, str], seed: int) -> None:
    """Serve invocations of ``function``, configured by ``variables``, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(variables)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # it reports each broken connection
    parent = Parent(pipe)
    points = Points(parent.freeze)
    observer = CountingObserver(function, "chaos")
    invocation = Invoke({}, "")
    if function == "domain-scheduler":
        handler = _service(parent, points, observer, variables, seed, lambda: invocation.request_id)
    else:
        handler = _dead_letter(points, observer)
    while True:
        try:
            invocation = pipe.recv()
        except EOFError:
            return
        points.set(invocation.interrupts)
        result, error = None, None
        try:
            result = handler(invocation.event, Context(function, invocation.request_id, invocation.remaining_ms))
        except Exception as raised:  # as Lambda's runtime, which reports whatever a handler raises
            error = f"{type(raised).__name__}: {raised}"
        points.reach("before answer")
        pipe.send(Answer(result, error, observer.take()))


def _service(
    parent: Parent,
    points: Points,
    observer: CountingObserver,
    variables: Mapping[str, str],
    seed: int,
    request_id: Callable[[], str],
) -> Handler:
    job = make_job(seed, request_id, points.reach)
    service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: job}, variables)
    service.runtime = replace(service.runtime, observer=observer)
    queue = MessageQueue(variables["QUEUE_URL"], RemoteSqs(parent, points))
    service.runtime = replace(service.runtime, queue=queue)
    points.watch(service.runtime.database.engine)
    return service.handler


def _dead_letter(points: Points, observer: CountingObserver) -> Handler:
    from dead_letter import handler as module

    vars(module)["observer"] = observer
    points.watch(module.database.engine)
    return module.handler
