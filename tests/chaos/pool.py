"""The pool of execution environments in the parent: start them, serve them, detect that one died."""

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any

from tests.chaos.client import Client
from tests.chaos.environment import Answer, Frozen, Function, Invoke, Resume, SqsCall, run_environment
from tests.chaos.event_source import Batch, EventSourceMapping
from tests.chaos.sqs import SqsError

CONTEXT = multiprocessing.get_context("forkserver")
"""A server that has imported everything forks each environment: a cold start takes milliseconds and shares nothing."""


@dataclass
class Invocation:
    """An invocation under way. ``batch`` and its ``source`` when an event source mapping made it."""

    invoke: Invoke
    kind: str
    batch: Batch | None = None
    source: EventSourceMapping | None = None
    began: float = 0.0
    killed_by: str | None = None  #: why the parent killed it; None when it died at a crash point


class Environment:
    """One process. ``invocation`` is what it runs now, ``frozen_at`` the point at which it is frozen."""

    def __init__(self, function: Function, variables: Mapping[str, str], seed: int) -> None:
        self.function = function
        self.pipe: Pipe
        self.pipe, child = CONTEXT.Pipe()
        arguments = (child, function, dict(variables), seed)
        self.process = CONTEXT.Process(target=run_environment, args=arguments, daemon=True)
        self.process.start()
        child.close()
        self.invocation: Invocation | None = None
        self.frozen_at: str | None = None

    def invoke(self, invocation: Invocation) -> None:
        """Start an invocation. If the process has died in the meantime, the missing answer shows it."""
        self.invocation = invocation
        invocation.began = time.monotonic()
        self._send(invocation.invoke)

    def resume(self) -> None:
        """End a freeze."""
        self.frozen_at = None
        if self.invocation is not None:
            self.invocation.began = time.monotonic()
        self._send(Resume())

    def kill(self, why: str) -> None:
        """Send SIGKILL."""
        if self.invocation is not None:
            self.invocation.killed_by = why
        self.frozen_at = None
        self.process.kill()

    def _send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            return


@dataclass(frozen=True)
class Returned:
    """An invocation ended with an answer or an exception."""

    invocation: Invocation
    answer: Answer


@dataclass(frozen=True)
class Died:
    """An environment ended, with the invocation it ran."""

    invocation: Invocation | None


class Pool:
    """Slots for environments of both functions. The slot of one that died is filled at its next use."""

    def __init__(self, client: Client, seed: int, time_limit: float) -> None:
        self._client = client
        self._seed = seed
        self._time_limit = time_limit
        self._slots: list[tuple[Function, Mapping[str, str]]] = []
        self._environments: list[Environment | None] = []
        self.counts: Counter[str] = Counter()
        CONTEXT.set_forkserver_preload(["tests.chaos.environment", "scrapersky.web.client", "dead_letter"])

    def add(self, function: Function, variables: Mapping[str, str]) -> None:
        """Add one slot."""
        self._slots.append((function, variables))
        self._environments.append(None)

    def idle(self, function: Function) -> Iterator[Environment]:
        """Yield the environments that can take an invocation, starting cold ones."""
        for number, (of, variables) in enumerate(self._slots):
            environment = self._environments[number]
            if of == function and (environment is None or environment.invocation is None):
                if environment is None:
                    environment = Environment(function, variables, self._seed)
                    self._environments[number] = environment
                    self.counts["cold starts"] += 1
                yield environment

    @property
    def living(self) -> list[Environment]:
        """The environments that were started and have not died."""
        return [environment for environment in self._environments if environment is not None]

    @property
    def busy(self) -> list[Environment]:
        """The environments with an invocation, frozen ones included."""
        return [environment for environment in self.living if environment.invocation is not None]

    def serve(self, seconds: float) -> list[Returned | Died]:
        """Serve the environments for at most ``seconds``; return as soon as an invocation ended."""
        ended: list[Returned | Died] = []
        by_pipe = {environment.pipe: environment for environment in self.living}
        for pipe in wait(list(by_pipe), timeout=seconds):
            environment = by_pipe[pipe]  # type: ignore[index]
            try:
                message = environment.pipe.recv()
            except (EOFError, OSError):
                ended.append(self._remove(environment))
                continue
            match message:
                case SqsCall(method, arguments):
                    environment._send(self._call(method, arguments))
                case Frozen(point):
                    environment.frozen_at = point
                    self.counts[f"frozen {point}"] += 1
                case Answer():
                    assert environment.invocation is not None
                    invocation, environment.invocation = environment.invocation, None
                    ended.append(Returned(invocation, message))
        self._enforce_time_limit()
        return ended

    def close(self) -> None:
        """End every environment."""
        for environment in self.living:
            environment.kill("end of the run")
            environment.process.join()
            environment.pipe.close()
        self._environments = [None] * len(self._environments)

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return getattr(self._client, method)(**arguments)
        except SqsError as error:
            return error

    def _remove(self, environment: Environment) -> Died:
        environment.process.join()
        environment.pipe.close()
        self._environments[self._environments.index(environment)] = None
        killed = environment.process.exitcode == -signal.SIGKILL
        self.counts["deaths by SIGKILL" if killed else f"deaths with exit {environment.process.exitcode}"] += 1
        return Died(environment.invocation)

    def _enforce_time_limit(self) -> None:
        """Kill invocations that exceed Lambda's timeout."""
        for environment in self.busy:
            assert environment.invocation is not None
            if environment.frozen_at is None and time.monotonic() - environment.invocation.began > self._time_limit:
                self.counts["timed out"] += 1
                environment.kill("Lambda's timeout")
                environment.invocation.began = float("inf")
