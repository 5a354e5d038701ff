"""One Lambda execution environment, as a process of its own: a cold start, then one invocation after the other.

It ends when its parent closes the pipe, and when it is killed; it may be killed at any instruction. Over the pipe it gets
``Invoke`` and ``Go``, and says ``Ask`` (a call of SQS), ``Held`` and ``Answer``.
"""

import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from threading import Lock
from typing import Any, Literal

from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.runtime.runtime import BackgroundService
from tests.chaos.effects import make_job
from tests.chaos.points import Order, Points
from tests.chaos.sqs import SqsError
from tests.chaos.tally import Tally

Function = Literal["domain-scheduler", "dead-letter"]
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Invoke:
    """Run the handler on ``event``."""

    event: dict[str, Any]
    request_id: str
    orders: list[Order] = field(default_factory=list)
    remaining_ms: int = 180_000


@dataclass(frozen=True)
class Go:
    """Go on, after having been held."""


@dataclass(frozen=True)
class Ask:
    """Call ``method`` of the SQS client; a dict comes back, or an SqsError."""

    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Held:
    """Waiting at ``point`` until told to go on."""

    point: str


@dataclass(frozen=True)
class Answer:
    """The handler returned ``result``, or raised ``error``."""

    result: Any
    error: str | None
    counts: Counter[str]


@dataclass
class Context:
    """What Lambda hands to a handler."""

    function_name: str
    aws_request_id: str
    remaining_ms: int
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:chaos"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return self.remaining_ms


class Parent:
    """The environment's end of the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._one_at_a_time = Lock()

    def hold(self, point: str) -> None:
        """Waits until the parent says so."""
        with self._one_at_a_time:
            self._pipe.send(Held(point))
            self._pipe.recv()

    def ask(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """A call of the simulated SQS, which lives with the parent."""
        with self._one_at_a_time:
            self._pipe.send(Ask(method, arguments))
            told = self._pipe.recv()
        if isinstance(told, SqsError):
            raise told
        return told


class RemoteSqs:
    """The SQS client of an environment."""

    def __init__(self, parent: Parent, points: Points) -> None:
        self._parent = parent
        self._points = points

    def send_message_batch(self, **arguments: Any) -> Any:
        """SendMessageBatch."""
        self._points.reach("before send")
        answer = self._parent.ask("send_message_batch", arguments)
        self._points.reach("after send")
        return answer

    def change_message_visibility_batch(self, **arguments: Any) -> Any:
        """ChangeMessageVisibilityBatch."""
        return self._parent.ask("change_message_visibility_batch", arguments)


def live(pipe: Pipe, function: Function, variables: Mapping[str, str], seed: int) -> None:
    """The whole life of an environment of ``function``, configured by ``variables``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(variables)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # broken connections are what this is about
    parent = Parent(pipe)
    points = Points(parent.hold)
    tally = Tally(function, "chaos")
    invocation = Invoke({}, "")
    if function == "domain-scheduler":
        handler = _service(parent, points, tally, variables, seed, lambda: invocation.request_id)
    else:
        handler = _dead_letter(points, tally)
    while True:
        try:
            invocation = pipe.recv()
        except EOFError:
            return
        points.obey(invocation.orders)
        result, error = None, None
        try:
            result = handler(invocation.event, Context(function, invocation.request_id, invocation.remaining_ms))
        except Exception as raised:  # Lambda's runtime reports whatever a handler raises
            error = f"{type(raised).__name__}: {raised}"
        points.reach("before answer")
        pipe.send(Answer(result, error, tally.take()))


def _service(
    parent: Parent,
    points: Points,
    tally: Tally,
    variables: Mapping[str, str],
    seed: int,
    request_id: Callable[[], str],
) -> Handler:
    job = make_job(seed, request_id, points.reach)
    service = BackgroundService(DOMAIN_SCHEDULER, {METADATA: job}, variables)
    service.runtime = replace(service.runtime, observer=tally)
    vars(service.runtime.queue)["_sqs"] = RemoteSqs(parent, points)
    points.watch(service.runtime.database.engine)
    return service.handler


def _dead_letter(points: Points, tally: Tally) -> Handler:
    from dead_letter import handler as module

    vars(module)["observer"] = tally
    points.watch(module.database.engine)
    return module.handler
