"""A website that is a folder of files, served as an ordinary static server does."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from scripts.commands.run.internet.website import Answer, Request, not_found, redirect

LONGEST_NAME = 255
"""Bytes of a file's name on every ordinary file system; asking for a longer one is an error instead of a no."""

TYPES = {
    ".gz": "application/gzip",  # the file itself is gzip: no Content-Encoding
    ".html": "text/html",  # a charset is the page's own affair
    ".htm": "text/html",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".xsl": "text/xsl",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class FileSite:
    """The files under ``folder``, standing at ``base_path`` (``""`` or ``/somewhere``) of their host.

    ``pages`` names files, relative to ``folder``, for paths that are no file names (``/contact`` is ``contact.html``).
    ``headers`` come with every answer.
    """

    folder: Path
    base_path: str = ""
    pages: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """The file, its 304, a redirect to a folder's own address, or 404."""
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
        """The site's own 404."""
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
    """The media type that a static server sends for a file of this name."""
    suffix = Path(name).suffix.lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
