"""A website of the small internet: an object that answers requests. Here: folders of files, and redirects."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

LONGEST_NAME = 255
"""Bytes of a file's name on common file systems; looking up a longer one is an error instead of a "not found"."""

TYPES = {
    ".gz": "application/gzip",  # the file itself is gzip: no Content-Encoding
    ".html": "text/html",  # the page declares its own charset
    ".htm": "text/html",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".xsl": "text/xsl",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class Request:
    """A request as received: ``target`` is the raw path with its query, ``headers`` is case-insensitive."""

    method: str
    scheme: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, percent-decoded (bytes that are not UTF-8 become U+FFFD)."""
        return unquote_to_bytes(self.target.partition("?")[0]).decode(errors="replace")


@dataclass(frozen=True)
class Answer:
    """A response. With ``cut_at`` the connection breaks after that many bytes of the announced body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None


class Website(Protocol):
    """What answers for a host name."""

    def answer(self, request: Request) -> Answer:
        """Return the response to ``request``. Must be quick: it runs in the server's event loop."""
        ...


def redirect(location: str, status: int = 301) -> Answer:
    """Return a redirect to ``location``."""
    return Answer(status, f"Moved to {location}\n".encode(), {"Location": location, "Content-Type": "text/plain"})


def not_found() -> Answer:
    """Return a plain 404."""
    body = b"<!doctype html><title>404 Not Found</title><h1>Not Found</h1>"
    return Answer(404, body, {"Content-Type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class RedirectTo:
    """A host that redirects every request to ``host`` (and to ``scheme``, if set), with path and query kept."""

    host: str
    scheme: str | None = None

    def answer(self, request: Request) -> Answer:
        """Return a 301."""
        return redirect(f"{self.scheme or request.scheme}://{self.host}{request.target}")


@dataclass(frozen=True)
class FileSite:
    """The files under ``folder``, served as a static server does, at ``base_path`` (``""`` or ``/somewhere``) of their host.

    ``pages`` maps paths that are not file names to files, relative to ``folder`` (``/contact`` to ``contact.html``).
    ``headers`` are added to every answer.
    """

    folder: Path
    base_path: str = ""
    pages: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """Return the file, a 304, a redirect from a folder to its own URL, or 404."""
        path = request.path
        if path in {"/", self.base_path} and self.base_path:
            return redirect(f"{self.base_path}/")
        found = self.folder / self.pages[path] if path in self.pages else self._inside(path)
        if found is not None and found.is_dir() and (found / "index.html").is_file():
            ends = path.endswith("/")
            return self._file(found / "index.html", request) if ends else redirect(f"/{quote(path.strip('/'))}/")
        is_file = found is not None and found.is_file() and (path in self.pages or not path.endswith("/"))
        return self._file(found, request) if found is not None and is_file else self.missing()

    def _inside(self, path: str) -> Path | None:
        parts = [part for part in path.removeprefix(self.base_path).split("/") if part]
        bad = any(part in {".", ".."} or "\0" in part or len(part.encode()) > LONGEST_NAME for part in parts)
        return None if bad or not path.startswith(f"{self.base_path}/") else self.folder.joinpath(*parts)

    def missing(self) -> Answer:
        """Return the site's own 404."""
        page = self.folder / "404.html"
        if page.is_file():
            return Answer(404, page.read_bytes(), {"Content-Type": "text/html", **self.headers})
        answer = not_found()
        return Answer(answer.status, answer.body, {**answer.headers, **self.headers})

    def _file(self, file: Path, request: Request) -> Answer:
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"Content-Type": content_type(file.name), "ETag": etag, **self.headers}
        if request.headers.get("If-None-Match") == etag:
            return Answer(304, headers=headers)
        return Answer(200, body, headers)


def content_type(name: str) -> str:
    """Return the media type that a static server sends for a file of this name."""
    suffix = Path(name).suffix.lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
