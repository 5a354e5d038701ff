"""A process supervisor: when the process that started a command dies, for whatever reason, the command's whole tree dies too.

Warning: PR_SET_PDEATHSIG alone is not enough. It fires when the *thread* that started the child ends, is lost when the child
changes its credentials (as Postgres does under ``unshare``), and never reaches grandchildren (the emulator's function
workers). So a small process stands between: it holds the read end of a pipe whose only write end is the caller's, adopts
every orphan below it, and kills them all when the pipe closes or the command ends.

Only :func:`supervised` runs this file as a script; it imports the standard library alone, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def supervised(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: IO[bytes] | int,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace: float = 5,
    user: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` until the block ends, then send ``stop_signal``, and SIGKILL to what is left after ``grace`` seconds.

    Yields the supervisor, whose ``poll()`` says whether the command runs and whose exit status is the command's. ``output``
    receives stdout and stderr. ``user`` is the uid and gid to switch to first (needs root). A terminal's Ctrl-C does not
    reach the command: it runs in its own session, so that the caller decides the order in which things stop.
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(int(stop_signal)), str(grace), str(user or 0), *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=dict(environment),
        cwd=directory,
        start_new_session=True,
    )
    try:
        yield supervisor
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        supervisor.wait()


def main(arguments: list[str]) -> int:
    """``supervisor.py SIGNAL GRACE UID COMMAND…``: run COMMAND until it ends or standard input closes; return its status."""
    stop_signal, grace, user, command = int(arguments[0]), float(arguments[1]), int(arguments[2]) or None, arguments[3:]
    signals, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, _only_wake)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)

    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  no threads here
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    while child.poll() is None:
        ready, _, _ = select.select([0, signals], [], [])
        received = os.read(signals, 4096) if signals in ready else b""
        if 0 in ready or set(received) - {int(signal.SIGCHLD)}:
            break
        _reap_orphans(child.pid)
    _stop(child, stop_signal, grace)
    _kill_descendants(grace)
    code = child.returncode
    return code if code >= 0 else 128 - code


def _only_wake(number: int, frame: object) -> None:
    """Handle a signal: it only wakes the loop, through the wake-up descriptor."""


def _stop(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    if child.poll() is None:
        child.send_signal(stop_signal)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _kill_descendants(grace: float) -> None:
    """Kill and reap every descendant that outlived the child; as the subreaper, this process inherited the orphans."""
    give_up = time.monotonic() + grace
    while time.monotonic() < give_up:
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return


def _reap_orphans(child: int) -> None:
    """Reap adopted processes that ended while the child still runs, so that no zombie stays."""
    for pid in _children_by_parent().get(os.getpid(), []):
        if pid != child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _descendants(pid: int) -> list[int]:
    children = _children_by_parent()
    found: list[int] = []
    generation = children.get(pid, [])
    while generation:
        found += generation
        generation = [grandchild for parent in generation for grandchild in children.get(parent, [])]
    return found


def _children_by_parent() -> dict[int, list[int]]:
    """Return {parent: [children]} of all processes, from /proc (empty without one: macOS has no subreaper either)."""
    children: dict[int, list[int]] = {}
    proc = Path("/proc")
    if not proc.is_dir():
        return children
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may itself hold spaces and brackets; the parent is the second field after it.
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    return children


def _prctl(option: int, value: int) -> None:
    """Call prctl(2) on Linux; do nothing elsewhere."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  only here, and only on Linux

        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
