"""Run a contender in a process of its own: start it, wait until it is ready, let it go, read its answer.

The process is ``python -m scripts.commands.bench.child MODULE FUNCTION JSON``: it calls the module's function with the
values as keywords. A function that takes ``go`` calls it when it is ready to be timed; its time and processor time
count from there.
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
TIMED = ("work",)
"""Functions that take ``go``."""
TICKS = os.sysconf("SC_CLK_TCK")


class ContenderFailed(RuntimeError):
    """A contender's process ended without a result; the message ends with its standard error."""


@dataclass(frozen=True)
class Answer:
    """What a process returned, its seconds from go to end, and its processor seconds, children included."""

    value: Any
    seconds: float
    cpu_seconds: float


@dataclass
class Child:
    """A running contender."""

    process: "subprocess.Popen[str]"
    name: str

    @classmethod
    def start(cls, python: Path | str, module: str, function: str, **values: Any) -> "Child":
        """Start the process; it prepares itself until it is ready."""
        process = subprocess.Popen(
            [str(python), "-m", "scripts.commands.bench.child", module, function, json.dumps(values)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        return cls(process, f"{module}.{function}")

    def ready(self) -> None:
        """Wait until it is ready. Raises :class:`ContenderFailed`."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            self.process.kill()
            _, err = self.process.communicate()
            raise ContenderFailed(f"{self.name} never got ready: {err.strip()[-3000:]}")

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answer(self) -> Answer:
        """Wait for its answer. Raises :class:`ContenderFailed`."""
        try:
            out, err = self.process.communicate(timeout=TIME_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise ContenderFailed(f"{self.name}: no answer within {TIME_LIMIT_SECONDS} s") from None
        lines = out.strip().splitlines()
        if self.process.returncode != 0 or not lines:
            raise ContenderFailed(f"{self.name} ended with {self.process.returncode}: {err.strip()[-3000:]}")
        return Answer(**json.loads(lines[-1]))


def call(python: Path | str, module: str, function: str, **values: Any) -> Answer:
    """Run one process and return its answer."""
    child = Child.start(python, module, function, **values)
    if function in TIMED:
        child.ready()
        child.go()
    return child.answer()


def run_together(children: Sequence[Child]) -> tuple[float, list[Answer]]:
    """Let all ready ``children`` go at once; return the slowest one's seconds, and every answer."""
    for child in children:
        child.go()
    answers = [child.answer() for child in children]
    return max(one.seconds for one in answers), answers


def main(module: str, function: str, values: str) -> None:
    """Run in the process itself: print ``ready`` when the function is ready, and its answer as the last line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # log lines cost their formatting, and are discarded
    began = [time.perf_counter(), _cpu_seconds()]

    def go() -> None:
        print("ready", file=answers, flush=True)
        sys.stdin.readline()
        began[:] = [time.perf_counter(), _cpu_seconds()]

    called: Callable[..., Any] = getattr(import_module(module), function)
    keywords = json.loads(values)
    if "go" in inspect.signature(called).parameters:
        keywords["go"] = go
    value = called(**keywords)
    ended, cpu = time.perf_counter(), _cpu_seconds()
    answer = {"value": value, "seconds": ended - began[0], "cpu_seconds": cpu - began[1]}
    print(json.dumps(answer), file=answers, flush=True)


def _cpu_seconds() -> float:
    """Return the processor seconds of this process and of all its descendants, those that still run included."""
    spent = family_cpu_seconds(os.getpid(), with_itself=False)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent


def family_cpu_seconds(pid: int, *, with_itself: bool = True) -> float:
    """Return the processor seconds of a process and all its running descendants, with those of their ended children."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                columns = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(columns[1]), []).append(int(entry.name))
            spent[int(entry.name)] = sum(map(int, columns[11:15])) / TICKS
    total, family = 0.0, [pid] if with_itself else parents.get(pid, [])
    while family:
        member = family.pop()
        total += spent.get(member, 0.0)
        family += parents.get(member, [])
    return total


if __name__ == "__main__":
    main(*sys.argv[1:4])
