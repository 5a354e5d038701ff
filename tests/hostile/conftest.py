"""What the hostile tests share: a listener that must never be dialled."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Secret:
    """A listening socket on every local address: what an SSRF would reach."""

    socket: socket.socket

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.socket.getsockname()[1])

    def was_dialled(self) -> bool:
        """Whether anybody connected since the last question."""
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def secret() -> Iterator[Secret]:
    """A service of our own network that listens on all of its addresses, IPv6 too where there is any."""
    if socket.has_dualstack_ipv6():
        listener = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listener = socket.create_server(("", 0))
    listener.setblocking(False)
    with listener:
        yield Secret(listener)
