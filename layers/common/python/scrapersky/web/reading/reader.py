"""The parent's side: start the child process, send it pages, replace it when it dies, grows or is stuck.

One child serves an execution environment; pages are read one after the other. It survives from one invocation to the
next, as its socket and process do not belong to an event loop, and ends by itself when the parent is gone.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from scrapersky.errors import Permanent, Transient
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched
from scrapersky.web.reading.child import MAX_REPLY, OUT_OF_MEMORY

INHERITED = ("LD_LIBRARY_PATH", "LANG", "LC_ALL", "PATH")
"""Environment variables that the child gets: what Python itself may need, and no key."""

READY_SECONDS = 30.0
"""How long a child may take to start; one that takes longer is replaced."""

RESTART_BYTES = 80_000_000
"""A child that holds more memory after a page is replaced, as it would leave the next page less."""

Waiting = Callable[[], AbstractAsyncContextManager[None]]
"""Marks the time that a record waits for the child, which must not count against the record's own deadline."""


class PageReader:
    """Reads pages in a child process with ``functions``, each ``module:function``. Make one per cold start.

    A function takes a :class:`Fetched` and keyword options and returns a JSON object. Its module has a function
    ``warm_up()`` that uses everything which reading a page may import or load, as the child can open no file later.
    """

    def __init__(self, settings: Settings, functions: Sequence[str]) -> None:
        self._settings = settings
        self._functions = tuple(functions)
        self._child: _Child | None = None
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def start(self) -> None:
        """Start the child if there is none. Returns at once; the child imports its modules meanwhile."""
        if self._child is not None and self._child.process.poll() is None:
            return
        self.close()
        self._child = _Child.start(self._functions, self._settings.reader_memory_mb * 1_000_000)

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    async def read(
        self, function: str, fetched: Fetched, *, waiting: Waiting = nullcontext, **options: object
    ) -> dict[str, Any]:
        """Return what ``function`` makes of ``fetched``.

        Raises Permanent ``too_complex`` for a page that needs more memory or processor time than READER_MEMORY_MB and
        READER_CPU_SECONDS, and Transient ``reader_died`` if the child ended for another reason. If the caller is
        cancelled in the middle of its page the child is killed; a caller that still waits for its turn leaves it alone.
        """
        request = self._request(function, fetched, options)
        lock = self._lock_of_this_loop()
        async with waiting():
            await lock.acquire()
        try:
            async with waiting():
                child = await self._ready()
            try:
                reply = await child.exchange(request, fetched.body)
            except BaseException:  # also cancellation: the child is still busy with this page
                self.close()
                raise
            if reply is None:
                raise self._death(child, fetched.url)
        finally:
            lock.release()
        if reply["resident"] > RESTART_BYTES:
            self.close()
            self.start()
        if "error" in reply:
            raise RuntimeError(f"{function} failed: {reply['error']}")
        result: dict[str, Any] = reply["result"]
        return result

    def _request(self, function: str, fetched: Fetched, options: Mapping[str, object]) -> bytes:
        """Return the head of a request: everything but the body."""
        request = {
            "function": function,
            "fetched": {
                "status": fetched.status,
                "url": fetched.url,
                "requested_url": fetched.requested_url,
                "redirects": fetched.redirects,
                "headers": dict(fetched.headers),
                "truncated": fetched.truncated,
                "wire_bytes": fetched.wire_bytes,
            },
            "options": options,
            "cpu_seconds": self._settings.reader_cpu_seconds,
        }
        return json.dumps(request).encode("ascii")

    async def _ready(self) -> "_Child":
        """Return a child that has started; one that ended since its last page is replaced."""
        for _ in range(2):
            self.start()
            child = self._child
            assert child is not None
            try:
                async with asyncio.timeout(READY_SECONDS):
                    if child.is_ready or await child.receive() is not None:
                        child.is_ready = True
                        return child
            except BaseException:
                self.close()
                raise
            self.close()
        raise Transient("reader_died", "the process that reads pages ended while it was starting")

    def _death(self, child: "_Child", url: str) -> Permanent | Transient:
        self.close()
        status = child.process.wait()
        if status == OUT_OF_MEMORY:
            return Permanent("too_complex", f"reading {url} takes more than {self._settings.reader_memory_mb} MB")
        if status == -signal.SIGPROF:
            seconds = self._settings.reader_cpu_seconds
            return Permanent("too_complex", f"reading {url} takes more than {seconds:g} s of processor time")
        return Transient("reader_died", f"the process that reads pages ended with status {status} while reading {url}")

    def _lock_of_this_loop(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = (loop, asyncio.Lock())
        return self._lock[1]


class _Child:
    """A running child and the socket that leads to its standard input."""

    def __init__(self, process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
        self.process = process
        self.is_ready = False
        self._connection = connection

    @classmethod
    def start(cls, functions: Sequence[str], memory_bytes: int) -> "_Child":
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-S", "-P", "-m", "scrapersky.web.reading.child", str(memory_bytes), *functions],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    **{name: os.environ[name] for name in INHERITED if name in os.environ},
                },
            )
        ours.setblocking(False)
        return cls(process, ours)

    async def exchange(self, head: bytes, body: bytes) -> dict[str, Any] | None:
        """Send one request; return the reply, or None if the child ended instead."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            for part in (struct.pack(">I", len(head)) + head, struct.pack(">I", len(body)), body):
                await loop.sock_sendall(self._connection, part)
        return await self.receive()

    async def receive(self) -> dict[str, Any] | None:
        """Return the next frame, or None if the child ended."""
        try:
            length = struct.unpack(">I", await self._exactly(4))[0]
            if length > MAX_REPLY + 1_000:
                return None
            content: dict[str, Any] = json.loads(await self._exactly(length))
        except (EOFError, ConnectionError):
            return None
        return content

    async def _exactly(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        received = bytearray()
        while len(received) < size:
            chunk = await loop.sock_recv(self._connection, size - len(received))
            if not chunk:
                raise EOFError
            received += chunk
        return bytes(received)

    def kill(self) -> None:
        self.process.kill()
        self._connection.close()
        self.process.wait()
