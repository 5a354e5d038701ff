"""A server that accepts connections and never answers, as behind a broken route or a stalled service."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_server() -> Iterator[int]:
    """Listen on 127.0.0.1 and say nothing; yield the port. The kernel accepts the connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield int(listener.getsockname()[1])
