"""The process supervisor: no descendant of a command outlives the process that started it."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from scripts.commands.run.supervisor import supervised

TREE = """
import os, subprocess, sys, time
GRANDCHILD = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdout=subprocess.PIPE)
print(os.getpid(), child.stdout.readline().decode().strip(), flush=True)
time.sleep(600)
"""
"""A child with a grandchild in another session: prints both process ids."""

STARTER = f"""
import os, sys
from pathlib import Path
from scripts.commands.run.supervisor import supervised
with supervised([sys.executable, "-c", {TREE!r}], environment=os.environ, directory=Path("."), output=1):
    sys.stdin.read()
"""


def ended(pidfd: int) -> bool:
    """Wait at most 20 s for the end of the process of ``pidfd``; return whether it has ended."""
    try:
        return bool(select.select([pidfd], [], [], 20)[0])
    finally:
        os.close(pidfd)


def line_of(descriptor: int) -> bytes:
    """Return the first line from a pipe, and close it."""
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.readline()


def test_grandchildren_end_when_the_process_that_started_them_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as starter:
        assert starter.stdout is not None
        tree = [os.pidfd_open(int(pid)) for pid in starter.stdout.readline().split()]
        starter.kill()
    assert [ended(pidfd) for pidfd in tree] == [True, True]


def test_a_terminated_supervisor_ends_the_whole_tree(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with (
        pipe.open("wb") as output,
        supervised([sys.executable, "-c", TREE], environment=os.environ, directory=tmp_path, output=output) as child,
    ):
        tree = [os.pidfd_open(int(pid)) for pid in line_of(reading).split()]
        child.send_signal(signal.SIGTERM)
        child.wait()
        assert [ended(pidfd) for pidfd in tree] == [True, True]


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    with supervised(
        [sys.executable, "-c", "raise SystemExit(7)"],
        environment=os.environ,
        directory=tmp_path,
        output=subprocess.DEVNULL,
    ) as child:
        assert child.wait() == 7


def test_a_command_that_ignores_the_stop_signal_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with (
        pipe.open("wb") as output,
        supervised(
            [sys.executable, "-c", stubborn],
            environment=os.environ,
            directory=tmp_path,
            output=output,
            grace=0.1,
        ) as child,
    ):
        line_of(reading)
    assert child.returncode == 128 + signal.SIGKILL
