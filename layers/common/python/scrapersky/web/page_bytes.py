"""The bytes of an HTML page that are worth keeping: images and fonts embedded in it (``data:`` urls) are most of the largest
pages, and stand before the footer with its address."""

import re

# In lower case, as everybody writes it: any case would be looked for nine times as long.
_EMBEDDED = re.compile(rb"data:[\w.+/-]{1,60}(?:;[\w.=-]{1,40}){0,3};base64,")
_LONGEST = 200  # bytes of a match, or more
_CONTENT = re.compile(rb"[A-Za-z0-9+/=%]*")


class PageBytes:
    """At most ``limit`` bytes of a page that is fed in pieces, without what its ``data:`` urls hold; however it is cut."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self._limit = limit
        self._held = b""
        self._inside = False

    @property
    def full(self) -> bool:
        """Whether there was more than is kept: feeding more is useless."""
        return len(self.kept) > self._limit

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes."""
        at, piece = 0, self._held + piece
        while True:
            if self._inside:
                content = _CONTENT.match(piece, at)
                at = content.end() if content else at
                self._inside = at == len(piece)
            found = _EMBEDDED.search(piece, at)
            if found is None:
                break
            self.kept += piece[at : found.end()]
            at, self._inside = found.end(), True
        undecided = max(at, len(piece) - _LONGEST)
        self.kept += piece[at:undecided]
        self._held = piece[undecided:]

    def end(self) -> bytes:
        """All that is kept of the page, when no more comes."""
        return bytes((self.kept + self._held)[: self._limit])
