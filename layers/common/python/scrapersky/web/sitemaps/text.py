"""Reads text sitemaps: one absolute URL per line, or several columns of which some are URLs."""

import re
from collections.abc import Iterator, Sequence

from scrapersky.web.sitemaps.entry import make_entry
from scrapersky.web.sitemaps.types import Entry, Kind, Limits

_LINE_END = re.compile(r"[\r\n]+")
_NEXT_COLUMN = re.compile(r'\t|"[,;]|(?<![ ,;])[ ,;]{1,8}(?=https?://|\d{4}-\d\d-\d\d\b)')  # linear: scans no run twice


class TextLines:
    """The entries of a text sitemap that is fed in pieces.

    Lines without a URL are counted in ``skipped``; comments are not.
    """

    kind = Kind.TEXT

    def __init__(self, limits: Limits) -> None:
        self.skipped = 0
        self.capped: str | None = None
        self.complete = True
        self.error: str | None = None
        self._limits = limits
        self._seen = 0
        self._rest = ""

    def feed(self, text: str) -> Iterator[list[Entry]]:
        """Yield the entries of the lines that ``text`` completes."""
        *lines, self._rest = _LINE_END.split(self._rest + text)
        # No URL is that long: the start of an endless line is enough to skip it.
        self._rest = self._rest[: self._limits.field_characters]
        yield [entry for line in lines for entry in self._entries(line)]

    def close(self, *, truncated: bool) -> Iterator[list[Entry]]:
        """Yield the entries of the last line, unless the body was truncated: then the line may be incomplete."""
        self.complete = not truncated
        if truncated:
            self.error = f"the body ends early, after {self._seen} lines"
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
    """Return the columns of a line, without quotes: separated by tabs, or by blanks or commas before a URL or a date."""
    return [column.strip('"') for column in _NEXT_COLUMN.split(line)]
