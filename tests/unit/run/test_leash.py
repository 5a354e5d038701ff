"""The leash: nothing of a child's family outlives its holder."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from scripts.commands.run.leash import leashed

FAMILY = """
import os, subprocess, sys, time
GRANDCHILD = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdout=subprocess.PIPE)
print(os.getpid(), child.stdout.readline().decode().strip(), flush=True)
time.sleep(600)
"""
"""A child with a grandchild that left its session: prints both process ids."""

HOLDER = f"""
import os, sys
from pathlib import Path
from scripts.commands.run.leash import leashed
with leashed([sys.executable, "-c", {FAMILY!r}], environment=os.environ, directory=Path("."), output=1):
    sys.stdin.read()
"""


def ended(pidfd: int) -> bool:
    """Waits until the process of ``pidfd`` has ended, at most for some seconds."""
    try:
        return bool(select.select([pidfd], [], [], 20)[0])
    finally:
        os.close(pidfd)


def line_of(descriptor: int) -> bytes:
    """The first line that comes out of a pipe, which is closed then."""
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.readline()


def test_grandchildren_end_with_a_holder_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as holder:
        assert holder.stdout is not None
        family = [os.pidfd_open(int(pid)) for pid in holder.stdout.readline().split()]
        holder.kill()
    assert [ended(pidfd) for pidfd in family] == [True, True]


def test_a_leash_that_is_terminated_takes_the_family_with_it(tmp_path: Path) -> None:
    said = tmp_path / "said"
    os.mkfifo(said)
    reading = os.open(said, os.O_RDONLY | os.O_NONBLOCK)
    with (
        said.open("wb") as output,
        leashed([sys.executable, "-c", FAMILY], environment=os.environ, directory=tmp_path, output=output) as child,
    ):
        family = [os.pidfd_open(int(pid)) for pid in line_of(reading).split()]
        child.send_signal(signal.SIGTERM)
        child.wait()
        assert [ended(pidfd) for pidfd in family] == [True, True]


def test_the_exit_status_is_the_commands(tmp_path: Path) -> None:
    with leashed(
        [sys.executable, "-c", "raise SystemExit(7)"],
        environment=os.environ,
        directory=tmp_path,
        output=subprocess.DEVNULL,
    ) as child:
        assert child.wait() == 7


def test_who_ignores_the_polite_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    said = tmp_path / "said"
    os.mkfifo(said)
    reading = os.open(said, os.O_RDONLY | os.O_NONBLOCK)
    with (
        said.open("wb") as output,
        leashed(
            [sys.executable, "-c", stubborn],
            environment=os.environ,
            directory=tmp_path,
            output=output,
            grace=0.1,
        ) as child,
    ):
        line_of(reading)
    assert child.returncode == 128 + signal.SIGKILL
