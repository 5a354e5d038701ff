"""A contender's process: started, warmed up, held until all are ready, then let go, and heard.

It runs ``python -m scripts.commands.bench.child MODULE VERB JSON``: the function ``VERB`` of the module, with the values as
keywords. A function that takes ``go`` calls it when it is ready to be timed, and its time and processor time count from there.
"""

import inspect
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from scripts.commands.bench.peers import environment

TIME_LIMIT_SECONDS = 1_800


class ContenderFailed(RuntimeError):
    """A contender's process ended without a result; the message ends with what it said."""


@dataclass(frozen=True)
class Told:
    """What a process answered, its seconds from go to end, and its processor seconds, children included."""

    value: Any
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass
class Child:
    """A running contender."""

    process: "subprocess.Popen[str]"
    name: str

    @classmethod
    def start(cls, python: Path | str, module: str, verb: str, **values: Any) -> "Child":
        """Starts it; it goes on by itself until it is ready."""
        process = subprocess.Popen(
            [str(python), "-m", "scripts.commands.bench.child", module, verb, json.dumps(values)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        return cls(process, f"{module}.{verb}")

    def ready(self) -> None:
        """Waits until it is."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            self._fail()

    def go(self) -> None:
        """Lets it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def told(self) -> Told:
        """Waits for its answer. Raises :class:`ContenderFailed`."""
        try:
            out, err = self.process.communicate(timeout=TIME_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise ContenderFailed(f"{self.name}: no answer within {TIME_LIMIT_SECONDS} s") from None
        lines = out.strip().splitlines()
        if self.process.returncode != 0 or not lines:
            raise ContenderFailed(f"{self.name} ended with {self.process.returncode}: {err.strip()[-3000:]}")
        return Told(**json.loads(lines[-1]))

    def _fail(self) -> None:
        self.process.kill()
        _, err = self.process.communicate()
        raise ContenderFailed(f"{self.name} never got ready: {err.strip()[-3000:]}")


def call(python: Path | str, module: str, verb: str, **values: Any) -> Told:
    """One process, one answer."""
    child = Child.start(python, module, verb, **values)
    if verb in TIMED:
        child.ready()
        child.go()
    return child.told()


TIMED = ("work",)
CHILDREN_CPU_SECONDS = "children_cpu_seconds"
"""A key of what ``work`` may return: what its children used for the work alone, without their start and their end."""


def together(children: Sequence[Child], *, ready: bool = False) -> tuple[float, list[Told]]:
    """Lets all go at once; returns the slowest one's seconds, and what each told. ``ready``: the caller has waited for that."""
    if not ready:
        for child in children:
            child.ready()
    for child in children:
        child.go()
    told = [child.told() for child in children]
    return max(one.seconds for one in told), told


def main(module: str, verb: str, values: str) -> None:
    """The process itself: prints ``ready`` when asked to, and its answer as the last line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a contender logs costs it its formatting, and disturbs nobody
    began = [time.perf_counter(), _cpu_seconds()]

    def go() -> None:
        print("ready", file=answers, flush=True)
        sys.stdin.readline()
        began[:] = [time.perf_counter(), _cpu_seconds()]

    function: Callable[..., Any] = getattr(import_module(module), verb)
    keywords = json.loads(values)
    if "go" in inspect.signature(function).parameters:
        keywords["go"] = go
    value = function(**keywords)
    ended, cpu = time.perf_counter(), _cpu_seconds()
    if isinstance(value, dict) and CHILDREN_CPU_SECONDS in value:
        own = resource.getrusage(resource.RUSAGE_SELF)
        cpu = own.ru_utime + own.ru_stime + value.pop(CHILDREN_CPU_SECONDS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {"value": value, "seconds": ended - began[0], "cpu_seconds": cpu - began[1], "peak_mb": peak}
    print(json.dumps(answer), file=answers, flush=True)


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent


if __name__ == "__main__":
    main(*sys.argv[1:4])
