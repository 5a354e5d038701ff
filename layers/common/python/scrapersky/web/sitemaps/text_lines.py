"""Text sitemaps: one absolute url a line."""

import re
from collections.abc import Iterator

from scrapersky.web.sitemaps.entry import Entry, make_entry
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits

_LINE_END = re.compile(r"[\r\n]+")


class TextLines:
    """The entries of a text sitemap fed in pieces; lines that are no url are counted in ``skipped``, comments are not."""

    kind = Kind.TEXT

    def __init__(self, limits: Limits) -> None:
        self.skipped = 0
        self.capped: str | None = None
        self.complete = True
        self.trouble: str | None = None
        self._limits = limits
        self._seen = 0
        self._rest = ""

    def feed(self, text: str) -> Iterator[Entry]:
        """The entries of the lines that ``text`` ends."""
        *lines, self._rest = _LINE_END.split(self._rest + text)
        # No url is that long: of an endless line only the start is kept, which is enough to refuse it.
        self._rest = self._rest[: self._limits.field_characters]
        for line in lines:
            yield from self._entry(line)

    def close(self, *, truncated: bool) -> Iterator[Entry]:
        """The entry of the last line; of a truncated body nobody knows whether that line is whole."""
        self.complete = not truncated
        if truncated:
            self.trouble = f"the body ends early, after {self._seen} lines"
        else:
            yield from self._entry(self._rest)

    def _entry(self, line: str) -> Iterator[Entry]:
        line = line.strip()
        if not line or line.startswith("#") or self.capped:
            return
        self._seen += 1
        if self._seen > self._limits.urls:
            self.capped = "urls"
            return
        entry = make_entry(line, None)
        if entry is None:
            self.skipped += 1
        else:
            yield entry
