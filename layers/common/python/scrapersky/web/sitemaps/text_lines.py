"""Text sitemaps: one absolute url a line; of a list with columns, whatever in it is one."""

import re
from collections.abc import Iterator, Sequence

from scrapersky.web.sitemaps.entry import Entry, make_entry
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits

_LINE_END = re.compile(r"[\r\n]+")
_NEXT_COLUMN = re.compile(r"\t|(?<![ ,;])[ ,;]{1,8}(?=https?://|\d{4}-\d\d-\d\d\b)")  # linear: no run is entered twice


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

    def feed(self, text: str) -> Iterator[list[Entry]]:
        """The entries of the lines that ``text`` ends."""
        *lines, self._rest = _LINE_END.split(self._rest + text)
        # No url is that long: of an endless line only the start is kept, which is enough to refuse it.
        self._rest = self._rest[: self._limits.field_characters]
        yield [entry for line in lines for entry in self._entries(line)]

    def close(self, *, truncated: bool) -> Iterator[list[Entry]]:
        """The entry of the last line; of a truncated body nobody knows whether that line is whole."""
        self.complete = not truncated
        if truncated:
            self.trouble = f"the body ends early, after {self._seen} lines"
        else:
            yield list(self._entries(self._rest))

    def _entries(self, line: str) -> Iterator[Entry]:
        line = line.strip()
        if not line or line.startswith("#"):
            return
        found: Sequence[Entry | None] = [entry for column in columns(line) if (entry := make_entry(column, None))]
        for entry in found or (None,):
            if self.capped:
                return
            self._seen += 1
            if self._seen > self._limits.urls:
                self.capped = "urls"
            elif entry is None:
                self.skipped += 1
            else:
                yield entry


def columns(line: str) -> Sequence[str]:
    """The parts of a line: more than one where tabs part them, or blanks or commas before a url or a date."""
    return _NEXT_COLUMN.split(line)
