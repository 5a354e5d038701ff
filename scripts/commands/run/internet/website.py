"""What a website of the small internet is: a function from a request to an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True)
class Request:
    """A request as it came: ``target`` is the raw path with its query, ``headers`` is case-insensitive."""

    method: str
    scheme: str
    host: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path, percent-decoded (bytes that are no UTF-8 become U+FFFD)."""
        return unquote_to_bytes(self.target.partition("?")[0]).decode(errors="replace")


@dataclass(frozen=True)
class Answer:
    """A response. With ``cut_at`` the connection breaks after that many bytes of the announced body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None


class Website(Protocol):
    """Whoever answers for a host name."""

    def answer(self, request: Request) -> Answer:
        """The response to ``request``; must be quick, as it runs in the server's event loop."""
        ...


def redirect(location: str, status: int = 301) -> Answer:
    """A redirect to ``location``."""
    return Answer(status, f"Moved to {location}\n".encode(), {"Location": location, "Content-Type": "text/plain"})


def not_found() -> Answer:
    """A plain 404."""
    body = b"<!doctype html><title>404 Not Found</title><h1>Not Found</h1>"
    return Answer(404, body, {"Content-Type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class RedirectTo:
    """A host that only sends visitors on to ``host`` (and to ``scheme``, where given), path and query kept."""

    host: str
    scheme: str | None = None

    def answer(self, request: Request) -> Answer:
        """Always a 301."""
        return redirect(f"{self.scheme or request.scheme}://{self.host}{request.target}")
