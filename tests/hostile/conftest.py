"""Fixtures of the hostile tests: a listener that the client must never connect to."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class InternalService:
    """A socket that listens on every local address: the target of an SSRF."""

    socket: socket.socket

    @property
    def port(self) -> int:
        """The port."""
        return int(self.socket.getsockname()[1])

    def was_dialled(self) -> bool:
        """Return whether a client has connected since the last call."""
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def internal() -> Iterator[InternalService]:
    """A service of the internal network, on all of its addresses, including IPv6 if available."""
    if socket.has_dualstack_ipv6():
        listener = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listener = socket.create_server(("", 0))
    listener.setblocking(False)
    with listener:
        yield InternalService(listener)
