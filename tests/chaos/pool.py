"""The pool of execution environments, seen from the parent: starts them, talks to them, notices that one died."""

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
from tests.chaos.environment import Answer, Ask, Function, Go, Held, Invoke, live
from tests.chaos.event_source import Batch, EventSourceMapping
from tests.chaos.sqs import SqsError

CONTEXT = multiprocessing.get_context("forkserver")
"""A server that has imported everything forks each environment: a cold start costs milliseconds, and shares nothing."""


@dataclass
class Work:
    """One invocation under way. ``batch`` and its ``source`` when a mapping made it."""

    invoke: Invoke
    kind: str
    batch: Batch | None = None
    source: EventSourceMapping | None = None
    began: float = 0.0
    killed_by: str | None = None  #: what the parent did to it; None when it died by its own orders


class Environment:
    """One process. ``work`` is what it does now, ``held`` the point it waits at."""

    def __init__(self, function: Function, variables: Mapping[str, str], seed: int) -> None:
        self.function = function
        self.pipe: Pipe
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=live, args=(theirs, function, dict(variables), seed), daemon=True)
        self.process.start()
        theirs.close()
        self.work: Work | None = None
        self.held: str | None = None

    def invoke(self, work: Work) -> None:
        """Starts an invocation. A process that died in the meantime is noticed when it does not answer."""
        self.work = work
        work.began = time.monotonic()
        self._send(work.invoke)

    def let_go(self) -> None:
        """Ends a hold."""
        self.held = None
        if self.work is not None:
            self.work.began = time.monotonic()
        self._send(Go())

    def kill(self, why: str) -> None:
        """SIGKILL, from outside."""
        if self.work is not None:
            self.work.killed_by = why
        self.held = None
        self.process.kill()

    def _send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            return


@dataclass(frozen=True)
class Returned:
    """An invocation ended with an answer or an exception."""

    work: Work
    answer: Answer


@dataclass(frozen=True)
class Died:
    """An environment is gone, with what it was doing."""

    work: Work | None
    killed: bool


class Pool:
    """Environments of both functions, a few slots each; a dead one's slot is filled again at its next use."""

    def __init__(self, client: Client, seed: int, time_limit: float) -> None:
        self._client = client
        self._seed = seed
        self._time_limit = time_limit
        self._slots: list[tuple[Function, Mapping[str, str]]] = []
        self._environments: list[Environment | None] = []
        self.counts: Counter[str] = Counter()
        CONTEXT.set_forkserver_preload(["tests.chaos.environment", "scrapersky.web.client", "dead_letter"])

    def add(self, function: Function, variables: Mapping[str, str]) -> None:
        """One more slot."""
        self._slots.append((function, variables))
        self._environments.append(None)

    def idle(self, function: Function) -> Iterator[Environment]:
        """Environments that could take an invocation now; cold ones are started when they are reached."""
        for number, (of, variables) in enumerate(self._slots):
            environment = self._environments[number]
            if of == function and (environment is None or environment.work is None):
                if environment is None:
                    environment = Environment(function, variables, self._seed)
                    self._environments[number] = environment
                    self.counts["cold starts"] += 1
                yield environment

    @property
    def living(self) -> list[Environment]:
        """Those that have been started and not died."""
        return [environment for environment in self._environments if environment is not None]

    @property
    def busy(self) -> list[Environment]:
        """Those with an invocation, held ones too."""
        return [environment for environment in self.living if environment.work is not None]

    def listen(self, seconds: float) -> list[Returned | Died]:
        """Serves the environments for at most ``seconds``; returns as soon as something ended."""
        happened: list[Returned | Died] = []
        by_pipe = {environment.pipe: environment for environment in self.living}
        for pipe in wait(list(by_pipe), timeout=seconds):
            environment = by_pipe[pipe]  # type: ignore[index]
            try:
                message = environment.pipe.recv()
            except (EOFError, OSError):
                happened.append(self._bury(environment))
                continue
            match message:
                case Ask(method, arguments):
                    environment._send(self._ask(method, arguments))
                case Held(point):
                    environment.held = point
                    self.counts[f"held {point}"] += 1
                case Answer():
                    assert environment.work is not None
                    work, environment.work = environment.work, None
                    happened.append(Returned(work, message))
        self._enforce_time_limit()
        return happened

    def close(self) -> None:
        """Ends every environment."""
        for environment in self.living:
            environment.kill("the end")
            environment.process.join()
            environment.pipe.close()
        self._environments = [None] * len(self._environments)

    def _ask(self, method: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return getattr(self._client, method)(**arguments)
        except SqsError as error:
            return error

    def _bury(self, environment: Environment) -> Died:
        environment.process.join()
        environment.pipe.close()
        self._environments[self._environments.index(environment)] = None
        killed = environment.process.exitcode == -signal.SIGKILL
        self.counts["deaths by SIGKILL" if killed else f"deaths with exit {environment.process.exitcode}"] += 1
        return Died(environment.work, killed)

    def _enforce_time_limit(self) -> None:
        """Lambda's own timeout: an invocation that takes too long is killed, wherever it is."""
        for environment in self.busy:
            assert environment.work is not None
            if environment.held is None and time.monotonic() - environment.work.began > self._time_limit:
                self.counts["timed out"] += 1
                environment.kill("Lambda's timeout")
                environment.work.began = float("inf")
