"""A leash for a child process: when the holder dies, however it dies, nothing of the child's whole family stays behind.

Danger first: PR_SET_PDEATHSIG alone would not do. It fires when the *thread* that started the child ends, is lost when
the child changes its credentials (as Postgres under ``unshare`` does), and never reaches grandchildren (the emulator's
function workers). So a tiny process of its own stands between: it holds the read end of a pipe whose only write end is
ours, adopts every orphan below it, and ends them all when the pipe closes or the child ends.

Run as a script by :func:`leashed` only; it imports nothing but the standard library, so that it starts in milliseconds.
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
def leashed(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: IO[bytes] | int,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace: float = 5,
    user: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``command`` until the block ends, then sends ``stop_signal``, and SIGKILL to all left after ``grace`` s.

    The value's ``poll()`` tells whether it still runs (its exit status is the command's); ``output`` gets what it says.
    ``user`` is the uid and gid to become first (needs root). A terminal's Ctrl-C does not reach it: it is in a session
    of its own, so that the holder decides the order in which things stop.
    """
    holder = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(int(stop_signal)), str(grace), str(user or 0), *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=dict(environment),
        cwd=directory,
        start_new_session=True,
    )
    try:
        yield holder
    finally:
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait()


def main(arguments: list[str]) -> int:
    """``leash.py SIGNAL GRACE UID COMMAND…``: runs the command until it or standard input ends; returns its status."""
    stop_signal, grace, user, command = int(arguments[0]), float(arguments[1]), int(arguments[2]) or None, arguments[3:]
    stopped_from_outside, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, _note)
    _ask_kernel(PR_SET_CHILD_SUBREAPER, 1)

    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: _ask_kernel(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  no threads here
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    while child.poll() is None:
        ready, _, _ = select.select([0, stopped_from_outside], [], [])
        noted = os.read(stopped_from_outside, 4096) if stopped_from_outside in ready else b""
        if 0 in ready or set(noted) - {int(signal.SIGCHLD)}:
            break
        _reap_orphans(child.pid)
    _end(child, stop_signal, grace)
    _end_family(grace)
    code = child.returncode
    return code if code >= 0 else 128 - code


def _note(number: int, frame: object) -> None:
    """A signal only wakes the loop, through the wake-up descriptor."""


def _end(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    if child.poll() is None:
        child.send_signal(stop_signal)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _end_family(grace: float) -> None:
    """Kills and reaps every descendant that outlived the child; each orphan became ours, as we are their subreaper."""
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
    """Reaps adopted processes that ended while the child still runs, so that no zombie stays."""
    for pid in _children_by_parent().get(os.getpid(), []):
        if pid != child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _descendants(pid: int) -> list[int]:
    family = _children_by_parent()
    found: list[int] = []
    wave = family.get(pid, [])
    while wave:
        found += wave
        wave = [grandchild for parent in wave for grandchild in family.get(parent, [])]
    return found


def _children_by_parent() -> dict[int, list[int]]:
    """{parent: [children]} of all processes, from /proc (empty where there is none: macOS has no subreaper either)."""
    family: dict[int, list[int]] = {}
    proc = Path("/proc")
    if not proc.is_dir():
        return family
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may hold spaces and brackets itself; the parent is the second field after it.
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                family.setdefault(parent, []).append(int(entry.name))
    return family


def _ask_kernel(option: int, value: int) -> None:
    """prctl(2), where there is one."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  only here, and only on Linux

        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
