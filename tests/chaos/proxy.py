"""A TCP proxy in front of Postgres that drops bytes or resets connections, as a network does.

In a black hole, bytes are read and dropped and no connection is closed, as when a NAT gateway forgets a flow.
"""

import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Thread

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What the proxy does with bytes."""

    FORWARD = "forward"
    BLACK_HOLE = "black hole"  #: drop both directions
    DEAF = "deaf"  #: drop the server's answers


class Proxy:
    """Listens on 127.0.0.1:``port`` and connects each client to ``target``. One thread serves all connections."""

    def __init__(self, target: int) -> None:
        self.mode = Mode.FORWARD
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._servers: set[socket.socket] = set()
        self._lost: set[socket.socket] = set()
        self._cut = self._heal = self._stop = False

    @classmethod
    @contextmanager
    def before(cls, port: int) -> Iterator["Proxy"]:
        """Run a proxy in front of the server on ``port``."""
        proxy = cls(port)
        thread = Thread(target=proxy._run, name="proxy", daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy._stop = True
            proxy._wake.send(b".")
            thread.join()
            # Warning: closed here and not by the thread, which may end before the wake-up is sent.
            for one in (proxy._listener, proxy._woken, proxy._wake):
                one.close()

    def cut(self) -> None:
        """Reset every connection."""
        self._cut = True
        self._wake.send(b".")

    def heal(self) -> None:
        """Forward again. Reset the connections that lost bytes or that one end closed meanwhile, as TCP does."""
        self.mode = Mode.FORWARD
        self._heal = True
        self._wake.send(b".")

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while not self._stop:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._woken.recv(1024)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._pump(key.fileobj)
            if self._cut:
                self._cut = False
                self._reset(set(self._pairs))
            if self._heal:
                self._heal = False
                self._reset(self._lost)
        self._reset(set(self._pairs))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=2)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)
        self._servers.add(server)

    def _pump(self, source: socket.socket) -> None:
        if source not in self._pairs:
            return
        target = self._pairs[source]
        try:
            data = source.recv(65_536)
        except OSError:
            data = b""
        dropping = self.mode is Mode.BLACK_HOLE or (self.mode is Mode.DEAF and source in self._servers)
        if dropping:
            self._lost |= {source, target}
            if not data:
                # The other end must not notice before the network heals.
                self._selector.unregister(source)
        elif not data:
            self._reset({source})
        else:
            try:
                target.sendall(data)
            except OSError:
                self._reset({source})

    def _reset(self, sockets: set[socket.socket]) -> None:
        for one in list(sockets):
            for end in (one, self._pairs.get(one)):
                if end is None or end not in self._pairs:
                    continue
                del self._pairs[end]
                self._servers.discard(end)
                self._lost.discard(end)
                with suppress(KeyError, ValueError):
                    self._selector.unregister(end)
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                end.close()
